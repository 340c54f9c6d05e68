"""The client: sends Scrapy's requests with aiohttp, through their proxies, and returns answers before their bodies have
come.

Settings: ``DOWNLOAD_BIND_ADDRESS``, ``DOWNLOAD_VERIFY_CERTIFICATES``, ``PODCRAWLER_INSECURE_HOSTS``, and
``PODCRAWLER_CONNECT_TIMEOUT`` for proxies.
"""

import base64
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol
from weakref import WeakSet

import aiohttp
from scrapy import Request
from scrapy.exceptions import UnsupportedURLSchemeError
from scrapy.settings import BaseSettings
from scrapy.utils.url import add_http_if_no_scheme
from yarl import URL

from podcrawler.config import TransferConfig
from podcrawler.exceptions import FetchError
from podcrawler.http.guard import Guard, PrivateAddressError
from podcrawler.http.lenient import Answer, teach
from podcrawler.http.proxy_errors import proxy_failure
from podcrawler.logins import AUTHORIZATION
from podcrawler.proxies import ProxyAddress

#: aiohttp buffers up to twice this much of a body before it stops reading from the network.
_READ_BUFFER = 512 * 1024
#: Seconds for which an idle connection is kept for the next small file. No longer, because the host counts it.
_KEEP_ALIVE = 1.0
#: Sessions that are kept: one for each SOCKS proxy, one for all others, one without.
_MAX_SESSIONS = 32


class _Explain(Protocol):
    """Explains why a request through a proxy failed, as ``proxy_failure``."""

    def __call__(
        self, error: BaseException, proxy: ProxyAddress, url: URL, *, has_connection: bool
    ) -> FetchError | None: ...


@dataclass(slots=True)
class _Progress:
    """How far a request through a proxy has come."""

    has_connection: bool = False


@dataclass(slots=True)
class _Way:
    """One way to the web: a session, and what still uses it."""

    session: aiohttp.ClientSession
    explain: _Explain = proxy_failure
    asking: int = 0
    answers: WeakSet[aiohttp.ClientResponse] = field(default_factory=WeakSet)

    @property
    def is_idle(self) -> bool:
        return not self.asking and all(answer.closed for answer in self.answers)


