"""How fast a node takes bytes from a host, by a clock that only its waits move."""

import asyncio
import selectors
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
from typing_extensions import override

from podcrawler.hosts import Host, Hosts
from podcrawler.http.rate import RateLimits

NO_HOSTS = Hosts({})


class _NeverWaits(selectors.DefaultSelector):
    """Instead of waiting, notes for how long the loop would have."""

    waited = 0.0

    @override
    def select(self, timeout: float | None = None) -> list[Any]:
        events = super().select(0)
        if not events and timeout:
            self.waited += timeout
        return events


class Loop(asyncio.SelectorEventLoop):
    """Its time is what it waited for."""

    def __init__(self) -> None:
        self.selector = _NeverWaits()
        super().__init__(self.selector)

    @override
    def time(self) -> float:
        return 1000 + self.selector.waited

    def run(self, *work: Coroutine[Any, Any, Any]) -> float:
        """Do the work at once; the seconds that it took."""

        async def together() -> None:
            await asyncio.gather(*work)

        before = self.time()
        self.run_until_complete(together())
        return self.time() - before


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


async def take_all(limits: RateLimits, host: str, size: int, chunk: int = 50_000) -> float:
    """Take ``size`` bytes as a transfer does; the seconds waited."""
    return sum([await limits.take(host, min(chunk, size - start)) for start in range(0, size, chunk)])


def test_a_host_sends_no_faster_than_its_rate(loop: Loop) -> None:
    limits = RateLimits(100_000, NO_HOSTS)
    assert loop.run(take_all(limits, "a.example", 1_000_000)) == pytest.approx(10, abs=0.3)


def test_transfers_share_the_rate_of_their_host_and_hosts_do_not(loop: Loop) -> None:
    limits = RateLimits(100_000, NO_HOSTS)
    work = [take_all(limits, host, 500_000) for host in ("a.example", "a.example", "b.example", "c.example")]
    assert loop.run(*work) == pytest.approx(10, abs=0.5)


def test_all_hosts_together_have_a_rate_too(loop: Loop) -> None:
    limits = RateLimits(0, Hosts({"slow.example": Host(rate=10_000)}), whole=100_000)
    work = [take_all(limits, host, 500_000) for host in ("a.example", "b.example")]
    assert loop.run(*work) == pytest.approx(10, abs=0.5)
    assert loop.run(take_all(limits, "slow.example", 100_000)) == pytest.approx(10, abs=0.5)


def test_transfers_get_equal_shares_whatever_the_size_of_their_chunks(loop: Loop) -> None:
    limits = RateLimits(100_000, NO_HOSTS)
    ended: dict[int, float] = {}

    async def transfer(chunk: int) -> None:
        await take_all(limits, "a.example", 1_000_000, chunk)
        ended[chunk] = loop.time() - 1000

    loop.run(transfer(16_384), transfer(262_144))
    assert ended[16_384] == pytest.approx(20, rel=0.1)
    assert ended[262_144] == pytest.approx(20, rel=0.1)


def test_an_idle_host_saves_up_less_than_a_second(loop: Loop) -> None:
    limits = RateLimits(100_000, NO_HOSTS)
    loop.run(take_all(limits, "a.example", 100_000))
    loop.run(asyncio.sleep(3600))
    assert loop.run(take_all(limits, "a.example", 500_000)) > 4


def test_what_was_waited_for_is_told(loop: Loop) -> None:
    limits = RateLimits(100_000, NO_HOSTS)
    waited: list[float] = []

    async def transfer() -> None:
        waited.append(await limits.take("a.example", 300_000))

    assert loop.run(transfer()) == pytest.approx(waited[0])
    assert waited[0] == pytest.approx(3, abs=0.3)


def test_hosts_have_rates_of_their_own_and_may_have_none(loop: Loop) -> None:
    hosts = Hosts({"slow.example": Host(rate=10_000), "free.example": Host(rate=0), "some.example": Host(delay=1)})
    limits = RateLimits(100_000, hosts)
    assert loop.run(take_all(limits, "cdn.slow.example", 100_000)) == pytest.approx(10, abs=0.3)
    assert loop.run(take_all(limits, "free.example", 100_000_000)) == 0
    assert loop.run(take_all(limits, "some.example", 100_000)) == pytest.approx(1, abs=0.3)


@pytest.mark.parametrize("hosts", [NO_HOSTS, Hosts({"slow.example": Host(rate=10_000)})])
def test_without_a_limit_nothing_is_awaited(hosts: Hosts) -> None:
    taken = RateLimits(0, hosts).take("a.example", 10**9)
    with pytest.raises(StopIteration) as returned:
        taken.send(None)
    assert returned.value.value == 0.0


def test_a_cancelled_transfer_has_still_taken_its_bytes(loop: Loop) -> None:
    limits = RateLimits(100_000, NO_HOSTS)

    async def cancelled() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(take_all(limits, "a.example", 64_000, 16_000), 0.05)

    loop.run(cancelled())
    assert loop.run(take_all(limits, "a.example", 100_000)) > 1
