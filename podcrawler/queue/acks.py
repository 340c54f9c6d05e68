"""The ways that a lease ends, each as one call of a Lua script. ``Broker.acknowledge`` sends many of them at once.

Beside them, in the same form: that a lease counts for another host.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from podcrawler.exceptions import EntryError
from podcrawler.logins import masked
from podcrawler.queue.host_limits import HostLimits
from podcrawler.queue.leases import Lease
from podcrawler.queue.scripts import time_argument
from podcrawler.queue.values import recorded

T_co = TypeVar("T_co", covariant=True)
#: The name of a script, and its arguments.
ScriptCall: TypeAlias = tuple[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Ack(Generic[T_co]):
    """What becomes of one lease, as a script call that is safe to repeat: a lost answer may be asked for again."""

    script: str
    arguments: Sequence[Any]
    #: Converts the script's answer.
    outcome: Callable[[Any], T_co]
    #: A call that goes before it, in the same round trip, so that a node that dies has made both, or none.
    before: ScriptCall | None = None


def finish(lease: Lease, *, size: int, path: str, store: str = "", version: int = 1) -> Ack[bool]:
    """Record an episode as finished: ``size`` bytes at ``path``, relative to the store; the path is empty if the file
    was there before. ``store`` is the id of the store, if the name of the file shows whose it is; ``version`` is the
    file's. False if the lease is lost."""
    return Ack("finish", [lease.key, lease.token, size, path, recorded(size, store, version), 0, 0], bool)


def finish_page(
    lease: Lease,
    result: dict[str, Any],
    podcast: tuple[str, str],
    addresses: Sequence[str],
    *,
    newest: Mapping[str, str] | None = None,
    pushed_count: int,
    visit_ttl: int,
    before: ScriptCall | None = None,
) -> Ack[bool]:
    """Record a list page as visited, with the ``result`` of the visit, for ``visit_ttl`` seconds.

    ``podcast`` is its id and its JSON; ``newest`` is the newest episode that it lists (``Told.newest``). ``addresses``
    lead to that podcast from now on, except those that lead to another already. ``pushed_count`` is how many entries
    were pushed under this lease. False if the lease is lost, or if Redis has lost some of those entries (a restart
    without its last writes): then the page is pending again."""
    told = [*podcast, json.dumps(newest), *addresses]
    value = json.dumps(result)
    return Ack("finish", [lease.key, lease.token, value, "", value, pushed_count, visit_ttl, *told], bool, before)


def finish_visit(
    lease: Lease,
    result: dict[str, Any],
    *,
    pushed_count: int = 0,
    visit_ttl: int,
    before: ScriptCall | None = None,
) -> Ack[bool]:
    """As ``finish_page``, for a visit that tells nothing of a podcast: the page has not changed, or is none itself, and
    led to ``pushed_count`` others."""
    value = json.dumps(result)
    return Ack("finish", [lease.key, lease.token, value, "", value, pushed_count, visit_ttl], bool, before)


def finish_seed(lease: Lease) -> Ack[bool]:
    """End the lease on a seed whose entry was pushed. False as for ``finish_page``."""
    return Ack("finish", [lease.key, lease.token, "", "", "", 1, 0], bool)


def release(lease: Lease) -> Ack[bool]:
    """Make the entry pending again, which costs no try. False if the lease is lost."""
    return Ack("release", [lease.key, lease.token], bool)


def give_up(
    lease: Lease,
    error: EntryError,
    *,
    tries: int,
    delay: float,
    rest: float = 0,
    counts: bool = True,
    now: int | None = None,
) -> Ack[Literal["delayed", "failed", "lost"]]:
    """End the lease in an error: the entry is tried again after ``delay`` seconds, or has failed if this was the last
    of ``tries``. Its host rests for ``rest`` seconds. If not ``counts``, it costs no try. ``now`` is as in broker.py.
    """
    cause = [error.kind, error.failure_class, str(error)]
    limits = [tries, round(delay * 1000), int(counts), error.host, round(rest * 1000)]
    # What stays of a seed that is no address may have a login in it.
    seed = [masked(lease.payload.decode(errors="replace"), is_address=True)] if lease.kind == "seed" else []
    return Ack("retry", [time_argument(now), lease.key, lease.token, *cause, *limits, *seed], _text)


def move(lease: Lease, host: str, limits: HostLimits, *, now: int | None = None) -> Ack[bool]:
    """Count the lease for another host. False if that one has no connection to spare, or rests: then the entry is
    pending there, at no cost. False also if the lease is lost. ``now`` is as in broker.py."""
    return Ack("move", [time_argument(now), lease.key, lease.token, host, *limits.arguments], bool)


def turn(lease: Lease, host: str, came_from: str, limits: HostLimits, *, now: int | None = None) -> Ack[int]:
    """Count a lease, whose file has come, for the host of something that belongs beside that, and for no other.
    ``came_from`` is the host that the file came from; empty if it was there before. 1 if it counts for the host; 0 if
    that has no connection to spare, or rests; -1 if the lease is lost. ``now`` is as in broker.py."""
    return Ack("turn", [time_argument(now), lease.key, lease.token, host, came_from, *limits.arguments], int)


def _text(answer: bytes) -> Any:
    return answer.decode()