class Client:
    """Opens its connections with the first request. To be used, and closed, in one event loop."""

    def __init__(self, settings: BaseSettings, guard: Guard) -> None:
        self._guard = guard
        bind = settings.get("DOWNLOAD_BIND_ADDRESS")
        self._local_address = (bind, 0) if isinstance(bind, str) else bind
        self._check_certificates = settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES")
        config = TransferConfig.read(settings)
        self._insecure_hosts = {host.strip().lower() for host in config.insecure_hosts.split(",")}
        self._connect_timeout = config.connect_timeout
        #: By whether certificates are checked: made when it is needed first, because it takes time.
        self._tls: dict[bool, ssl.SSLContext] = {}
        #: By SOCKS proxy; ``http`` for all proxies of HTTP, and for none ``direct``, or ``anywhere`` for requests that
        #: may lead to any address, because a connection may serve later requests. The one last used is the last.
        self._ways: dict[str, _Way] = {}

    async def ask(
        self, request: Request, timeout: aiohttp.ClientTimeout, more_headers: Mapping[str, str] | None = None
    ) -> aiohttp.ClientResponse:
        """Send the request with ``more_headers``, and return the answer; its body is still to come. Raises aiohttp's
        exceptions, PrivateAddressError, and ProxyFailedError or FetchError if the request's proxy failed, or reports a
        failure of the host."""
        url, proxy = address(request.url), _proxy_of(request)
        ask = partial(self._ask, request, url, proxy, timeout, more_headers or {})
        if self._guard.trusts(request):
            return await ask(is_trusted=True)
        try:
            with self._guard.judging(url.raw_host or "", has_proxy=proxy is not None):
                answer = await ask(is_trusted=False)
        except PrivateAddressError as refusal:
            if not await self._guard.is_given(request):
                raise (refusal.other_error or refusal) from None
            return await ask(is_trusted=True)
        if proxy is None:
            try:
                await self._guard.note_public(request)
            except BaseException:
                answer.close()
                raise
        return answer

    async def _ask(
        self,
        request: Request,
        url: URL,
        proxy: ProxyAddress | None,
        timeout: aiohttp.ClientTimeout,
        more_headers: Mapping[str, str],
        *,
        is_trusted: bool,
    ) -> aiohttp.ClientResponse:
        """As ``ask``. ``is_trusted`` says whether the request may lead to any address."""
        arguments = _headers_and_proxy(request, proxy, more_headers)
        if "https" in (url.scheme, proxy and proxy.scheme):
            arguments["ssl"] = self._tls_for(url)
        way = self._way(proxy, is_trusted=is_trusted)
        progress = _Progress()
        begun = time.monotonic()
        way.asking += 1
        try:
            await self._close_idle()
            answer = await way.session.request(
                request.method,
                url,
                data=request.body or None,
                timeout=self._through_proxy(timeout) if proxy else timeout,
                allow_redirects=False,
                trace_request_ctx=progress,
                **arguments,
            )
        except Exception as error:
            if proxy and (failure := way.explain(error, proxy, url, has_connection=progress.has_connection)):
                raise failure from error
            raise
        finally:
            way.asking -= 1
        way.answers.add(answer)
        request.meta["download_latency"] = time.monotonic() - begun
        return answer

    def _through_proxy(self, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientTimeout:
        """The timeout with a limit for the connection: there may be another proxy to try."""
        connect = timeout.connect or self._connect_timeout
        return aiohttp.ClientTimeout(timeout.total, connect, timeout.sock_read, timeout.sock_connect or connect)

    async def close(self) -> None:
        for way in self._ways.values():
            await way.session.close()
        self._ways.clear()

    def _way(self, proxy: ProxyAddress | None, *, is_trusted: bool) -> _Way:
        """The way through the proxy, or without one."""
        direct = "anywhere" if is_trusted else "direct"
        key = direct if proxy is None else proxy.url if proxy.is_socks else "http"
        way = self._ways.pop(key) if key in self._ways else self._open_way(proxy, is_trusted=is_trusted)
        self._ways[key] = way
        return way

    def _tls_for(self, url: URL) -> ssl.SSLContext:
        checked = self._check_certificates and url.host not in self._insecure_hosts
        if checked not in self._tls:
            self._tls[checked] = _ssl_context(checked=checked)
        return self._tls[checked]

    async def _close_idle(self) -> None:
        """Close the session that nothing has used for the longest time, if there are too many."""
        if len(self._ways) > _MAX_SESSIONS:
            idle = next((key for key, way in self._ways.items() if way.is_idle), None)
            if idle is not None:
                await self._ways.pop(idle).session.close()

    def _open_way(self, proxy: ProxyAddress | None, *, is_trusted: bool) -> _Way:
        arguments: dict[str, Any] = {
            # Scrapy's slots are the limit.
            "limit": 0,
            "keepalive_timeout": _KEEP_ALIVE,
            "local_addr": self._local_address,
        }
        if proxy is None:
            factory = None if is_trusted else self._guard.open_socket
            return _Way(_open_session(aiohttp.TCPConnector(**arguments, socket_factory=factory)))
        if not proxy.is_socks:
            return _Way(_open_session(aiohttp.TCPConnector(**arguments), _connection_trace()))
        # Only now: the libraries take time to load.
        from podcrawler.http import socks

        return _Way(_open_session(socks.connector(proxy, **arguments), _connection_trace()), socks.socks_failure)


def _open_session(connector: aiohttp.TCPConnector, *traces: aiohttp.TraceConfig) -> aiohttp.ClientSession:
    teach(connector)
    return aiohttp.ClientSession(
        connector=connector,
        response_class=Answer,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        read_bufsize=_READ_BUFFER,
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        trace_configs=list(traces),
    )


def _connection_trace() -> aiohttp.TraceConfig:
    """Notes in the _Progress of each request whether it has a connection yet."""

    async def begun(_session: aiohttp.ClientSession, context: Any, _: aiohttp.TraceConnectionCreateStartParams) -> None:
        context.trace_request_ctx.has_connection = False

    async def made(_session: aiohttp.ClientSession, context: Any, _: object) -> None:
        context.trace_request_ctx.has_connection = True

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_start.append(begun)
    trace.on_connection_create_end.append(made)
    trace.on_connection_reuseconn.append(made)
    return trace


def address(url: str) -> URL:
    """The URL as it was given: signed addresses break when their escapes are rewritten."""
    try:
        return URL(url, encoded=True)
    except ValueError as error:
        raise UnsupportedURLSchemeError(str(error)) from error


def _proxy_of(request: Request) -> ProxyAddress | None:
    """The proxy that ``meta["proxy"]`` names, with the login that the header Proxy-Authorization has for it."""
    proxy = request.meta.get("proxy")
    if not proxy:
        return None
    try:
        found = ProxyAddress.parse(add_http_if_no_scheme(proxy))
    except ValueError as error:
        raise FetchError("proxy", f"The proxy of a request {error}.") from None
    header = request.headers.get("Proxy-Authorization") or b""
    if found.is_socks and header.startswith(b"Basic "):
        user, _, password = base64.b64decode(header.removeprefix(b"Basic ")).decode("latin-1").partition(":")
        return replace(found, user=user, password=password)
    return found


def _headers_and_proxy(request: Request, proxy: ProxyAddress | None, more_headers: Mapping[str, str]) -> dict[str, Any]:
    """The headers and the proxy as arguments for aiohttp. The request has credentials for the proxy only if the proxy
    itself reads it; for https the CONNECT before it has them (RFC 9110 §9.3.6, §11.7.2)."""
    if login := request.meta.get(AUTHORIZATION):
        more_headers = {**more_headers, "Authorization": login}
    given = request.headers.to_tuple_list()
    headers = [(name, value) for name, value in given if name != "Proxy-Authorization" and name not in more_headers]
    headers += more_headers.items()
    if proxy is None or proxy.is_socks:
        return {"headers": headers}
    for_proxy = [(name, value) for name, value in given if name == "Proxy-Authorization"]
    arguments = {"proxy": URL(proxy.url, encoded=True)}
    if address(request.url).scheme == "https":
        return {**arguments, "headers": headers, "proxy_headers": for_proxy}
    return {**arguments, "headers": headers + for_proxy}


def _ssl_context(*, checked: bool) -> ssl.SSLContext:
    if checked:
        return ssl.create_default_context()
    # Without the certificates of the authorities, which take time to load.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # These hosts may also need versions and ciphers that are long out of use.
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context
