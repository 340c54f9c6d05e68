"""The queue: entries in one of five states, moved by Lua scripts (lua/*.lua), each move atomic.

Everything here blocks on Redis; a node calls it off its event loop (async_broker.py). ``now`` is in milliseconds since
1970 everywhere, and None means Redis's own clock, so that the clocks of the nodes do not matter.
"""

import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import chain
from typing import Any, TypeVar

from pydantic import TypeAdapter
from redis import Redis
from redis.commands.core import Script
from redis.exceptions import NoScriptError
from scrapy.settings import BaseSettings

from podcrawler.batching import batches
from podcrawler.config import Config
from podcrawler.queue.acks import Ack
from podcrawler.queue.entries import Entry, Lease
from podcrawler.queue.failures import Failed, read_failed
from podcrawler.queue.host_limits import HostLimits
from podcrawler.queue.keys import Keys
from podcrawler.queue.retry_policy import RetryPolicy
from podcrawler.queue.values import LAST_TIME, Count, moment, number, read_json, text

_T = TypeVar("_T")
_ASKED = TypeAdapter(tuple[str, Count])

#: By queue: the other queues that its entries come from.
_SOURCES = {"episodes": ("podcasts",)}
#: Entries in one call of a script: some 20 ms of Redis's time.
_BATCH = 500
#: Random bytes in a token, behind the mark of its broker, which has so many characters.
_TOKEN_BYTES = 6
MARK_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Pushed:
    """How many of the pushed entries had which outcome."""

    added: int = 0
    #: Queued before with a request for something else, which this one replaced.
    changed: int = 0
    #: Queued before, or leased.
    known: int = 0
    failed: int = 0
    finished: int = 0

    def __add__(self, other: "Pushed") -> "Pushed":
        return Pushed(
            self.added + other.added,
            self.changed + other.changed,
            self.known + other.known,
            self.failed + other.failed,
            self.finished + other.finished,
        )


@dataclass(frozen=True, slots=True)
class LeaseBatch:
    """The answer to a request for leases."""

    leases: list[Lease]
    #: How many entries of this queue and its sources are seeds, pending, leased (by this call too) or delayed.
    open: int
    #: Seconds until a delayed entry is due, a lease ends or a host has rested, whichever is first; None if there is
    #: none.
    next_due: float | None
    #: Keys of entries that this call failed because their leases had expired too often.
    abandoned: list[str]
    #: Keys of entries that this call failed because what Redis has of them cannot be read.
    unreadable: list[str]
    #: Whether a host has all of its connections: the end of a lease, or of a transfer, may make room for another.
    is_limited: bool


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


