"""What Redis knows of a whole archive: its podcasts and their logins, its nodes, its events, whether it is paused.

The moves of entries are broker.py's, and what pages list is in listings.py.
Everything here blocks.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from importlib.resources import files as files_of
from typing import Annotated, Any, Literal, cast

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json
from redis import Redis
from scrapy.settings import BaseSettings
from typing_extensions import TypedDict

from podcrawler.config import Config
from podcrawler.exceptions import RedisError
from podcrawler.items import PODCAST_ID
from podcrawler.logins import Login, masked
from podcrawler.queue.keys import Keys
from podcrawler.queue.naming import legal_id
from podcrawler.queue.values import Count, Rate, Time, cause, moment, read_json, tell, text

#: The version of the keys and values in Redis, so that nodes of different versions never work on one queue. It goes
#: up by one with every change that the version before could not read; docs/queue-operations.md says how to upgrade.
SCHEMA = 1
#: Seconds after which the report of a node that wrote no other expires.
REPORT_SECONDS = 15
#: Bytes of values that a report takes at most, and those of one that is read: of another release it may be longer.
REPORT_BYTES = 4096
_MOST_READ = 4 * REPORT_BYTES
#: Reports that are read, of the nodes that wrote one last.
_MOST_NODES = 1000
#: Events in one reply of Redis.
_EVENT_BATCH = 1000


@dataclass(frozen=True, slots=True)
class InHand:
    """An episode that a node is downloading."""

    key: str
    #: Its beginning, if it is a long one.
    title: str
    #: Bytes so far, and the bytes that the server announced (None: it did not).
    received: Count
    expected: Count | None
    #: Bytes per second, averaged over the last few reports.
    rate: Rate = 0.0


#: What a node does: it works; it waits for something that can be leased; it is paused, which ``holds_off`` explains; it
#: finishes what it has begun, and then ends; it ends at once.
State = Literal["working", "waiting", "paused", "draining", "stopping"]


@dataclass(frozen=True, slots=True)
class Report:
    """The last report of a node. Its fields are those of the hash in Redis, and of ``status --json``. Nothing in it
    changes, because a call that writes it may be repeated."""

    name: str
    spider: str
    pid: Count
    host: str
    #: Seconds since 1970, by Redis's clock.
    started: Time
    seen: Time
    finished: Count
    failed: Count
    bytes: Count
    #: What is being downloaded, as far as a report has room for it.
    in_hand: tuple[InHand, ...] = ()
    #: How many episodes are being downloaded; None: all that are in hand.
    transfers: Count | None = None
    #: How many leases the node holds.
    leases: Count = 0
    #: None: a node of an earlier release, which does not say.
    state: State | None = None
    #: What the tokens of its leases begin with (``Broker.mark``); empty: as above.
    mark: str = ""
    #: Why the node starts nothing new for now; empty while it does.
    holds_off: str = ""
    #: Seconds since ``seen`` when it was read. Not in the hash.
    age: float = 0.0


@dataclass(frozen=True, slots=True)
class Event:
    """The end of one lease: ``state`` is ``finished``, ``delayed`` or ``failed``."""

    #: Of the entry in the stream; later events have greater ids.
    id: str
    state: Literal["finished", "delayed", "failed"]
    key: str
    group: str
    #: Of an episode that was downloaded: bytes, and the path in the store.
    size: Count = 0
    path: str = ""
    #: Of an error.
    kind: str = ""
    reason: str = ""
    #: Seconds until an entry that is delayed is tried again; 0 if a node of an earlier release told it.
    delay: Rate = 0.0


@dataclass(frozen=True, slots=True)
class Imported:
    """A media file that was there before podcrawler."""

    podcast_id: str
    #: The id in the file's name.
    id: str
    #: The title in the file's name.
    title: str
    #: Bytes.
    size: int


class Visit(TypedDict, total=False):
    """What a list page led to: a podcast, or, if it is a list of subscriptions, other pages."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]  # pydantic's name for it

    podcast: Annotated[str, Field(pattern=f"^{PODCAST_ID.pattern}$")]
    title: str
    #: Numbers of episodes; the other fields of a page are those of ``Account.to_json``.
    listed: Count
    added: Count
    finished: Count
    failed: Count
    #: The id of the podcast that declared the guid first that this one declares.
    claims: Annotated[str, Field(pattern=f"^{PODCAST_ID.pattern}$")]
    #: Number of podcasts.
    referred: Count
    #: Sentences.
    not_followed: list[str]


