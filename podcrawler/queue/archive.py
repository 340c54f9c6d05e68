"""What Redis knows of a whole archive: its podcasts and their logins, its nodes, its events, whether it is paused.

The moves of entries are broker.py's, and what pages list is in listings.py; no other module sends commands to Redis.
Everything here blocks.
"""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from redis import Redis
from scrapy.settings import BaseSettings

from podcrawler.config import Config
from podcrawler.exceptions import RedisError
from podcrawler.logins import Login
from podcrawler.queue.keys import Keys

#: The version of the keys and values in Redis, so that nodes of different versions never work on one queue. It goes
#: up by one with every change that the version before could not read; docs/queue-operations.md says how to upgrade.
SCHEMA = 1
#: Seconds after which the report of a node that wrote no other expires.
REPORT_SECONDS = 15
#: Events in one reply of Redis.
_EVENT_BATCH = 1000


@dataclass(frozen=True, slots=True)
class InHand:
    """An episode that a node is downloading."""

    key: str
    title: str
    #: Bytes so far, and the bytes that the server announced (None: it did not).
    received: int
    expected: int | None
    #: Bytes per second, averaged over the last few reports.
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """The last report of a node. Its fields are those of the hash in Redis, and of ``status --json``."""

    name: str
    spider: str
    pid: int
    host: str
    #: Seconds since 1970.
    started: float
    seen: float
    finished: int
    failed: int
    bytes: int
    in_hand: list[InHand]
    #: Why the node starts nothing new for now; empty while it does.
    holds_off: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """The end of one lease: ``state`` is ``finished``, ``delayed`` or ``failed``."""

    #: Of the entry in the stream; later events have greater ids.
    id: str
    state: str
    key: str
    group: str
    #: Of an episode that was downloaded: bytes, and the path in the store.
    size: int = 0
    path: str = ""
    #: Of an error.
    kind: str = ""
    reason: str = ""
    #: Seconds until an entry that is delayed is tried again; 0 if a node of an earlier release told it.
    delay: float = 0.0


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


