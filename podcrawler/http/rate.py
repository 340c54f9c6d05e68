"""Limits the bytes per second that all transfers of this node receive together: from one host, and from all hosts."""

import asyncio

from scrapy.settings import BaseSettings

from podcrawler.config import TransferConfig
from podcrawler.hosts import Hosts

#: Seconds that a host may be ahead of its rate after it sent nothing, so that a node that was busy catches up.
_BURST = 0.2
#: Bytes after which another transfer of the host has its turn, at least; at high rates, the bytes of so many seconds.
_TURN, _TURN_SECONDS = 16_384, 0.02
#: In place of a name: all hosts together.
_ALL = ""


class RateLimits:
    """The rates of all hosts. For the event loop only."""

    def __init__(self, default: int, hosts: Hosts, whole: int = 0) -> None:
        """``default`` is in bytes per second, 0 for no limit; ``hosts`` has the rates of single hosts; ``whole`` is for
        all hosts together."""
        self._default = default
        self._hosts = hosts
        self._whole = whole
        self._is_limited = default > 0 or whole > 0 or any(host.rate for host in hosts.by_name.values())
        #: By host: the limits that hold for it, in bytes per second, by name: of the host, or of all (``_ALL``).
        self._rates: dict[str, dict[str, int]] = {}
        #: By the name of a limit: when all that was taken so far is paid for, by the clock of the event loop.
        self._paid: dict[str, float] = {}

    @classmethod
    def read(cls, settings: BaseSettings) -> "RateLimits":
        """The values of ``PODCRAWLER_RATE``, ``PODCRAWLER_HOST_RATE`` and ``PODCRAWLER_HOSTS``. Raises SettingError."""
        config = TransferConfig.read(settings)
        return cls(config.host_rate, Hosts.read(settings), config.rate)

    async def take(self, host: str, size: int) -> float:
        """Wait until ``size`` bytes that came from the host are paid for. Returns the seconds that this took, for which
        the host is not to blame. Where there is no limit, nothing is awaited."""
        if not self._is_limited or not (rates := self._rates_for(host)):
            return 0.0
        clock = asyncio.get_running_loop().time
        begun = clock()
        turn = max(_TURN, round(min(rates.values()) * _TURN_SECONDS))
        for left in range(size, 0, -turn):
            now = clock()
            paid = now
            for limited, rate in rates.items():
                self._paid[limited] = max(self._paid.get(limited, 0.0), now - _BURST) + min(left, turn) / rate
                paid = max(paid, self._paid[limited])
            if paid > now:
                await asyncio.sleep(paid - now)
        return clock() - begun

    def _rates_for(self, host: str) -> dict[str, int]:
        if host not in self._rates:
            own = self._hosts.of(host).rate
            rates = {host: self._default if own is None else own, _ALL: self._whole}
            self._rates[host] = {limited: rate for limited, rate in rates.items() if rate}
        return self._rates[host]
