"""The one HTTP stack: a Scrapy download handler for http and https on aiohttp.

A request whose ``meta["part"]`` is a PartFile has the body of a good answer streamed into that file, from where an
earlier transfer broke off if the server proves that the file is the same; the Response is then empty. Any other answer
comes back whole, up to ``DOWNLOAD_MAXSIZE``. Settings for both: ``DOWNLOAD_BIND_ADDRESS``,
``DOWNLOAD_VERIFY_CERTIFICATES``, ``PODCRAWLER_INSECURE_HOSTS``. For pages, and by request too, through ``meta``:
``DOWNLOAD_TIMEOUT``, ``DOWNLOAD_MAXSIZE``, ``DOWNLOAD_FAIL_ON_DATALOSS``. For parts: those of ``receiving.Limits``, and
``PODCRAWLER_MIN_FREE``.
"""

import asyncio
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import aiohttp
from scrapy import Request, signals
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
    StopDownload,
    UnsupportedURLSchemeError,
)
from scrapy.http import Headers, Response
from scrapy.responsetypes import responsetypes
from scrapy.utils.url import add_http_if_no_scheme
from twisted.python.failure import Failure
from yarl import URL

from podcrawler.config import Config
from podcrawler.exceptions import FetchError, TransferCancelledError
from podcrawler.http.body import Limits, receive
from podcrawler.signals import node_stopping
from podcrawler.store.disk_space import DiskBudget
from podcrawler.store.part import PartFile

#: aiohttp holds up to twice this much for a transfer before it stops reading from the network.
_READ_BUFFER = 512 * 1024
#: Of the body of an answer that is not the file; enough for an error page to tell why.
_ERROR_BODY = 64 * 1024
#: The answers that say that there is nothing to go on with: RFC 9110 §15.5.13, §15.5.17.
_NOT_THAT_RANGE = (412, 416)


