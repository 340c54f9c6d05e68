"""Request headers that identify us: Authorization for private podcasts, and the User-Agent of each host.

A login is taken from the address, else from what Redis stores for the podcast, else from netrc. It is sent to its own
origin only, and there to the folder that it was given for. A login of netrc is for a host, on any port, but is not sent
over http after a redirect from https.
"""

import asyncio
import netrc
import os
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.useragent import UserAgentMiddleware as ScrapyUserAgentMiddleware
from typing_extensions import override
from w3lib.http import basic_auth_header

from podcrawler import USER_AGENT, __version__
from podcrawler.config import TransferConfig
from podcrawler.exceptions import SettingError
from podcrawler.hosts import Hosts, nearest
from podcrawler.logins import AUTHORIZATION, LOGIN, TOLD_LOGIN, WITHHELD, Login, origin_of
from podcrawler.queue.leases import Lease
from podcrawler.queue.scheduler import scheduler_of

#: Seconds for which an answer of Redis is cached.
_CACHE_SECONDS = 10.0
#: Podcasts in the cache.
_CACHE_SIZE = 1000
#: Seconds to wait for Redis if an older answer is cached.
_REDIS_TIMEOUT = 1.0


class LoginMiddleware:
    """Has the header Authorization sent if there is a login for the request's address."""

    def __init__(self, crawler: Crawler, hosts: dict[str, tuple[str, str]]) -> None:
        """``hosts`` has user and password by host, as `read_netrc` returns them."""
        self._crawler = crawler
        self._hosts = hosts
        user, password = (crawler.settings.get(name, "") for name in ("HTTPAUTH_USER", "HTTPAUTH_PASS"))
        #: What Scrapy's own middleware has put into the headers.
        self._of_settings = basic_auth_header(user, password)
        #: When Redis was asked, and its answer, by podcast.
        self._cached: dict[str, tuple[float, Login | None]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "LoginMiddleware":
        return cls(crawler, read_netrc())

    async def process_request(self, request: Request) -> None:
        for name in (AUTHORIZATION, WITHHELD):
            request.meta.pop(name, None)
        if request.headers.get("Authorization") == self._of_settings:
            del request.headers["Authorization"]
            request.meta[AUTHORIZATION] = self._of_settings.decode()
            return
        # The handler sends a login that is in the address (``scrapy fetch``).
        if "Authorization" in request.headers or "@" in urlsplit(request.url).netloc:
            return
        given = [Login.read(request.meta.get(LOGIN)), await self._stored(request)]
        for login in (Login.read(request.meta.get(TOLD_LOGIN)), *given, self._of_netrc(request)):
            if login and login.is_for(request.url):
                request.meta[AUTHORIZATION] = login.header
                return
        if others := [login for login in given if login and login.origin == origin_of(request.url)]:
            request.meta[WITHHELD] = others[0].place

    async def _stored(self, request: Request) -> Login | None:
        """The login that Redis stores for the podcast of the request."""
        lease = request.meta.get("lease")
        group = lease.group if isinstance(lease, Lease) else request.meta.get("podcast")
        name = request.meta.get("podcast_address", group)
        scheduler = scheduler_of(self._crawler)
        if not isinstance(name, str) or scheduler is None:
            return None
        asked, login = self._cached.get(name, (0.0, None))
        if time.monotonic() - asked > _CACHE_SECONDS:
            # If Redis does not answer in time, the older answer is used.
            with suppress(TimeoutError):
                async with asyncio.timeout(_REDIS_TIMEOUT if name in self._cached else None):
                    login = await scheduler.call(scheduler.archive.login, name)
            if len(self._cached) >= _CACHE_SIZE:
                self._cached.clear()
            self._cached[name] = time.monotonic(), login
        return login

    def _of_netrc(self, request: Request) -> Login | None:
        parts = urlsplit(request.url)
        found = self._hosts.get(parts.hostname or "")
        redirects = request.meta.get("redirect_urls", ())
        if not found or (parts.scheme == "http" and any(url.startswith("https:") for url in redirects)):
            return None
        return Login(origin_of(request.url), *found)


class UserAgentMiddleware(ScrapyUserAgentMiddleware):
    """Replaces Scrapy's UserAgentMiddleware: ``user_agent`` of ``PODCRAWLER_HOSTS``, else ``PODCRAWLER_USER_AGENTS``,
    else ``USER_AGENT``, which has ``PODCRAWLER_CONTACT`` in it unless it is the user's. What is set for a host is for
    its subdomains, too, unless they have their own."""

    #: By host, of ``PODCRAWLER_USER_AGENTS``.
    agents: Mapping[str, str]
    hosts: Hosts
    #: All that may have been set here.
    ours: frozenset[str]

    @classmethod
    @override
    def from_crawler(cls, crawler: Crawler) -> "UserAgentMiddleware":
        middleware = super().from_crawler(crawler)
        config = TransferConfig.read(crawler.settings)
        if config.contact and middleware.user_agent == USER_AGENT:
            middleware.user_agent = f"podcrawler/{__version__} (+{config.contact})"
        middleware.agents = {host.lower().strip("."): agent for host, agent in config.user_agents.items()}
        middleware.hosts = Hosts.read(crawler.settings)
        of_hosts = (host.user_agent for host in middleware.hosts.by_name.values())
        middleware.ours = frozenset(filter(None, (middleware.user_agent, *middleware.agents.values(), *of_hosts)))
        return middleware

    @override
    def process_request(self, request: Request) -> None:  # type: ignore[override]  # the spider argument is deprecated
        given = (request.headers.get("User-Agent") or b"").decode("latin-1")
        # A redirect has inherited the User-Agent of the host before.
        if not given or given in self.ours:
            host = urlsplit(request.url).hostname or ""
            request.headers["User-Agent"] = (
                self.hosts.of(host).user_agent or nearest(self.agents, host) or self.user_agent
            )


def read_netrc() -> dict[str, tuple[str, str]]:
    """User and password by host, from the file that the environment variable ``NETRC`` names, else from ``~/.netrc``.

    An entry ``default`` is ignored, because it would be sent to every host. Raises SettingError if the file exists and
    cannot be used, or may be used by others than its owner, or if ``NETRC`` names a file that does not exist.
    """
    named = os.environ.get("NETRC")
    try:
        # Of a file that was named, the library does not look who may read it.
        status = Path(named or "~/.netrc").expanduser().stat()
        is_open = stat.S_ISREG(status.st_mode) and status.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        entries = {} if is_open else netrc.netrc(named or None).hosts
    except (FileNotFoundError, RuntimeError) as error:
        # Without a home there is a RuntimeError.
        if not named:
            return {}
        problem = f"is not there ({getattr(error, 'strerror', error)})"
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    except (netrc.NetrcParseError, UnicodeDecodeError) as error:
        problem = f"cannot be used ({getattr(error, 'msg', 'it is no UTF-8')})"
    else:
        if not is_open:
            return {host: (user, password) for host, (user, _, password) in entries.items() if host != "default"}
        problem = f"cannot be used (others than its owner may use it: mode {stat.S_IMODE(status.st_mode):o})"
    raise SettingError(
        f"{named or '~/.netrc'} {problem}: mend it, make it readable for this user alone (chmod 600), "
        "or set NETRC=/dev/null to go without."
    )
