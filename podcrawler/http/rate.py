"""Limits the bytes per second that this node takes from a host, its transfers together."""

import asyncio

from scrapy.settings import BaseSettings

from podcrawler.config import TransferConfig
from podcrawler.hosts import Hosts

#: Seconds that a host may be ahead of its rate after it sent nothing, so that a node that was busy catches up.
_BURST = 0.2
#: Bytes for which the transfers of a host take turns, at least; at high rates, those of so many seconds.
_TURN, _TURN_SECONDS = 16_384, 0.02


class RateLimits:
    """The rates of all hosts. For the event loop only."""

    def __init__(self, default: int, hosts: Hosts) -> None:
        """``default`` is in bytes per second, 0 for no limit; ``hosts`` has the rates of single hosts."""
        self._default = default
        self._hosts = hosts
        self._is_limited = default > 0 or any(host.rate for host in hosts.by_name.values())
        #: By host: bytes per second, 0 for no limit.
        self._rates: dict[str, int] = {}
        #: By host: when all that was taken so far is paid for, by the clock of the event loop.
        self._paid: dict[str, float] = {}

    @classmethod
    def read(cls, settings: BaseSettings) -> "RateLimits":
        """The values of ``PODCRAWLER_HOST_RATE`` and ``PODCRAWLER_HOSTS``. Raises SettingError."""
        return cls(TransferConfig.read(settings).host_rate, Hosts.read(settings))

    async def take(self, host: str, size: int) -> float:
        """Wait until ``size`` bytes that came from the host are paid for. Returns the seconds that this took, for which
        the host is not to blame. Where there is no limit, nothing is awaited."""
        if not self._is_limited or not (rate := self._rate(host)):
            return 0.0
        clock = asyncio.get_running_loop().time
        begun = clock()
        turn = max(_TURN, round(rate * _TURN_SECONDS))
        for left in range(size, 0, -turn):
            now = clock()
            paid = max(self._paid.get(host, 0.0), now - _BURST) + min(left, turn) / rate
            self._paid[host] = paid
            if paid > now:
                await asyncio.sleep(paid - now)
        return clock() - begun

    def _rate(self, host: str) -> int:
        if host not in self._rates:
            rate = self._hosts.of(host).rate
            self._rates[host] = self._default if rate is None else rate
        return self._rates[host]
