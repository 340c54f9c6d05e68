"""The watch for leases that nothing works on."""

import asyncio

from podcrawler.exceptions import EntryError
from podcrawler.queue.idle_leases import watch_idle_leases
from podcrawler.queue.leases import Lease


def lease(name: str) -> Lease:
    return Lease(f"show/{name}", f"token of {name}", "episode", "show", name, 0, b"{}")


async def test_a_lease_is_given_up_when_it_was_idle_twice_in_a_row() -> None:
    idle, busy, paused = lease("idle"), lease("busy"), lease("paused")
    # What is at work at each look: ``paused`` is idle at every other one.
    looks = iter([[busy, paused], [busy], [busy, paused], [busy], [busy, paused]])
    held = [idle, busy, paused]
    given_up: list[tuple[int, str, str]] = []
    looked = 0
    finished = asyncio.Event()

    def at_work() -> list[Lease]:
        nonlocal looked
        looked += 1
        if (working := next(looks, None)) is None:
            finished.set()
            return held
        return working

    async def give_up(lease: Lease, error: EntryError) -> None:
        given_up.append((looked, lease.name, error.kind))
        held.remove(lease)

    watch = asyncio.create_task(watch_idle_leases(lambda: held, at_work, give_up, interval=0.001))
    await finished.wait()
    watch.cancel()
    assert given_up == [(2, "idle", "forgotten")]