class _Addressed(TypedDict):
    address: str


class _File(TypedDict):
    title: str
    size: Count


_ADDRESSED, _FILE, _TEXTS = TypeAdapter(_Addressed), TypeAdapter(_File), TypeAdapter(dict[str, str])
_EVENT, _REPORT, _VISIT = TypeAdapter(Event), TypeAdapter(Report), TypeAdapter(Visit)
#: The fields of the hash of a report.
_REPORTED = [field.name for field in fields(Report) if field.name not in ("name", "age")]


class Archive:
    """One archive in Redis. Cheap to make; safe to use from several threads."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        # redis-py's types allow for text where this client answers in bytes.
        self._redis: Any = redis
        self._keys = keys
        self._write_report = self._redis.register_script(_script("report"))

    @classmethod
    def from_settings(cls, settings: BaseSettings, redis: Redis) -> "Archive":
        return cls(redis, Keys(Config.read(settings).namespace))

    def check_schema(self, *, mark: bool = False) -> None:
        """Raises RedisError if the archive has another schema than ours. With ``mark``, one that has none gets ours."""
        if mark:
            self._redis.setnx(self._keys.schema, SCHEMA)
        found = self._redis.get(self._keys.schema)
        if found is not None and (version := text(found)) != str(SCHEMA):
            raise RedisError(
                f"The queue {self._keys.archive}* in this Redis has schema {version}, and this podcrawler works with "
                f"{SCHEMA}: install the version that the other nodes have, or upgrade as docs/queue-operations.md says."
            )

    def pause(self) -> None:
        """Grant no leases until ``resume`` (lua/lease.lua reads the key)."""
        self._redis.set(self._keys.paused, 1)

    def resume(self) -> bool:
        """End the pause; whether there was one."""
        return bool(self._redis.delete(self._keys.paused))

    def is_paused(self) -> bool:
        return bool(self._redis.exists(self._keys.paused))

    def podcast_ids(self) -> list[str]:
        """The ids of all podcasts that a list page was finished for."""
        return [name for found in self._redis.hkeys(self._keys.podcasts) if (name := legal_id(found))]

    def podcast_address(self, podcast_id: str) -> str:
        """The address of the podcast's last list page; empty if none was finished."""
        record = self._redis.hget(self._keys.podcasts, podcast_id)
        found = read_json(_ADDRESSED, record, f"the podcast {podcast_id}") if record else None
        return found["address"] if found else ""

    def keep_login(self, names: Iterable[str], login: Login) -> None:
        """Keep the login under these names: a podcast's id, and the address that it is known by."""
        self._redis.hset(self._keys.logins, mapping=dict.fromkeys(names, json.dumps(login._asdict())))

    def login(self, name: str) -> Login | None:
        """The login that is kept under the name."""
        value = self._redis.hget(self._keys.logins, name)
        return Login.read(read_json(_TEXTS, value, f"the login of {masked(name)}")) if value else None

    def visits(self, roots: Sequence[str]) -> dict[str, list[Visit]]:
        """By address: the results of its last visit, one for each list page, if there was one."""
        pipe = self._redis.pipeline(transaction=False)
        for root in roots:
            pipe.hvals(self._keys.visit(root))
        found = ((root, value) for root, values in zip(roots, pipe.execute(), strict=True) for value in values)
        visits: dict[str, list[Visit]] = {}
        for root, value in found:
            if (visit := read_json(_VISIT, value, f"a visit to {masked(root)}")) is not None:
                visits.setdefault(root, []).append(visit)
        return visits

    def imported(self, podcast_id: str) -> dict[str, Imported]:
        """The podcast's imported files whose episodes are not known yet, by the id in the file's name."""
        files = {}
        for field, value in self._redis.hgetall(self._keys.imported(podcast_id)).items():
            name = text(field)
            if file := read_json(_FILE, value, f"the imported file {name} of {podcast_id}"):
                files[name] = Imported(podcast_id, name, file["title"], file["size"])
        return files

    def keep_imported(self, files: Iterable[Imported]) -> None:
        """Keep imported files until their episodes are known."""
        for file in files:
            self._redis.hset(
                self._keys.imported(file.podcast_id), file.id, json.dumps({"title": file.title, "size": file.size})
            )

    def drop_imported(self, podcast_id: str, names: Sequence[str]) -> None:
        """Forget imported files by the ids in their names, and that episodes with these ids are finished."""
        self._redis.hdel(self._keys.imported(podcast_id), *names)
        self._redis.hdel(self._keys.finished(podcast_id), *names)

    def write_report(self, report: Report) -> bool:
        """Replace the node's report; whether there was one. Of its times only the difference counts: Redis's clock says
        when it was."""
        fields = [word for name, value in _written(report).items() for word in (name, value)]
        uptime = report.seen - report.started
        return bool(
            self._write_report(
                keys=[self._keys.node(report.name), self._keys.nodes],
                args=[report.name, REPORT_SECONDS, uptime, *fields],
            )
        )

    def remove_report(self, name: str) -> None:
        pipe = self._redis.pipeline(transaction=True)
        pipe.delete(self._keys.node(name))
        pipe.zrem(self._keys.nodes, name)
        pipe.execute()

    def reports(self) -> list[Report]:
        """The reports of all nodes that are alive, by name."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.time()
        pipe.zrevrange(self._keys.nodes, 0, _MOST_NODES - 1, withscores=True)
        time, found = pipe.execute()
        now = moment(time)
        names = sorted(text(name) for name, seen in found if abs(now - seen) <= REPORT_SECONDS)
        for name in names:
            for field in _REPORTED:
                pipe.hstrlen(self._keys.node(name), field)
        lengths = pipe.execute(raise_on_error=False)
        sizes = [lengths[start : start + len(_REPORTED)] for start in range(0, len(lengths), len(_REPORTED))]
        fitting = [name for name, size in zip(names, sizes, strict=True) if _fits(name, size)]
        for name in fitting:
            pipe.hmget(self._keys.node(name), _REPORTED)
        reports = (_report(name, values, now) for name, values in zip(fitting, pipe.execute(), strict=True))
        return [report for report in reports if report]

    def last_event_id(self) -> str:
        """The id of the newest event; ``0`` if there is none."""
        newest = self._redis.xrevrange(self._keys.events, count=1)
        return str(newest[0][0].decode()) if newest else "0"

    def events_since(self, event_id: str) -> list[Event]:
        """The events after the one with this id, oldest first. The stream keeps the last 10,000 or so."""
        events: list[Event] = []
        while batch := self._redis.xread({self._keys.events: event_id}, count=_EVENT_BATCH):
            events += [event for found, values in batch[0][1] if (event := _event(found.decode(), values))]
            event_id = batch[0][1][-1][0].decode()
        return events


def _script(name: str) -> str:
    return (files_of(__package__) / "lua" / f"{name}.lua").read_text(encoding="utf-8")


def _written(report: Report) -> dict[str, str]:
    """The values of a report as they are written, but its name and its times."""
    values = {name: value for name, value in asdict(report).items() if name not in ("name", "started", "seen", "age")}
    return {name: json.dumps(value, ensure_ascii=False, separators=(",", ":")) for name, value in values.items()}


def size_of(report: Report) -> int:
    """How many bytes of values it takes."""
    return sum(len(value.encode()) for value in _written(report).values())


def _fits(name: str, lengths: Sequence[int | Exception]) -> bool:
    """Whether these are the lengths of the values of a report."""
    if any(isinstance(length, Exception) for length in lengths):
        tell(f"the report of the node {name}", "it has another type")
        return False
    if (size := sum(cast("Sequence[int]", lengths))) > _MOST_READ:
        tell(f"the report of the node {name}", f"it has {size} bytes")
    return 0 < size <= _MOST_READ


def _report(name: str, values: Sequence[bytes | None], now: float) -> Report | None:
    """The report; None if it has ended meanwhile, or cannot be read."""
    try:
        fields = {field: from_json(value) for field, value in zip(_REPORTED, values, strict=True) if value is not None}
        if not fields:
            return None
        report = _REPORT.validate_python({**fields, "name": name})
        return replace(report, age=max(0.0, now - report.seen))
    except ValidationError as error:
        tell(f"the report of the node {name}", cause(error))
    except ValueError as error:
        tell(f"the report of the node {name}", error)
    return None


def _event(event_id: str, values: Mapping[bytes, bytes]) -> Event | None:
    texts = {text(name): text(value) for name, value in values.items()}
    if texts.get("path"):
        texts["size"] = texts.get("value", "")
    try:
        event = _EVENT.validate_python({**texts, "id": event_id})
        return replace(event, delay=event.delay / 1000)
    except ValidationError as error:
        tell(f"the event {event_id}", cause(error))
        return None
