"""How a lease may end. Made here, and told to Redis by ``Broker.acknowledge``, many in one call."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from podcrawler.exceptions import EntryError
from podcrawler.queue.entries import Lease

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ack(Generic[T]):
    """The end of one lease, as a call of a script: safe to be told twice."""

    script: str
    arguments: Sequence[Any]
    #: What the script's answer means.
    outcome: Callable[[Any], T]


def finish(lease: Lease, *, size: int, path: str) -> Ack[bool]:
    """Record an episode as finished, ``size`` bytes at ``path`` in the store; the path is empty if the file was there
    before. False if the lease is lost."""
    return Ack("finish", [lease.key, lease.token, size, path, 0, 0], bool)


def finish_page(
    lease: Lease,
    result: dict[str, Any],
    podcast: tuple[str, str],
    addresses: Sequence[str],
    *,
    told: int,
    remembered: int,
) -> Ack[bool]:
    """Record a list page as visited, with its ``result``, for ``remembered`` seconds. ``podcast`` is its id and its
    JSON; ``addresses`` lead to that podcast from now on, unless they lead to another already; ``told`` is how many
    entries were pushed for it. False if the lease is lost, or if Redis has forgotten some of them: then the page is
    pending again."""
    arguments = [lease.key, lease.token, json.dumps(result), "", told, remembered, *podcast, *addresses]
    return Ack("finish", arguments, bool)


def finish_seed(lease: Lease) -> Ack[bool]:
    """End the lease of a seed whose entry was pushed. False as for ``finish_page``."""
    return Ack("finish", [lease.key, lease.token, "", "", 1, 0], bool)


def release(lease: Lease) -> Ack[bool]:
    """Hand the lease back, which costs no try. False if it is lost."""
    return Ack("release", [lease.key, lease.token], bool)


def give_up(
    lease: Lease, error: EntryError, *, tries: int, delay: float, counts: bool = True, now: int | None = None
) -> Ack[Literal["delayed", "failed", "lost"]]:
    """End the lease in an error: the entry is tried again after ``delay`` seconds, or fails if this was the last of
    ``tries``. One that does not count is none of them."""
    told = [lease.key, lease.token, error.kind, error.failure_class, str(error)]
    return Ack("retry", ["" if now is None else now, *told, tries, round(delay * 1000), int(counts)], _text)


def _text(answer: bytes) -> Any:
    return answer.decode()