class DownloadHandler(BaseDownloadHandler):
    """Made once a scheme. Sends ``headers_received`` and ``bytes_received``, and honours StopDownload; a transfer into
    a part that is stopped so always fails, because half a file is no file."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._session: aiohttp.ClientSession | None = None
        self._in_hand: set[asyncio.Task[Response]] = set()
        self._stopping = False
        self._max_size = crawler.settings.getint("DOWNLOAD_MAXSIZE")
        self._fail_on_loss = crawler.settings.getbool("DOWNLOAD_FAIL_ON_DATALOSS")
        config = Config.read(crawler.settings)
        self._limits = Limits.of(config)
        self._media_timeout = aiohttp.ClientTimeout(connect=config.connect_timeout, sock_read=config.idle_timeout)
        self._room = DiskBudget(config.min_free)
        #: Those whose certificates are not checked, and how that is told to aiohttp.
        self._insecure_hosts = {host.strip().lower() for host in config.insecure_hosts.split(",")}
        self._unchecked = _ssl_context(checked=False)
        crawler.signals.connect(self.stop, signal=node_stopping)

    async def download_request(self, request: Request) -> Response:
        """Raises Scrapy's download exceptions, FetchError (``timeout``) and all that ``receive`` raises for a part, and
        TransferCancelledError when the part is cancelled or the node stops."""
        part = _part_of(request)
        if self._stopping or (part and part.cancelled):
            raise TransferCancelledError
        # In a task of its own, so that it can be cancelled without a CancelledError that travels through Scrapy.
        transfer = asyncio.ensure_future(self._transfer(request, part))
        self._in_hand.add(transfer)
        try:
            with part.on_cancel(transfer.cancel) if part else nullcontext():
                return await transfer
        except asyncio.CancelledError:
            if self._stopping or (part and part.cancelled):
                raise TransferCancelledError from None
            raise
        finally:
            self._in_hand.discard(transfer)

    def stop(self) -> None:
        """Give up every transfer in hand and refuse new ones."""
        self._stopping = True
        for transfer in self._in_hand:
            transfer.cancel()

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    async def _transfer(self, request: Request, part: PartFile | None) -> Response:
        with _scrapy_errors(request):
            if part is None:
                timeout = aiohttp.ClientTimeout(total=request.meta.get("download_timeout"))
                async with await self._ask(request, timeout) as answer:
                    return await self._read(request, answer)
            with _media_timeouts(request, self._limits):
                if more := part.range_headers(request.url):
                    async with await self._ask_for_media(request, more) as answer:
                        if _goes_on(answer, part):
                            return await self._read(request, answer, part, (200, 206))
                    part.invalidate()
                async with await self._ask_for_media(request, {}) as answer:
                    return await self._read(request, answer, part, (200,))

    async def _ask_for_media(self, request: Request, more: dict[str, str]) -> aiohttp.ClientResponse:
        async with asyncio.timeout(self._limits.head_timeout):
            return await self._ask(request, self._media_timeout, more)

    async def _ask(
        self, request: Request, timeout: aiohttp.ClientTimeout, more: dict[str, str] | None = None
    ) -> aiohttp.ClientResponse:
        """The answer to the request, which has the headers ``more``, too; its body is still to come."""
        address = _address(request.url)
        arguments = _headers_and_proxy(request, more or {})
        if address.host in self._insecure_hosts:
            arguments["ssl"] = self._unchecked
        begun = time.monotonic()
        answer = await self._open_session().request(
            request.method, address, data=request.body or None, timeout=timeout, allow_redirects=False, **arguments
        )
        request.meta["download_latency"] = time.monotonic() - begun
        return answer

    async def _read(
        self,
        request: Request,
        answer: aiohttp.ClientResponse,
        part: PartFile | None = None,
        good: tuple[int, ...] = (),
    ) -> Response:
        """The answer as a response; its body goes into ``part`` if its status is one of ``good``."""
        headers = Headers(answer.raw_headers)
        body = bytearray()
        flags: list[str] = []
        try:
            self._tell(signals.headers_received, request, headers=headers, body_length=answer.content_length)
            if part is None:
                await self._read_page(request, answer, body, flags)
            elif answer.status in good:
                on_chunk = partial(self._tell_chunk, request)
                await receive(answer, part, url=request.url, limits=self._limits, room=self._room, on_chunk=on_chunk)
            else:
                await self._read_page(request, answer, body, flags, enough=_ERROR_BODY)
        except StopDownload as stop:
            flags.append("download_stopped")
            stop.response = _response(request, answer, headers, bytes(body), flags)
            if stop.fail or part:
                raise
            return stop.response
        return _response(request, answer, headers, bytes(body), flags)

    async def _read_page(
        self,
        request: Request,
        answer: aiohttp.ClientResponse,
        body: bytearray,
        flags: list[str],
        enough: int | None = None,
    ) -> None:
        """Add the body of the answer to ``body``, up to ``enough`` bytes; without ``enough``, more than the limit
        raises DownloadCancelledError."""
        limit = request.meta.get("download_maxsize", self._max_size)
        if enough is None:
            _refuse_size(answer.content_length, limit)
        try:
            async for chunk in answer.content.iter_any():
                body += chunk
                self._tell_chunk(request, chunk)
                if enough is None:
                    _refuse_size(len(body), limit)
                elif len(body) >= enough:
                    del body[enough:]
                    return
        except aiohttp.ClientPayloadError:
            if request.meta.get("download_fail_on_dataloss", self._fail_on_loss):
                raise
            flags.append("dataloss")

    def _tell_chunk(self, request: Request, chunk: bytes) -> None:
        self._tell(signals.bytes_received, request, data=chunk)

    def _tell(self, signal: object, request: Request, **arguments: Any) -> None:
        """Send a signal of Scrapy's; raises StopDownload if one of its receivers did."""
        sent = self.crawler.signals.send_catch_log(
            signal=signal, request=request, spider=self.crawler.spider, **arguments
        )
        for _, result in sent:
            if isinstance(result, Failure) and isinstance(result.value, StopDownload):
                raise result.value

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            settings = self.crawler.settings
            bind = settings.get("DOWNLOAD_BIND_ADDRESS")
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    # Scrapy's slots are the limit.
                    limit=0,
                    ssl=_ssl_context(checked=settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES")),
                    local_addr=(bind, 0) if isinstance(bind, str) else bind,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                read_bufsize=_READ_BUFFER,
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            )
        return self._session


