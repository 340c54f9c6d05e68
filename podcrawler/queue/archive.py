"""What Redis knows of a whole archive: its podcasts and their logins, its nodes, its events, whether it is paused.

The moves of entries are broker.py's, and what pages list is in listings.py.
Everything here blocks.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from redis import Redis
from typing_extensions import TypedDict

from podcrawler.ids import PODCAST_ID
from podcrawler.logins import Login, masked
from podcrawler.queue.keys import Keys
from podcrawler.queue.overview import REPORT_SECONDS, Overview, Report
from podcrawler.queue.scripts import source_alone
from podcrawler.queue.values import Count, Rate, Shape, read_json, text

#: Events in one reply of Redis.
_EVENT_BATCH = 1000


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
    #: As far as its name tells it (``names.version_of``), or its sidecar.
    version: int = 1
    #: Of a file with a sidecar, which tells that the id is that of the episode: by what it is known again
    #: (identities.py), as text.
    traits: str = ""


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
    #: Episodes that were to be fetched, and are not wanted any more.
    dropped: Count
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


_ADDRESSED, _FILE, _TEXTS = Shape[_Addressed](_Addressed), Shape[_File](_File), Shape[dict[str, str]](dict[str, str])
_EVENT, _VISIT = Shape[Event](Event), Shape[Visit](Visit)


class Archive(Overview):
    """One archive in Redis. Cheap to make; safe to use from several threads."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        super().__init__(redis, keys)
        self._write_report = self._redis.register_script(source_alone("report"))

    def pause(self) -> None:
        """Grant no leases until ``resume`` (lua/lease.lua reads the key)."""
        self._redis.set(self._keys.paused, 1)

    def resume(self) -> bool:
        """End the pause; whether there was one."""
        return bool(self._redis.delete(self._keys.paused))

    def podcast_address(self, podcast_id: str) -> str:
        """The address of the podcast's last list page; empty if none was finished."""
        record = self._redis.hget(self._keys.podcasts, podcast_id)
        found = read_json(_ADDRESSED, record, f"the podcast {podcast_id}") if record else None
        return found["address"] if found else ""

    def restore_podcast(self, podcast_id: str, record: str) -> None:
        """Record what was told of a podcast, as JSON, unless a list page of it was finished."""
        self._redis.hsetnx(self._keys.podcasts, podcast_id, record)

    def keep_login(self, names: Iterable[str], login: Login) -> None:
        """Keep the login under these names: a podcast's id, and the address that it is known by."""
        self._redis.hset(self._keys.logins, mapping=dict.fromkeys(names, json.dumps(login._asdict())))

    def login(self, name: str) -> Login | None:
        """The login that is kept under the name."""
        return self.logins_of([name])[0]

    def logins_of(self, names: Sequence[str]) -> list[Login | None]:
        """For each of the names: the login that is kept under it."""
        kept = zip(names, self._redis.hmget(self._keys.logins, list(names)), strict=True)
        return [_read_login(name, value) if value else None for name, value in kept]

    def logins(self) -> dict[str, Login]:
        """All logins that are kept, by address and by id."""
        kept = {text(name): value for name, value in self._redis.hgetall(self._keys.logins).items()}
        return {name: login for name, value in kept.items() if (login := _read_login(name, value))}

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

    def wait_for_event(self, event_id: str, seconds: float) -> None:
        """Wait until there is an event after the one with this id, but no longer than ``seconds``."""
        self._redis.xread({self._keys.events: event_id}, count=1, block=max(1, round(seconds * 1000)))


def _read_login(name: str, value: bytes) -> Login | None:
    return Login.read(read_json(_TEXTS, value, f"the login of {masked(name)}"))


def _written(report: Report) -> dict[str, str]:
    """The values of a report as they are written, but its name and its times."""
    values = {name: value for name, value in asdict(report).items() if name not in ("name", "started", "seen", "age")}
    return {name: json.dumps(value, ensure_ascii=False, separators=(",", ":")) for name, value in values.items()}


def size_of(report: Report) -> int:
    """How many bytes of values it takes."""
    return sum(len(value.encode()) for value in _written(report).values())


def _event(event_id: str, values: Mapping[bytes, bytes]) -> Event | None:
    texts = {text(name): text(value) for name, value in values.items()}
    if texts.get("path"):
        texts["size"] = texts.get("value", "")
    event = _EVENT.read({**texts, "id": event_id}, f"the event {event_id}")
    return replace(event, delay=event.delay / 1000) if event else None
