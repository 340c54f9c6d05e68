"""The guard: feeds and pages may lead only to addresses on the public internet, and to hosts that a user named.

Each IP address is judged when it is connected to: after the DNS, at every redirect, and if a URL has it in place of a
name. Exempt are hosts and networks of ``PODCRAWLER_ALLOW_HOSTS``. Also exempt is a host of an address that the user
gave, for what that address lists (queue/given_hosts.py), if the user or that host itself named the URL.
Through a proxy, names are judged without looking them up.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address

import aiohttp
from scrapy import Request
from scrapy.crawler import Crawler

from podcrawler.config import TransferConfig
from podcrawler.exceptions import FetchError
from podcrawler.networks import Address, is_local_name, literal, named_host, same_name, special_purpose
from podcrawler.queue.entries import TOLD_ELSEWHERE
from podcrawler.queue.given_hosts import GivenHosts
from podcrawler.queue.leases import Lease
from podcrawler.queue.scheduler import scheduler_of

#: Pairs of a host and a podcast that the user gave it for, in the cache.
_CACHE_SIZE = 10_000


class PrivateAddressError(FetchError):
    """Raised when a host is at no address of the public internet. ``other_error`` is how the attempt at its other
    addresses ended, if it has any."""

    def __init__(self, host: str, place: str, *, allow: str, other_error: Exception | None = None) -> None:
        """``place`` says what the host is; ``allow`` is what would have to be in ``PODCRAWLER_ALLOW_HOSTS``."""
        super().__init__(
            "private-address",
            f"{host} is {place}, where only an address that you give yourself may lead; if it is right, allow it with "
            f"PODCRAWLER_ALLOW_HOSTS={allow}.",
        )
        self.other_error = other_error


class _NotPublicError(OSError):
    """Raised in place of a socket, for one address."""


@dataclass(slots=True)
class _Attempt:
    """What became of the addresses of one host, as far as they were connected to."""

    #: Those that are not public.
    refused: list[Address] = field(default_factory=list)
    count: int = 0


_attempt: ContextVar[_Attempt] = ContextVar("_attempt")


class Guard:
    """Decides which requests may lead where. To be used in one event loop."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._allowed = TransferConfig.read(crawler.settings).allow_hosts
        #: By host and by what the user gave it for; an ordered set.
        self._given: dict[tuple[str, str], None] = {}
        #: Hosts that the user gave and that were at a public address.
        self._public: set[str] = set()

    def trusts(self, request: Request) -> bool:
        """Whether the request may lead to any address, as far as this node knows by now."""
        if not self._given and not self._allowed.has_names:
            return False
        host = named_host(request.url)
        return self._allowed.has_host(host) or (host, _given_for(request, host)) in self._given

    @contextmanager
    def judging(self, host: str, *, has_proxy: bool) -> Iterator[None]:
        """Judge the connections that are opened in the block, for one host. Raises PrivateAddressError for a host all
        of whose addresses were refused, or failed."""
        if host:
            self._judge_unresolved(host, has_proxy=has_proxy)
        attempt = _Attempt()
        before = _attempt.set(attempt)
        try:
            yield
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            if not attempt.refused:
                raise
            has_others = attempt.count > len(attempt.refused)
            raise _refusal(host, attempt.refused[0], error if has_others else None) from error
        finally:
            _attempt.reset(before)

    def open_socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """A socket for one address, as aiohttp asks for it. Raises OSError if the address is not public, so that
        the next one is tried."""
        attempt = _attempt.get()
        attempt.count += 1
        try:
            address = ip_address(info[4][0])
        except ValueError as error:
            raise _NotPublicError(str(error)) from None
        if special_purpose(address) and not self._allowed.has_address(address):
            attempt.refused.append(address)
            raise _NotPublicError(f"{address} is not public")
        return socket.socket(info[0], info[1], info[2])

    async def is_given(self, request: Request) -> bool:
        """Whether the user gave the host of the request, and it has never been public (``note_public``)."""
        host = named_host(request.url)
        given_for, scheduler = _given_for(request, host), scheduler_of(self._crawler)
        if given_for is None or scheduler is None:
            return False
        given = GivenHosts.from_settings(self._crawler.settings, scheduler.server)
        if not await scheduler.call(given.is_given, given_for, host):
            return False
        if len(self._given) >= _CACHE_SIZE:
            self._given.pop(next(iter(self._given)))
        self._given[host, given_for] = None
        return True

    async def note_public(self, request: Request) -> None:
        """Remember that a host that the user gave is on the public internet, once it was: if it leads elsewhere later,
        that is not what the user meant (DNS rebinding)."""
        lease = request.meta.get("lease")
        if not isinstance(lease, Lease) or lease.kind != "page" or (host := named_host(request.url)) in self._public:
            return
        scheduler = scheduler_of(self._crawler)
        if scheduler is None or host != named_host(lease.group) or literal(host):
            return
        given = GivenHosts.from_settings(self._crawler.settings, scheduler.server)
        await scheduler.call(given.note_public, host)
        self._public.add(host)

    def _judge_unresolved(self, host: str, *, has_proxy: bool) -> None:
        """Judge what a host tells without looking it up. Raises PrivateAddressError."""
        if (address := literal(host)) is not None:
            if special_purpose(address) and not self._allowed.has_address(address):
                raise _refusal(host, address)
        elif has_proxy and is_local_name(host):
            raise PrivateAddressError(host, "a name of a local network", allow=same_name(host))


def _refusal(host: str, address: Address, other_error: Exception | None = None) -> PrivateAddressError:
    is_name = literal(host) is None
    if isinstance(address, IPv6Address):
        # Without its zone.
        address = IPv6Address(int(address))
    place = f"{_article(special_purpose(address))} address" + (f" ({address})" if host != str(address) else "")
    return PrivateAddressError(host, place, allow=same_name(host) if is_name else str(address), other_error=other_error)


def _article(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def _given_for(request: Request, host: str) -> str | None:
    """What the user must have given the host for, if the request is to be exempt: the address of a page that the user
    gave, or the id of a podcast; empty for a request that is no entry's, such as that for robots.txt. None if the
    request cannot be exempt, because another host told its address."""
    # Either may come from an entry of the queue.
    hops = request.meta.get("redirect_urls") or [request.url]
    is_told_there = isinstance(hops, list) and named_host(str(hops[-1])) == host
    if request.meta.get(TOLD_ELSEWHERE) or not is_told_there:
        return None
    lease = request.meta.get("lease")
    if not isinstance(lease, Lease):
        podcast_id = request.meta.get("podcast", "")
        return podcast_id if isinstance(podcast_id, str) else None
    return lease.group