def _part_of(request: Request) -> PartFile | None:
    part = request.meta.get("part")
    return part if isinstance(part, PartFile) else None


def _address(url: str) -> URL:
    """The URL as it was given: signed addresses break when their escapes are rewritten."""
    try:
        return URL(url, encoded=True)
    except ValueError as error:
        raise UnsupportedURLSchemeError(str(error)) from error


def _goes_on(answer: aiohttp.ClientResponse, part: PartFile) -> bool:
    """Whether an answer to a request for the rest of the part's file is worth reading: whatever it is, if it is no 206
    with anything but that rest, and not the refusal of such a request."""
    if answer.status != 206:
        return answer.status not in _NOT_THAT_RANGE
    assert part.validator is not None
    size = part.validator.total_size(answer.headers, part.received)
    part.expected = size
    return size is not None


def _headers_and_proxy(request: Request, more: dict[str, str]) -> dict[str, Any]:
    """The arguments of aiohttp's request, with ``more`` headers. The proxy's credentials go into the request only if
    that goes to the proxy itself; for https they go with the CONNECT before it (RFC 9110 §9.3.6, §11.7.2)."""
    given = request.headers.to_tuple_list()
    headers = [(name, value) for name, value in given if name != "Proxy-Authorization" and name not in more]
    headers += more.items()
    for_proxy = [(name, value) for name, value in given if name == "Proxy-Authorization"]
    proxy = request.meta.get("proxy")
    if not proxy:
        return {"headers": headers}
    arguments = {"proxy": _address(add_http_if_no_scheme(proxy))}
    if _address(request.url).scheme == "https":
        return {**arguments, "headers": headers, "proxy_headers": for_proxy}
    return {**arguments, "headers": headers + for_proxy}


def _ssl_context(*, checked: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not checked:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _refuse_size(size: int | None, limit: int) -> None:
    if limit and size and size > limit:
        raise DownloadCancelledError(f"it sends more than {limit} bytes; raise DOWNLOAD_MAXSIZE if that is right")


def _response(
    request: Request, answer: aiohttp.ClientResponse, headers: Headers, body: bytes, flags: list[str]
) -> Response:
    part = _part_of(request)
    # Whatever a part was streamed from, there is nothing in the response to be read as a page.
    kind = responsetypes.from_args(headers=headers, url=request.url, body=body) if body or not part else Response
    version = answer.version
    response = kind(
        url=request.url,
        status=answer.status,
        body=body,
        flags=flags,
        protocol=f"HTTP/{version.major}.{version.minor}" if version else None,
    )
    # Given to the constructor they would be copied.
    response.headers = headers
    return response


@contextmanager
def _media_timeouts(request: Request, limits: Limits) -> Iterator[None]:
    """Say for what a media host was not waited for any longer."""
    try:
        yield
    except TimeoutError as error:
        match error:
            case aiohttp.ConnectionTimeoutError():
                what = f"could not be connected to within {limits.connect_timeout:g} s"
            case aiohttp.SocketTimeoutError():
                what = f"sent nothing for {limits.idle_timeout:g} s"
            case _:
                what = f"did not begin to answer within {limits.head_timeout:g} s"
        host = _address(request.url).host
        raise FetchError("timeout", f"{host} {what}; try again later.", "passing") from error


@contextmanager
def _scrapy_errors(request: Request) -> Iterator[None]:
    """Turn aiohttp's exceptions into those that Scrapy's middlewares know, with aiohttp's as the cause."""
    try:
        yield
    except TimeoutError as error:
        raise DownloadTimeoutError(
            f"{request.url} was given up after {request.meta.get('download_timeout')} s."
        ) from error
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, UnicodeError) as error:
        raise UnsupportedURLSchemeError(str(error)) from error
    except aiohttp.ClientConnectorDNSError as error:
        raise CannotResolveHostError(str(error)) from error
    except aiohttp.ClientSSLError as error:
        raise DownloadFailedError(str(error)) from error
    except aiohttp.ClientConnectorError as error:
        raise DownloadConnectionRefusedError(str(error)) from error
    except aiohttp.ClientPayloadError as error:
        raise ResponseDataLossError(str(error)) from error
    except aiohttp.ClientError as error:
        raise DownloadFailedError(str(error)) from error
