"""The client: sends requests of Scrapy's with aiohttp, through their proxies, and hands out answers whose bodies are
still to come.

Settings: ``DOWNLOAD_BIND_ADDRESS``, ``DOWNLOAD_VERIFY_CERTIFICATES``, ``PODCRAWLER_INSECURE_HOSTS``.
"""

import ssl
import time
from collections.abc import Mapping
from typing import Any

import aiohttp
from scrapy import Request
from scrapy.exceptions import UnsupportedURLSchemeError
from scrapy.settings import BaseSettings
from scrapy.utils.url import add_http_if_no_scheme
from yarl import URL

from podcrawler.config import TransferConfig
from podcrawler.http.lenient import Answer, teach

#: aiohttp buffers up to twice this much of a body before it stops reading from the network.
_READ_BUFFER = 512 * 1024


class Client:
    """Opens its connections with the first request. To be used, and closed, in one event loop."""

    def __init__(self, settings: BaseSettings) -> None:
        bind = settings.get("DOWNLOAD_BIND_ADDRESS")
        self._local_address = (bind, 0) if isinstance(bind, str) else bind
        self._check_certificates = settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES")
        insecure_hosts = TransferConfig.read(settings).insecure_hosts
        self._insecure_hosts = {host.strip().lower() for host in insecure_hosts.split(",")}
        #: For those hosts.
        self._unchecked = _ssl_context(checked=False)
        self._session: aiohttp.ClientSession | None = None

    async def ask(
        self, request: Request, timeout: aiohttp.ClientTimeout, more_headers: Mapping[str, str] | None = None
    ) -> aiohttp.ClientResponse:
        """The answer to the request with ``more_headers``; its body is still to come. Raises aiohttp's exceptions."""
        url = address(request.url)
        arguments = _headers_and_proxy(request, more_headers or {})
        if url.host in self._insecure_hosts:
            arguments["ssl"] = self._unchecked
        begun = time.monotonic()
        answer = await self._open_session().request(
            request.method, url, data=request.body or None, timeout=timeout, allow_redirects=False, **arguments
        )
        request.meta["download_latency"] = time.monotonic() - begun
        return answer

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                # Scrapy's slots are the limit.
                limit=0,
                ssl=_ssl_context(checked=self._check_certificates),
                local_addr=self._local_address,
            )
            teach(connector)
            self._session = aiohttp.ClientSession(
                connector=connector,
                response_class=Answer,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                read_bufsize=_READ_BUFFER,
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            )
        return self._session


def address(url: str) -> URL:
    """The URL as it was given: signed addresses break when their escapes are rewritten."""
    try:
        return URL(url, encoded=True)
    except ValueError as error:
        raise UnsupportedURLSchemeError(str(error)) from error


def _headers_and_proxy(request: Request, more_headers: Mapping[str, str]) -> dict[str, Any]:
    """The headers and the proxy as arguments for aiohttp. Credentials for the proxy go into the request only if that is
    sent to the proxy itself; for https they are sent with the CONNECT before it (RFC 9110 §9.3.6, §11.7.2)."""
    given = request.headers.to_tuple_list()
    headers = [(name, value) for name, value in given if name != "Proxy-Authorization" and name not in more_headers]
    headers += more_headers.items()
    for_proxy = [(name, value) for name, value in given if name == "Proxy-Authorization"]
    proxy = request.meta.get("proxy")
    if not proxy:
        return {"headers": headers}
    arguments = {"proxy": address(add_http_if_no_scheme(proxy))}
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
    return context
