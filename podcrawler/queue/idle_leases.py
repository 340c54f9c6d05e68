"""The watch for leases that nothing works on any more, because some component of a user's lost the request or item."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from redis.exceptions import RedisError as RedisAwayError

from podcrawler.exceptions import EntryError
from podcrawler.exceptions import RedisError as RedisUnusableError
from podcrawler.queue.leases import Lease


async def watch_idle_leases(
    held: Callable[[], Iterable[Lease]],
    at_work: Callable[[], Iterable[Lease]],
    give_up: Callable[[Lease, EntryError], Awaitable[None]],
    interval: float,
) -> None:
    """Compare the leases held with those at work every ``interval`` seconds, for ever, and give up those that were idle
    twice in a row: a single time may be a moment between two components."""
    idle_before: set[str] = set()
    while True:
        await asyncio.sleep(interval)
        working = {lease.token for lease in at_work()}
        idle = {lease.token: lease for lease in held() if lease.token not in working}
        for token in idle.keys() & idle_before:
            error = EntryError("forgotten", "Nothing on the node worked on it any more.", "passing")
            with suppress(RedisUnusableError, RedisAwayError):
                await give_up(idle[token], error)
        idle_before = set(idle)
