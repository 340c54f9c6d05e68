"""Who we say we are: the login of a private podcast, and the User-Agent of each host.

A login comes with the address, from what Redis keeps for the podcast, or from netrc, in this order, and is told to its
own origin alone; one of netrc to the host that netrc names, but never without TLS after a redirect from it.
"""

import asyncio
import netrc
import os
import time
from contextlib import suppress
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.useragent import UserAgentMiddleware as ScrapyUserAgentMiddleware

from podcrawler.config import Config
from podcrawler.exceptions import SettingError
from podcrawler.logins import Login, origin_of
from podcrawler.queue.entries import Lease
from podcrawler.queue.scheduler import scheduler_of

#: Seconds for which a node takes what Redis told it about a podcast for true, and podcasts that it remembers at once.
_FRESH, _MOST_KNOWN = 10.0, 1000
#: Seconds to wait for Redis, where there is an older answer.
_PATIENCE = 1.0


class LoginMiddleware:
    """Sets the header Authorization, where there is a login for the request's origin."""

    def __init__(self, crawler: Crawler, hosts: dict[str, tuple[str, str]]) -> None:
        """``hosts`` are users and passwords by host, as `read_netrc` gives them."""
        self._crawler = crawler
        self._hosts = hosts
        #: By the name under which Redis may have one; when it was asked.
        self._known: dict[str, tuple[float, Login | None]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "LoginMiddleware":
        return cls(crawler, read_netrc())

    async def process_request(self, request: Request) -> None:
        # With a login in its address (``scrapy fetch``) the handler takes care of it.
        if "Authorization" in request.headers or "@" in urlsplit(request.url).netloc:
            return
        for login in (Login.read(request.meta.get("login")), await self._kept(request), self._of_netrc(request)):
            if login and login.origin == origin_of(request.url):
                request.headers["Authorization"] = login.header
                return

    async def _kept(self, request: Request) -> Login | None:
        """What Redis has for the podcast that the request is for."""
        lease = request.meta.get("lease")
        name = lease.group if isinstance(lease, Lease) else request.meta.get("podcast")
        scheduler = scheduler_of(self._crawler)
        if not isinstance(name, str) or scheduler is None:
            return None
        asked, login = self._known.get(name, (0.0, None))
        if time.monotonic() - asked > _FRESH:
            # What was known a moment ago is good enough where Redis does not answer.
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE if name in self._known else None):
                    login = await scheduler.call(scheduler.queue.login, name)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[name] = time.monotonic(), login
        return login

    def _of_netrc(self, request: Request) -> Login | None:
        parts = urlsplit(request.url)
        found = self._hosts.get(parts.hostname or "")
        came_from = request.meta.get("redirect_urls", ())
        if not found or (parts.scheme == "http" and any(url.startswith("https:") for url in came_from)):
            return None
        return Login(origin_of(request.url), *found)


class UserAgentMiddleware(ScrapyUserAgentMiddleware):
    """Stands in for Scrapy's UserAgentMiddleware, with ``PODCRAWLER_USER_AGENTS`` beside ``USER_AGENT``."""

    agents: dict[str, str]

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "UserAgentMiddleware":
        middleware = super().from_crawler(crawler)
        middleware.agents = Config.read(crawler.settings).user_agents
        return middleware

    def process_request(self, request: Request) -> None:  # type: ignore[override]  # the spider argument is deprecated
        told = (request.headers.get("User-Agent") or b"").decode("latin-1")
        # A redirect comes with what the host before it was told.
        if not told or told in (self.user_agent, *self.agents.values()):
            request.headers["User-Agent"] = self._agent_for(urlsplit(request.url).hostname or "")

    def _agent_for(self, host: str) -> str:
        while host:
            if agent := self.agents.get(host):
                return agent
            host = host.partition(".")[2]
        return self.user_agent


def read_netrc() -> dict[str, tuple[str, str]]:
    """User and password by host, of the file that ``NETRC`` names in the environment, else of ``~/.netrc``; its
    ``default`` is for no host. SettingError if it is there and cannot be used."""
    named = os.environ.get("NETRC")
    try:
        entries = netrc.netrc(named or None).hosts
    except FileNotFoundError as error:
        if not named:
            return {}
        problem = f"is not there ({error.strerror})"
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    except (netrc.NetrcParseError, UnicodeDecodeError) as error:
        problem = f"cannot be used ({getattr(error, 'msg', 'it is no UTF-8')})"
    else:
        return {host: (user, password) for host, (user, _, password) in entries.items() if host != "default"}
    raise SettingError(
        f"{named or '~/.netrc'} {problem}: mend it, make it readable for this user alone (chmod 600), "
        "or set NETRC=/dev/null to go without."
    )