class Archive:
    """One archive in Redis. Cheap to make; safe to use from several threads."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        # redis-py's types allow for text where this client answers in bytes.
        self._redis: Any = redis
        self._keys = keys

    @classmethod
    def from_settings(cls, settings: BaseSettings, redis: Redis) -> "Archive":
        return cls(redis, Keys(Config.read(settings).namespace))

    def check_schema(self) -> None:
        """Mark an archive that has no schema with ours. Raises RedisError if it has another."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.setnx(self._keys.schema, SCHEMA)
        pipe.get(self._keys.schema)
        found = pipe.execute()[1].decode()
        if found != str(SCHEMA):
            raise RedisError(
                f"The queue {self._keys.archive}* in this Redis has schema {found}, and this podcrawler works with "
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
        return [podcast_id.decode() for podcast_id in self._redis.hkeys(self._keys.podcasts)]

    def podcast_id(self, addresses: Sequence[str]) -> str | None:
        """The podcast's id in this archive, looked up by the first of ``addresses`` that is known."""
        found = self._redis.hmget(self._keys.addresses, list(addresses))
        return next((known.decode() for known in found if known), None)

    def name_podcast(self, addresses: Sequence[str], podcast_id: str) -> str:
        """The podcast's id in this archive, looked up as in ``podcast_id``. If none of the addresses is known, the
        podcast gets the given id, recorded under the first of them; the first node to record one wins."""
        if known := self.podcast_id(addresses):
            return known
        pipe = self._redis.pipeline(transaction=True)
        pipe.hsetnx(self._keys.addresses, addresses[0], podcast_id)
        pipe.hget(self._keys.addresses, addresses[0])
        return str(pipe.execute()[1].decode())

    def podcast_address(self, podcast_id: str) -> str:
        """The address of the podcast's last list page; empty if none was finished."""
        record = self._redis.hget(self._keys.podcasts, podcast_id)
        return str(json.loads(record)["address"]) if record else ""

    def keep_login(self, names: Iterable[str], login: Login) -> None:
        """Keep the login under these names: a podcast's id, and the address that it was read from."""
        self._redis.hset(self._keys.logins, mapping=dict.fromkeys(names, json.dumps(login._asdict())))

    def login(self, name: str) -> Login | None:
        """The login that is kept under the name."""
        value = self._redis.hget(self._keys.logins, name)
        return Login.read(json.loads(value)) if value else None

    def visits(self, roots: Sequence[str]) -> list[dict[str, Any]]:
        """The results of the last visits to these addresses, one for each list page: ``podcast`` (id), ``title``,
        ``added``, ``finished`` and ``failed`` (numbers of episodes), and what became of the entries
        (``Account.to_json``); of a list of subscriptions instead ``referred`` (number of podcasts) and
        ``not_followed`` (sentences)."""
        pipe = self._redis.pipeline(transaction=False)
        for root in roots:
            pipe.hvals(self._keys.visit(root))
        return [json.loads(value) for values in pipe.execute() for value in values]

    def imported(self, podcast_id: str) -> dict[str, Imported]:
        """The podcast's imported files whose episodes are not known yet, by the id in the file's name."""
        files = {}
        for field, value in self._redis.hgetall(self._keys.imported(podcast_id)).items():
            name, file = field.decode(), json.loads(value)
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

    def write_report(self, report: Report) -> None:
        """Replace the node's report."""
        values = asdict(report)
        del values["name"]
        pipe = self._redis.pipeline(transaction=True)
        pipe.hset(self._keys.node(report.name), mapping={field: json.dumps(value) for field, value in values.items()})
        pipe.expire(self._keys.node(report.name), REPORT_SECONDS)
        pipe.zadd(self._keys.nodes, {report.name: report.seen})
        pipe.zremrangebyscore(self._keys.nodes, "-inf", report.seen - REPORT_SECONDS)
        pipe.execute()

    def remove_report(self, name: str) -> None:
        pipe = self._redis.pipeline(transaction=True)
        pipe.delete(self._keys.node(name))
        pipe.zrem(self._keys.nodes, name)
        pipe.execute()

    def reports(self) -> list[Report]:
        """The reports of all nodes that are alive, by name."""
        since = time.time() - REPORT_SECONDS
        names = [name.decode() for name in self._redis.zrangebyscore(self._keys.nodes, since, "+inf")]
        pipe = self._redis.pipeline(transaction=False)
        for name in names:
            pipe.hgetall(self._keys.node(name))
        return [_report(name, values) for name, values in sorted(zip(names, pipe.execute(), strict=True)) if values]

    def last_event_id(self) -> str:
        """The id of the newest event; ``0`` if there is none."""
        newest = self._redis.xrevrange(self._keys.events, count=1)
        return str(newest[0][0].decode()) if newest else "0"

    def events_since(self, event_id: str) -> list[Event]:
        """The events after the one with this id, oldest first. The stream keeps the last 10,000 or so."""
        events: list[Event] = []
        while batch := self._redis.xread({self._keys.events: event_id}, count=_EVENT_BATCH):
            events += [_event(found.decode(), values) for found, values in batch[0][1]]
            event_id = events[-1].id
        return events


def _report(name: str, values: Mapping[bytes, bytes]) -> Report:
    report: dict[str, Any] = {field.decode(): json.loads(value) for field, value in values.items()}
    report["in_hand"] = [InHand(**_known_fields(InHand, episode)) for episode in report["in_hand"]]
    return Report(name=name, **_known_fields(Report, report))


def _known_fields(kind: type[InHand] | type[Report], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that this version has fields for: a node of a later version may report more."""
    return {field.name: values[field.name] for field in fields(kind) if field.name in values}


def _event(event_id: str, values: Mapping[bytes, bytes]) -> Event:
    texts = {name.decode(): value.decode() for name, value in values.items()}
    names = ("state", "key", "group", "path", "kind", "reason")
    known: dict[str, Any] = {name: texts[name] for name in names if name in texts}
    size = int(texts["value"]) if texts.get("path") else 0
    return Event(id=event_id, size=size, delay=int(texts.get("delay", 0)) / 1000, **known)
