"""The queue: entries in one of five states, moved by Lua scripts (lua/*.lua), each move atomic.

Everything here blocks on Redis; a node calls it off its event loop (async_broker.py). ``now`` is in milliseconds since
1970 everywhere, and None means Redis's own clock, so that the clocks of the nodes do not matter.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Self, TypeVar

from redis import Redis
from redis.commands.core import Script
from redis.exceptions import NoScriptError
from typing_extensions import override

from podcrawler.batching import REDIS_BATCH, batches
from podcrawler.config import Config
from podcrawler.namespace import AnySettings
from podcrawler.queue.acks import Ack
from podcrawler.queue.failures import group_of
from podcrawler.queue.host_limits import HostLimits
from podcrawler.queue.keys import Keys
from podcrawler.queue.leases import Entry, Lease
from podcrawler.queue.retry_policy import RetryPolicy
from podcrawler.queue.scripts import source, time_argument
from podcrawler.queue.states import MARK_LENGTH, QueueStates
from podcrawler.queue.values import text

_T = TypeVar("_T")

#: By queue: the other queues that its entries come from.
_SOURCES = {"episodes": ("podcasts",)}
#: Random bytes in a token, behind the mark of its broker.
_TOKEN_BYTES = 6


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


class Broker(QueueStates):
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
        super().__init__(redis, name, keys)
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
    @override
    def from_settings(cls, settings: AnySettings, redis: Redis, name: str) -> Self:
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
        for name in ("lease", "push_many", "extend", "finish", "release", "retry", "move", "turn", "note_check"):
            pipe.script_load(source(name))
        pipe.execute()

    def push_many(self, entries: Iterable[Entry], page_lease: Lease | None = None, already_pushed: int = 0) -> Pushed:
        """Queue the entries that have no state yet, in their order; replace the requests of those that are not
        finished, and queue failed ones again whose version has changed. ``page_lease`` is the lease on the list page or
        seed that they come from, for which ``already_pushed`` others were pushed before."""
        pushed = Pushed()
        token = page_lease.token if page_lease else ""
        for batch in batches(entries, REDIS_BATCH):
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
        limits = [time_argument(now), _ms(self.lease_time), self._max_expiries, *self.host_limits.arguments]
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
        lost = {text(token) for token in self._run("extend", [time_argument(now), _ms(self.lease_time), *pairs])}
        unknown = [lease for lease in leases if lease.token in lost and lease.kind == "episode"]
        if unknown:
            values = chain.from_iterable(map(_known_of, unknown))
            limits = [time_argument(now), _ms(self.lease_time), *self.host_limits.arguments]
            lost -= {text(token) for token in self._run("restore", [*limits, *values])}
        return lost

    def acknowledge(self, acks: Sequence[Ack[_T]]) -> list[_T]:
        """End leases in one round trip; the outcome of each."""
        calls = [[*([ack.before] if ack.before else []), (ack.script, ack.arguments)] for ack in acks]
        answers = iter(self._run_all(list(chain.from_iterable(calls))))
        return [ack.outcome(list(islice(answers, len(each)))[-1]) for ack, each in zip(acks, calls, strict=True)]

    def requeue(self, keys: Iterable[str], *, done: int = 0) -> int:
        """Queue failed entries again and reset their tries, of which ``done`` count as used; how many of ``keys`` were
        failed."""
        return int(self._run("requeue", [done, *keys]))

    def set_aside(self, includes: Callable[[str], bool]) -> int:
        """Hide the pending and delayed entries of the groups that this ``includes`` from all nodes: until
        ``bring_back``, or until nobody calls ``keep_aside`` any more. Returns how many."""
        routes = self._redis.hscan_iter(self._key("routes"), count=REDIS_BATCH)
        keys = (key for key, route in routes if includes(group_of(text(key), route)))
        return sum(int(self._run("set_aside", batch)) for batch in batches(keys, REDIS_BATCH))

    def bring_back(self, includes: Callable[[str], bool] = lambda _: True, now: int | None = None) -> int:
        """Undo ``set_aside`` for the groups that this includes; how many entries came back."""
        aside = [key for key, _ in self._redis.zscan_iter(self._key("aside"), count=REDIS_BATCH)]
        came_back = 0
        for batch in batches(aside, REDIS_BATCH):
            routes = self._redis.hmget(self._key("routes"), batch)
            keys = [k for k, route in zip(batch, routes, strict=True) if includes(group_of(text(k), route or b""))]
            came_back += int(self._run("bring_back", [time_argument(now), *keys]))
        return came_back

    def keep_aside(self, seconds: int) -> None:
        """Have nodes look for nothing that is set aside, for so many ``seconds``; with 0, they look again from now
        on."""
        only = f"{self._keys.archive}only"
        if seconds:
            self._redis.set(only, 1, ex=seconds)
        else:
            self._redis.delete(only)

    def record(self, episodes: Iterable[tuple[str, str, int | str | bytes]]) -> int:
        """Record episodes (podcast id, episode id, bytes, or all that was recorded of them) as finished, whatever state
        they are in unless leased; how many were not finished before."""
        recorded = 0
        for batch in batches(episodes, REDIS_BATCH):
            values = ([f"{podcast}/{name}", podcast, name, size] for podcast, name, size in batch)
            recorded += int(self._run("record", chain.from_iterable(values)))
        return recorded

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
            self._scripts[name] = self._redis.register_script(source(name))
        return self._scripts[name]


def _seeds_key(settings: AnySettings, name: str) -> str:
    return str(settings.get("REDIS_START_URLS_KEY") or "%(name)s:start_urls") % {"name": name}


def _lease(row: Sequence[Any]) -> Lease:
    """The lease, as lua/lease.lua returns it."""
    tries, payload, count, host, own_host = row[5:]
    key, token, kind, group, name = (value.decode() for value in row[:5])
    return Lease(key, token, kind, group, name, tries, payload, count > 1, host.decode(), own_host.decode())


def _values(entry: Entry) -> list[Any]:
    """The entry as lua/push_many.lua reads it."""
    fresh = 2 if entry.is_version else int(entry.fresh)
    fields = [entry.kind, entry.key, entry.group, entry.name, entry.host, entry.priority, fresh]
    return [*fields, entry.version, entry.payload]


def _known_of(lease: Lease) -> list[Any]:
    """What its node knows of a lease, as lua/restore.lua reads it."""
    return [lease.key, lease.token, lease.group, lease.name, lease.host, lease.own_host, lease.payload]


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
