"""How many entries of a queue are in which state, what they wait for, and which have failed: the queue as it is read.

broker.py has the moves. This module is quick to import. Everything here blocks on Redis.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from redis import Redis
from redis.exceptions import OutOfMemoryError

from podcrawler.batching import REDIS_BATCH, batches
from podcrawler.namespace import AnySettings, read_namespace
from podcrawler.queue.failures import Failed, group_of, host_in, read_failed
from podcrawler.queue.keys import Keys
from podcrawler.queue.values import LAST_TIME, Count, Shape, moment, number, read_json, text

#: By host that asked for a pause: the kind of its answer, and milliseconds.
_ASKED = Shape[tuple[str, Count]](tuple[str, Count])
#: Characters that the tokens of one broker begin with, and those of no other (``Broker.mark``).
MARK_LENGTH = 8
#: Delayed entries that are looked at.
_MOST_DELAYED = 500


@dataclass(frozen=True, slots=True)
class HostWait:
    """A host that entries wait for."""

    host: str
    #: How many entries are pending there.
    pending: int
    #: How many connections it has, if those are all that it gets; else 0.
    connections: int
    #: Until when it rests, in seconds since 1970; 0 if it does not.
    rests_until: float
    #: The kind of the answer (``http-429``) in which it asked for that; empty if it rests between two transfers.
    asked_by: str


@dataclass(frozen=True, slots=True)
class Delay:
    """Entries of one host that wait for their next try."""

    host: str
    entries: int
    #: Seconds until the first of them is tried again.
    next_in: float


@dataclass(frozen=True, slots=True)
class Unreported:
    """Leases that no node reports to hold: those of nodes that died."""

    leases: int
    #: Seconds until the last of them has expired.
    expire_in: float


@dataclass(frozen=True, slots=True)
class Counts:
    """How many entries of a queue are in each state."""

    pending: int
    leased: int
    delayed: int
    failed: int
    finished: int


class QueueStates:
    """One queue of one archive, to look at. Cheap to make; safe to use from several threads."""

    def __init__(self, redis: Redis, name: str, keys: Keys) -> None:
        # redis-py's types allow for text where this client answers in bytes.
        self._redis: Any = redis
        self.name = name
        self._keys = keys

    @classmethod
    def from_settings(cls, settings: AnySettings, redis: Redis, name: str) -> Self:
        return cls(redis, name, Keys(read_namespace(settings)))

    def open_entries(self, groups: Sequence[str]) -> int:
        """How many entries of these groups are pending, leased or delayed."""
        if not groups:
            return 0
        return sum(map(number, self._redis.hmget(self._key("open"), list(groups))))

    def counts(self, podcasts: Sequence[str]) -> Counts:
        """How many entries are in each state; finished episodes are counted for ``podcasts`` (ids)."""

        def count(pipe: Any) -> None:
            pipe.hlen(self._key("entries"))
            pipe.zcard(self._key("leases"))
            pipe.zcard(self._key("delayed"))
            pipe.hlen(self._key("failed"))
            for podcast_id in podcasts:
                pipe.hlen(self._keys.finished(podcast_id))

        entries, leased, delayed, failed, *finished = self._read_at_once(count)
        return Counts(max(0, entries - leased - delayed - failed), leased, delayed, failed, sum(finished))

    def waits(self) -> list[HostWait]:
        """The hosts that entries wait for, because they rest or have all of their connections, by name."""

        def find(pipe: Any) -> None:
            pipe.time()
            pipe.zrange(self._key("resting"), 0, -1, withscores=True)
            pipe.hgetall(self._key("asked"))
            pipe.zrange(self._key("full"), 0, -1)

        time, resting, asked, full = self._read_at_once(find)
        now = moment(time)
        until = {host: min(at / 1000, LAST_TIME) for host, at in resting if at / 1000 > now}
        hosts = sorted({*until, *full})
        pipe = self._redis.pipeline(transaction=False)
        for host in hosts:
            pipe.zcard(self._key("pending:").encode() + host)
            pipe.hget(self._key("connections"), host)
        counts = pipe.execute()
        return [
            HostWait(
                text(host),
                pending,
                number(connections) if host in full else 0,
                until.get(host, 0.0),
                _kind_of_answer(asked[host]) if host in asked else "",
            )
            for host, pending, connections in zip(hosts, counts[::2], counts[1::2], strict=True)
            if pending or host in asked
        ]

    def open_anywhere(self) -> int:
        """How many entries of any group are pending, leased or delayed."""

        def count(pipe: Any) -> None:
            pipe.hlen(self._key("entries"))
            pipe.hlen(self._key("failed"))

        entries, failed = self._read_at_once(count)
        return max(0, int(entries) - int(failed))

    def delays(self, includes: Callable[[str], bool]) -> list[Delay]:
        """By host, the first to be tried again first: the delayed entries of the groups that this includes, as far as
        they are among those that are due next."""

        def find(pipe: Any) -> None:
            pipe.time()
            pipe.zrange(self._key("delayed"), 0, _MOST_DELAYED - 1, withscores=True)

        time, delayed = self._read_at_once(find)
        if not delayed:
            return []
        now = moment(time)
        routes = self._redis.hmget(self._key("routes"), [key for key, _ in delayed])
        by_host: dict[str, Delay] = {}
        for (key, at), route in zip(delayed, routes, strict=True):
            if includes(group_of(text(key), route or b"")):
                host = host_in(route or b"")
                found = by_host.get(host) or Delay(host, 0, min(max(0.0, at / 1000 - now), LAST_TIME))
                by_host[host] = replace(found, entries=found.entries + 1)
        return list(by_host.values())

    def leases_without(self, marks: Collection[str]) -> Unreported:
        """The leases that no broker with one of these marks holds."""

        def find(pipe: Any) -> None:
            pipe.time()
            pipe.hgetall(self._key("owners"))
            pipe.zrange(self._key("leases"), 0, -1, withscores=True)

        time, owners, leases = self._read_at_once(find)
        now = moment(time)
        expire = [at for key, at in leases if text(owners.get(key, b""))[:MARK_LENGTH] not in marks]
        return Unreported(len(expire), min(max(0.0, max(expire) / 1000 - now), LAST_TIME) if expire else 0.0)

    def failed(self) -> Iterator[Failed]:
        """Every entry that ended in an error, in no order."""
        for rows in batches(self._redis.hscan_iter(self._key("failed"), count=REDIS_BATCH), REDIS_BATCH):
            keys = [key for key, _ in rows]
            routes = self._redis.hmget(self._key("routes"), keys)
            payloads = self._redis.hmget(self._key("entries"), keys)
            for (key, failure), route, payload in zip(rows, routes, payloads, strict=True):
                # With neither, the entry was requeued or recorded since the scan read it.
                if route or payload:
                    yield read_failed(key, route, failure, payload)

    def failed_among(self, keys: Sequence[str]) -> set[str]:
        """Which of these entries ended in an error."""
        found = self._redis.hmget(self._key("failed"), keys) if keys else []
        return {key for key, failure in zip(keys, found, strict=True) if failure is not None}

    def _read_at_once(self, ask: Callable[[Any], None]) -> list[Any]:
        """The answers to what is asked of a pipeline, all of one moment; of several if the server takes no transaction:
        at maxmemory, Redis 7 refuses even those that only read."""
        try:
            return self._read(ask, transaction=True)
        except OutOfMemoryError:
            return self._read(ask, transaction=False)

    def _read(self, ask: Callable[[Any], None], *, transaction: bool) -> list[Any]:
        pipe = self._redis.pipeline(transaction=transaction)
        ask(pipe)
        return list(pipe.execute())

    def _key(self, name: str) -> str:
        return f"{self._keys.queue(self.name)}{name}"


def _kind_of_answer(asked: bytes) -> str:
    """What is kept of a host that asked for a pause: JSON ``[kind, ms]``."""
    kind, _ = read_json(_ASKED, asked, "the pause of a host") or ("", 0)
    return kind or "unknown"
