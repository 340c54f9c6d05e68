"""The one HTTP stack: a Scrapy download handler for http and https on aiohttp.

A request whose ``meta["part"]`` is a PartFile has the body of its 200 response streamed into that file; the Response
is then empty. Any other response comes back whole, up to ``DOWNLOAD_MAXSIZE``. Settings for both: ``DOWNLOAD_TIMEOUT``,
``DOWNLOAD_MAXSIZE``, ``DOWNLOAD_FAIL_ON_DATALOSS`` (by request too, through ``meta``), ``DOWNLOAD_BIND_ADDRESS``,
``DOWNLOAD_VERIFY_CERTIFICATES``.
"""

import asyncio
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
from scrapy.settings import BaseSettings
from scrapy.utils.url import add_http_if_no_scheme
from twisted.python.failure import Failure
from yarl import URL

from podcrawler.exceptions import FetchError, MediaError, TransferCancelledError
from podcrawler.media.part import PartFile
from podcrawler.signals import node_stopping

_BLOCK = 1024 * 1024
#: aiohttp holds up to twice this much for a transfer before it stops reading from the network.
_READ_BUFFER = 512 * 1024
#: Of the body of an answer that is not the file; enough for an error page to tell why.
_ERROR_BODY = 64 * 1024
#: RFC 9110 §8.4.1 and the registry that it names; anything else in the header is a mistake of the server.
_CODINGS = frozenset({"gzip", "x-gzip", "deflate", "br", "zstd", "compress", "x-compress", "dcb", "dcz"})


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
        crawler.signals.connect(self.stop, signal=node_stopping)

    async def download_request(self, request: Request) -> Response:
        """Raises Scrapy's download exceptions, FetchError (``encoded``), MediaError (``length-mismatch``, the disk's
        refusals), and TransferCancelledError when the part is cancelled or the node stops."""
        part = _part_of(request)
        if self._stopping or (part and part.cancelled):
            raise TransferCancelledError
        # In a task of its own, so that it can be cancelled without a CancelledError that travels through Scrapy.
        transfer = asyncio.ensure_future(self._transfer(request, part))
        self._in_hand.add(transfer)
        if part:
            part.on_cancel(transfer.cancel)
        try:
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
        begun = time.monotonic()
        with _scrapy_errors(request):
            async with self._open_session().request(
                request.method,
                _address(request.url),
                data=request.body or None,
                timeout=_timeout(request, part),
                allow_redirects=False,
                **_headers_and_proxy(request),
            ) as answer:
                request.meta["download_latency"] = time.monotonic() - begun
                return await self._read(request, answer, part)

    async def _read(self, request: Request, answer: aiohttp.ClientResponse, part: PartFile | None) -> Response:
        headers = Headers(answer.raw_headers)
        body = bytearray()
        flags: list[str] = []
        try:
            self._tell(signals.headers_received, request, headers=headers, body_length=answer.content_length)
            if part is None:
                await self._read_page(request, answer, body, flags)
            elif answer.status == 200:
                await self._fill(request, answer, part)
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
                self._tell(signals.bytes_received, request, data=chunk)
                if enough is None:
                    _refuse_size(len(body), limit)
                elif len(body) >= enough:
                    del body[enough:]
                    return
        except aiohttp.ClientPayloadError:
            if request.meta.get("download_fail_on_dataloss", self._fail_on_loss):
                raise
            flags.append("dataloss")

    async def _fill(self, request: Request, answer: aiohttp.ClientResponse, part: PartFile) -> None:
        if part.received:
            raise ValueError(f"{part.path} already holds the body of another response")
        _refuse_coding(request, answer)
        part.expected = answer.content_length
        block: list[bytes] = []
        size = 0
        lost: aiohttp.ClientPayloadError | None = None
        try:
            async for chunk in answer.content.iter_any():
                self._tell(signals.bytes_received, request, data=chunk)
                block.append(chunk)
                size += len(chunk)
                if size >= _BLOCK:
                    await part.write(block)
                    block, size = [], 0
        except aiohttp.ClientPayloadError as error:
            lost = error
        await part.write(block)
        if part.expected is not None and part.received != part.expected:
            raise MediaError(
                "length-mismatch",
                f"{_address(request.url).host} announced {part.expected} bytes and sent "
                f"{answer.content.total_bytes}; "
                "try again later.",
                "passing",
            ) from lost
        if lost:
            raise lost

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
                    ssl=_ssl_context(settings),
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


def _timeout(request: Request, part: PartFile | None) -> aiohttp.ClientTimeout:
    """``download_timeout`` (seconds) bounds the whole of a page, but only the silences of a part."""
    seconds = request.meta.get("download_timeout")
    if part:
        return aiohttp.ClientTimeout(connect=seconds, sock_read=seconds)
    return aiohttp.ClientTimeout(total=seconds)


def _headers_and_proxy(request: Request) -> dict[str, Any]:
    """The arguments of aiohttp's request. The proxy's credentials go into the request only if that goes to the proxy
    itself; for https they go with the CONNECT before it (RFC 9110 §9.3.6, §11.7.2)."""
    headers = request.headers.copy()
    credentials: list[bytes] | None = headers.pop(b"Proxy-Authorization", None)
    proxy = request.meta.get("proxy")
    if not proxy:
        return {"headers": headers.to_tuple_list()}
    for_proxy = [("Proxy-Authorization", value.decode("latin-1")) for value in credentials or ()]
    arguments = {"proxy": _address(add_http_if_no_scheme(proxy))}
    if _address(request.url).scheme == "https":
        return {**arguments, "headers": headers.to_tuple_list(), "proxy_headers": for_proxy}
    return {**arguments, "headers": headers.to_tuple_list() + for_proxy}


def _ssl_context(settings: BaseSettings) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _refuse_size(size: int | None, limit: int) -> None:
    if limit and size and size > limit:
        raise DownloadCancelledError(f"it sends more than {limit} bytes; raise DOWNLOAD_MAXSIZE if that is right")


def _refuse_coding(request: Request, answer: aiohttp.ClientResponse) -> None:
    given = ",".join(answer.headers.getall("Content-Encoding", ()))
    codings = _CODINGS.intersection(coding.strip().lower() for coding in given.split(","))
    if codings:
        raise FetchError(
            "encoded",
            f"{_address(request.url).host} sent the file compressed ({', '.join(sorted(codings))}) although that was "
            "not asked for; tell its owner, because players cannot read it either.",
        )


def _response(
    request: Request, answer: aiohttp.ClientResponse, headers: Headers, body: bytes, flags: list[str]
) -> Response:
    kind = responsetypes.from_args(headers=headers, url=request.url, body=body)
    version = answer.version
    return kind(
        url=request.url,
        status=answer.status,
        headers=headers,
        body=body,
        flags=flags,
        protocol=f"HTTP/{version.major}.{version.minor}" if version else None,
    )


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