class Broker:
    """One queue of one archive. Cheap to make; safe to use from several threads."""

    def __init__(
        self,
        redis: Redis,
        name: str,
        *,
        keys: Keys,
        seeds_key: str,
        sources: Mapping[str, str],
        lease_time: float,
        retry_policy: RetryPolicy,
        max_expiries: int,
        visit_seconds: int,
        host_limits: HostLimits | None = None,
    ) -> None:
        """``seeds_key`` is the list that users push addresses to; ``sources`` maps the other queues that entries of
        this one come from to their lists of seeds; the other values are as in docs/settings.md."""
        # redis-py's types allow for text where this client answers in bytes.
        self._redis: Any = redis
        self.name = name
        self._keys = keys
        self.lease_time = lease_time
        self.retry_policy = retry_policy
        self.visit_seconds = visit_seconds
        self.host_limits = host_limits or HostLimits()
        self._lease_keys = [seeds_key, *chain.from_iterable((keys.queue(q), seeds) for q, seeds in sources.items())]
        self._max_expiries = max_expiries
        self._scripts: dict[str, Script] = {}
        #: What its tokens begin with, and those of no other broker.
        self.mark = secrets.token_hex(MARK_LENGTH // 2)

    @classmethod
    def from_settings(cls, settings: BaseSettings, redis: Redis, name: str) -> "Broker":
        config = Config.read(settings)
        return cls(
            redis,
            name,
            keys=Keys(config.namespace),
            seeds_key=_seeds_key(settings, name),
            sources={source: _seeds_key(settings, source) for source in _SOURCES.get(name, ())},
            lease_time=config.lease_time,
            retry_policy=RetryPolicy(config.max_tries, config.retry_delay, config.max_retry_delay),
            max_expiries=config.max_expiries,
            visit_seconds=config.visit_seconds,
            host_limits=HostLimits.read(settings),
        )

    def load_scripts(self) -> None:
        """Load the scripts that nodes use into Redis, in one round trip instead of two for each."""
        pipe = self._redis.pipeline(transaction=False)
        for name in ("lease", "push_many", "extend", "finish", "release", "retry", "move"):
            pipe.script_load(_source(name))
        pipe.execute()

    def push_many(self, entries: Iterable[Entry], page_lease: Lease | None = None, already_pushed: int = 0) -> Pushed:
        """Queue the entries that have no state yet, in their order; replace the requests of those that are not
        finished, and queue failed ones again whose version has changed. ``page_lease`` is the lease on the list page or
        seed that they come from, for which ``already_pushed`` others were pushed before."""
        pushed = Pushed()
        token = page_lease.token if page_lease else ""
        for batch in batches(entries, _BATCH):
            values = chain.from_iterable(map(_values, batch))
            pushed += Pushed(*self._run("push_many", [token, already_pushed, *values]))
            already_pushed += len(batch)
        return pushed

    def new_tokens(self, count: int) -> list[str]:
        """``count`` random tokens, one for each lease. They begin with the mark of this broker."""
        noise = secrets.token_bytes(count * _TOKEN_BYTES)
        starts = range(0, len(noise), _TOKEN_BYTES)
        return [self.mark + noise[start : start + _TOKEN_BYTES].hex() for start in starts]

    def lease(self, tokens: Sequence[str], now: int | None = None, done: Mapping[str, str] | None = None) -> LeaseBatch:
        """Up to one lease for each token: on entries first, their hosts in turn, then on seeds. No host gets more
        leases that need a connection than it may have. ``done`` has the tokens of those that need none any more, each
        with the host that its file came from; empty if none came.

        Idempotent: a second call with the same tokens returns the same leases.
        """
        limits = [_time(now), _ms(self.lease_time), self._max_expiries, *self.host_limits.arguments]
        open_entries, due, rows, abandoned, full, unreadable = self._run(
            "lease",
            [*limits, len(done or ()), *chain.from_iterable((done or {}).items()), *tokens],
            extra_keys=self._lease_keys,
        )
        return LeaseBatch(
            leases=[_lease(row) for row in rows],
            open=open_entries,
            next_due=None if due < 0 else due / 1000,
            abandoned=[text(key) for key in abandoned],
            unreadable=[text(key) for key in unreadable],
            is_limited=full > 0,
        )

    def extend(self, leases: Sequence[Lease], now: int | None = None) -> set[str]:
        """Let the leases expire ``lease_time`` from now. Returns the tokens of those that this node has lost; not of
        those on episodes that Redis has forgotten, which it is given back."""
        pairs = chain.from_iterable((lease.key, lease.token) for lease in leases)
        lost = {text(token) for token in self._run("extend", [_time(now), _ms(self.lease_time), *pairs])}
        unknown = [lease for lease in leases if lease.token in lost and lease.kind == "episode"]
        if unknown:
            values = chain.from_iterable(map(_known_of, unknown))
            limits = [_time(now), _ms(self.lease_time), *self.host_limits.arguments]
            lost -= {text(token) for token in self._run("restore", [*limits, *values])}
        return lost

    def acknowledge(self, acks: Sequence[Ack[_T]]) -> list[_T]:
        """End leases in one round trip; the outcome of each."""
        answers = self._run_all([(ack.script, ack.arguments) for ack in acks])
        return [ack.outcome(answer) for ack, answer in zip(acks, answers, strict=True)]

    def requeue(self, keys: Iterable[str]) -> int:
        """Queue failed entries again and reset their tries; how many of ``keys`` were failed."""
        return int(self._run("requeue", keys))

    def record(self, episodes: Iterable[tuple[str, str, int]]) -> int:
        """Record episodes (podcast id, episode id, bytes) as finished, whatever state they are in unless leased; how
        many were not finished before."""
        recorded = 0
        for batch in batches(episodes, _BATCH):
            values = ([f"{podcast}/{name}", podcast, name, size] for podcast, name, size in batch)
            recorded += int(self._run("record", chain.from_iterable(values)))
        return recorded

    def open_entries(self, groups: Sequence[str]) -> int:
        """How many entries of these groups are pending, leased or delayed."""
        if not groups:
            return 0
        return sum(map(number, self._redis.hmget(self._key("open"), list(groups))))

    def counts(self, podcasts: Sequence[str]) -> Counts:
        """How many entries are in each state; finished episodes are counted for ``podcasts`` (ids)."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.hlen(self._key("entries"))
        pipe.zcard(self._key("leases"))
        pipe.zcard(self._key("delayed"))
        pipe.hlen(self._key("failed"))
        for podcast_id in podcasts:
            pipe.hlen(self._keys.finished(podcast_id))
        entries, leased, delayed, failed, *finished = pipe.execute()
        return Counts(max(0, entries - leased - delayed - failed), leased, delayed, failed, sum(finished))

    def waits(self) -> list[HostWait]:
        """The hosts that entries wait for, because they rest or have all of their connections, by name."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.time()
        pipe.zrange(self._key("resting"), 0, -1, withscores=True)
        pipe.hgetall(self._key("asked"))
        pipe.zrange(self._key("full"), 0, -1)
        time, resting, asked, full = pipe.execute()
        now = moment(time)
        until = {host: min(at / 1000, LAST_TIME) for host, at in resting if at / 1000 > now}
        hosts = sorted({*until, *full})
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

    def leases_without(self, marks: Collection[str]) -> Unreported:
        """The leases that no broker with one of these marks holds."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.time()
        pipe.hgetall(self._key("owners"))
        pipe.zrange(self._key("leases"), 0, -1, withscores=True)
        time, owners, leases = pipe.execute()
        now = moment(time)
        expire = [at for key, at in leases if text(owners.get(key, b""))[:MARK_LENGTH] not in marks]
        return Unreported(len(expire), min(max(0.0, max(expire) / 1000 - now), LAST_TIME) if expire else 0.0)

    def failed(self) -> Iterator[Failed]:
        """Every entry that ended in an error, in no order."""
        for rows in batches(self._redis.hscan_iter(self._key("failed"), count=_BATCH), _BATCH):
            keys = [key for key, _ in rows]
            routes = self._redis.hmget(self._key("routes"), keys)
            payloads = self._redis.hmget(self._key("entries"), keys)
            for (key, failure), route, payload in zip(rows, routes, payloads, strict=True):
                # With neither, the entry was requeued or recorded since the scan read it.
                if route or payload:
                    yield read_failed(key, route, failure, payload)

    def _key(self, name: str) -> str:
        return f"{self._keys.queue(self.name)}{name}"

    def _run(self, script: str, arguments: Iterable[Any], extra_keys: Sequence[str] = ()) -> Any:
        return self._script(script)(keys=[*self._prefixes, *extra_keys], args=list(arguments))

    def _run_all(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Run scripts, not as a transaction, in one round trip if Redis has them loaded."""
        pipe = self._redis.pipeline(transaction=False)
        for script, arguments in calls:
            pipe.evalsha(self._script(script).sha, len(self._prefixes), *self._prefixes, *arguments)
        answers = pipe.execute(raise_on_error=False)
        for position, answer in enumerate(answers):
            if isinstance(answer, NoScriptError):
                script, arguments = calls[position]
                answers[position] = self._run(script, arguments)
            elif isinstance(answer, Exception):
                raise answer
        return answers  # type: ignore[no-any-return]

    @property
    def _prefixes(self) -> tuple[str, str]:
        return self._keys.queue(self.name), self._keys.archive

    def _script(self, name: str) -> Script:
        if name not in self._scripts:
            self._scripts[name] = self._redis.register_script(_source(name))
        return self._scripts[name]


@cache
def _source(script: str) -> str:
    """The text of a script, preceded by those of lua/hosts.lua and lua/states.lua."""
    folder = files(__package__) / "lua"
    return "\n".join((folder / f"{name}.lua").read_text(encoding="utf-8") for name in ("hosts", "states", script))


def _seeds_key(settings: BaseSettings, name: str) -> str:
    return str(settings["REDIS_START_URLS_KEY"] or "%(name)s:start_urls") % {"name": name}


def _lease(row: Sequence[Any]) -> Lease:
    """The lease, as lua/lease.lua returns it."""
    tries, payload, count, host, own_host = row[5:]
    key, token, kind, group, name = (value.decode() for value in row[:5])
    return Lease(key, token, kind, group, name, tries, payload, count > 1, host.decode(), own_host.decode())


def _kind_of_answer(asked: bytes) -> str:
    """What is kept of a host that asked for a pause: JSON ``[kind, ms]``."""
    kind, _ = read_json(_ASKED, asked, "the pause of a host") or ("", 0)
    return kind or "unknown"


def _values(entry: Entry) -> list[Any]:
    """The entry as lua/push_many.lua reads it."""
    fields = [entry.kind, entry.key, entry.group, entry.name, entry.host, entry.priority, int(entry.fresh)]
    return [*fields, entry.version, entry.payload]


def _known_of(lease: Lease) -> list[Any]:
    """What its node knows of a lease, as lua/restore.lua reads it."""
    return [lease.key, lease.token, lease.group, lease.name, lease.host, lease.own_host, lease.payload]


def _time(now: int | None) -> str:
    return "" if now is None else str(now)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
