"""robots.txt (RFC 9309), for web pages that the user did not name (``PODCRAWLER_ROBOTS``).

Feeds and media files are published for programs, and the user's own addresses are fetched on the user's behalf. So
robots.txt applies to pages of episodes, and to further pages of a web page. It also applies to an address that a page
refers to, once the answer turns out to be a web page; until then the address is taken for a feed.
"""

import asyncio
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.http import Response

from podcrawler.config import TransferConfig
from podcrawler.exceptions import FetchError, TransferCancelledError
from podcrawler.http.errors import explain
from podcrawler.logins import origin_of
from podcrawler.networks import host_of
from podcrawler.queue.entries import IS_TOLD, IS_WEB_PAGE, TOLD_ELSEWHERE
from podcrawler.queue.leases import Lease
from podcrawler.sites.links import is_web_page

if TYPE_CHECKING:
    from protego import Protego

logger = logging.getLogger(__name__)

#: Seconds for which an answer holds; RFC 9309 §2.4 allows a day.
_HOLDS = 3600.0
#: Seconds for which it holds that there was no answer.
_SILENT = 60.0
#: Hosts that are remembered, and rules of each.
_MOST_HOSTS, _MOST_RULES = 500, 2000
#: Bytes that are read (RFC 9309 §2.5), and the seconds for that.
_MAX_BYTES = 500 * 1024
_TIMEOUT = 30.0
_TOKEN = re.compile(r"[a-z_-]+")
#: Lines that may stand between the agents of a group (RFC 9309 §2.2.4).
_NO_RULES = frozenset({"", "sitemap", "host"})
#: The rules that name this User-Agent, and those for every one.
_OWN, _ALL = "own", "all"


@dataclass(slots=True)
class _Known:
    """What is known of the robots.txt of one origin, for one User-Agent."""

    #: None: all is allowed.
    rules: "Protego | None" = None
    #: Until when, by the clock.
    until: float = float("-inf")
    #: How often in a row the host failed to tell.
    failures: int = 0
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


class RobotsMiddleware:
    """Refuses web pages as `robots`."""

    def __init__(self, crawler: Crawler, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` tells seconds."""
        self._crawler = crawler
        self._clock = clock
        #: By origin and User-Agent; the one that was asked for first is the first.
        self._known: dict[tuple[str, str], _Known] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if not TransferConfig.read(crawler.settings).robots:
            raise NotConfigured
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        """Raises FetchError for a page that must not be fetched."""
        if request.meta.get(IS_WEB_PAGE) or "episode" in request.meta:
            await self._judge(request)

    async def process_response(self, request: Request, response: Response) -> Response:
        """Raises FetchError for a page that should not have been fetched."""
        if request.meta.get(IS_TOLD) and response.status == 200 and is_web_page(response):
            await self._judge(request)
        return response

    async def _judge(self, request: Request) -> None:
        origin, agent = origin_of(request.url), (request.headers.get("User-Agent") or b"").decode("latin-1")
        known = self._of(origin, agent)
        async with known.asking:
            if known.until <= self._clock():
                await self._ask(request, agent, known)
        if known.rules and not known.rules.can_fetch(request.url, agent):
            raise FetchError(
                "robots",
                f"{host_of(request.url)} asks programs not to fetch this page (robots.txt); set PODCRAWLER_ROBOTS to "
                "False to fetch it anyway.",
            )

    def _of(self, origin: str, agent: str) -> _Known:
        if (origin, agent) not in self._known and len(self._known) >= _MOST_HOSTS:
            del self._known[next(iter(self._known))]
        return self._known.setdefault((origin, agent), _Known())

    async def _ask(self, request: Request, agent: str, known: _Known) -> None:
        """Raises FetchError if the host cannot tell for now."""
        response = await self._fetch(request)
        if response is None:
            # The page is on the same host: its own failure will say what is wrong.
            known.rules, known.until = None, self._clock() + _SILENT
            return
        if response.status == HTTPStatus.TOO_MANY_REQUESTS or response.status >= 500:
            known.failures += 1
            lease = request.meta.get("lease")
            # RFC 9309 would have the host left alone for a day or more. But a host whose robots.txt alone is broken has
            # forbidden nothing: its pages wait for one more try, and no longer.
            if known.failures == 1 and isinstance(lease, Lease) and not lease.tries:
                raise FetchError(
                    "robots",
                    f"{host_of(request.url)} answered {response.status} when it was asked for its robots.txt; the page "
                    "is fetched at the next try, if need be without.",
                    "passing",
                )
        known.failures = 0
        known.rules = _rules(response.body, agent) if response.status == HTTPStatus.OK else None
        known.until = self._clock() + _HOLDS

    async def _fetch(self, request: Request) -> Response | None:
        """The robots.txt of the host of the request; None if there is no answer. Raises TransferCancelledError."""
        # No podcast, nor a lease: a host that the user gave is exempt from http/guard.py for this, too.
        meta: dict[str, Any] = {"dont_obey_robotstxt": True, "allow_offsite": True, "download_timeout": _TIMEOUT}
        # The rest would be ignored, and a large page may wait for this one.
        meta |= {"enough": _MAX_BYTES, "download_maxsize": 2 * _MAX_BYTES}
        if request.meta.get(TOLD_ELSEWHERE):
            meta[TOLD_ELSEWHERE] = True
        asked = Request(f"{origin_of(request.url)}/robots.txt", meta=meta)
        try:
            return await self._crawler.engine.download_async(asked)
        except TransferCancelledError:
            raise
        except Exception as error:
            logger.info("No robots.txt: %s", explain(error, asked.url))
            return None


def _rules(body: bytes, agent: str) -> "Protego":
    # Only now: most nodes never read one.
    from protego import Protego

    return Protego.parse(for_agent(body[:_MAX_BYTES].decode("utf-8", "replace"), agent))


def for_agent(text: str, agent: str) -> str:
    """The rules of a robots.txt for one User-Agent, as a robots.txt for all. Protego would keep a copy of the rules for
    each agent, which are hundreds of millions if a hostile file names many agents."""
    names = set(_TOKEN.findall(agent.lower()))
    rules: dict[str, list[str]] = {}
    group: set[str] = set()
    has_begun = False
    for line in text.splitlines():
        name, _, value = line.partition("#")[0].partition(":")
        name, value = name.strip().lower(), value.strip().lower()
        if name == "user-agent":
            if has_begun:
                group, has_begun = set(), False
            if value == "*" or value in names:
                whose = _ALL if value == "*" else _OWN
                group.add(whose)
                rules.setdefault(whose, [])
        elif name not in _NO_RULES:
            has_begun = True
            if name in ("allow", "disallow"):
                for whose in group:
                    rules[whose].append(line)
    found = rules.get(_OWN, rules.get(_ALL, []))
    return "\n".join(["User-agent: *", *found[:_MOST_RULES]])
