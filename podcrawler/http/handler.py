"""The one HTTP stack: a Scrapy download handler for http and https on aiohttp.

The body of a success in answer to a request whose ``meta["part"]`` is a PartFile is streamed into that file, from where
an earlier transfer broke off if the server proves that the file is the same; the result is a MediaResponse without a
body. Any other answer is returned whole, up to ``DOWNLOAD_MAXSIZE``; of a page that turns out to be a media file, of a
redirect or a refusal, and of what came in place of a media file only the beginning is read. client.py sends the
requests.

Settings for pages, and per request through ``meta``: ``DOWNLOAD_TIMEOUT``, ``DOWNLOAD_MAXSIZE``,
``DOWNLOAD_FAIL_ON_DATALOSS``, and in ``meta`` alone ``connect_timeout`` and ``enough``, the bytes after which a page is
not read on. Pages under a lease take room of page_memory.py. For parts: those of ``body.Limits``; what a body may be,
``meta["limits"]`` says, if it is such a value.
"""

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from enum import Enum
from functools import partial
from typing import Any, TypeVar

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
from twisted.python.failure import Failure
from typing_extensions import override

from podcrawler.config import TransferConfig
from podcrawler.exceptions import FetchError, TransferCancelledError
from podcrawler.http.body import Body, Limits, Received, may_be_file
from podcrawler.http.client import Client, address
from podcrawler.http.content_coding import is_coded
from podcrawler.http.guard import Guard
from podcrawler.http.page import Page
from podcrawler.http.page_memory import PageMemory, Room
from podcrawler.http.rate import RateLimits
from podcrawler.queue.scheduler import scheduler_of
from podcrawler.signals import node_draining, node_stopping
from podcrawler.sites.direct import MEDIA_FILE
from podcrawler.store import sniff
from podcrawler.store.part import PartFile

_R = TypeVar("_R", bound=Response)

#: Bytes that are read of the body of an answer that is not the file: enough for the explanation on an error page.
_ERROR_BODY = 64 * 1024
#: Seconds for which the body of such an answer is waited for, and of a redirect or a refusal: hardly anybody reads it.
_ERROR_SECONDS = 2.0


class Range(Enum):
    """Whether the rest of a file is asked for, in the meta ``range`` of a request for it."""

    FORBIDDEN = "the whole file is asked for, whatever is there"
    SENT = "the rest was asked for"


class MediaResponse(Response):
    """The answer that is a media file. Its body was streamed into the part of the request, decoded."""

    #: Scrapy copies these when a middleware replaces the response.
    attributes = (*Response.attributes, "received", "extension")

    def __init__(self, *args: Any, received: Received, extension: str = "", **kwargs: Any) -> None:
        """``extension`` is that of the file, once it was examined."""
        super().__init__(*args, **kwargs)
        self.received = received
        self.extension = extension


class DownloadHandler(BaseDownloadHandler):
    """One instance per scheme. Sends ``headers_received`` and ``bytes_received``, and honours StopDownload; a transfer
    into a part that is stopped this way always fails, because half a file is no file."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._client = Client(crawler.settings, Guard(crawler))
        self._memory = PageMemory.of(crawler)
        #: Those into parts, and those of pages.
        self._transfers: set[asyncio.Task[Response]] = set()
        self._pages: set[asyncio.Task[Response]] = set()
        self._max_size = crawler.settings.getint("DOWNLOAD_MAXSIZE")
        self._fail_on_loss = crawler.settings.getbool("DOWNLOAD_FAIL_ON_DATALOSS")
        config = TransferConfig.read(crawler.settings)
        self._limits = Limits.of(config)
        self._rates = RateLimits.read(crawler.settings)
        self._media_timeout = aiohttp.ClientTimeout(connect=config.connect_timeout, sock_read=config.idle_timeout)
        crawler.signals.connect(self._cancel_pages, signal=node_draining)
        crawler.signals.connect(self._cancel_all, signal=node_stopping)

    @override
    async def download_request(self, request: Request) -> Response:
        """Raises Scrapy's download exceptions, FetchError (``timeout``) and all that ``receive`` raises for a part, and
        TransferCancelledError when the part is cancelled, the node stops, or for a page when it drains: no page is read
        from then on."""
        part = _part_of(request)
        if self._is_cancelled(part):
            raise TransferCancelledError
        # In a task of its own, so that it can be cancelled without a CancelledError that travels through Scrapy.
        transfer = asyncio.ensure_future(self._transfer(request, part))
        transfers = self._transfers if part else self._pages
        transfers.add(transfer)
        try:
            with part.cancellation.calling(transfer.cancel) if part else nullcontext():
                return await transfer
        except asyncio.CancelledError:
            if self._is_cancelled(part):
                raise TransferCancelledError from None
            raise
        finally:
            transfers.discard(transfer)

    def _cancel_pages(self) -> None:
        for transfer in self._pages:
            transfer.cancel()

    def _cancel_all(self) -> None:
        self._cancel_pages()
        for transfer in self._transfers:
            transfer.cancel()

    def _is_cancelled(self, part: PartFile | None) -> bool:
        scheduler = scheduler_of(self.crawler)
        node = None if scheduler is None else scheduler.node
        if part is None:
            return node is not None and node.is_draining
        return part.cancellation.requested or (node is not None and node.is_stopping)

    @override
    async def close(self) -> None:
        await self._client.close()

    async def _transfer(self, request: Request, part: PartFile | None) -> Response:
        with _scrapy_errors(request):
            if part is None:
                timeout = aiohttp.ClientTimeout(sock_connect=request.meta.get("connect_timeout"))
                async with (
                    asyncio.timeout(request.meta.get("download_timeout") or None) as limit,
                    await self._client.ask(request, timeout) as answer,
                ):
                    # No local name: see Page.close.
                    with closing(Page(limit, Room(self._memory) if "lease" in request.meta else None)) as page:
                        if answer.status >= 400 or _is_redirect(answer):
                            return await self._read_page(request, answer, page, _ERROR_BODY, _ERROR_SECONDS)
                        return await self._read_page(request, answer, page, request.meta.get("enough"))
            with _media_timeouts(request, self._limits):
                return await self._transfer_media(request, part)

    async def _transfer_media(self, request: Request, part: PartFile) -> Response:
        """Receive what may be the file into the part; of anything else the beginning is read."""
        range_headers = _range_headers(request, part)
        asked_from = part.received if range_headers else None
        if range_headers:
            request.meta["range"] = Range.SENT
        async with await self._ask_for_media(request, range_headers) as answer:
            if may_be_file(answer.status):
                return await self._receive(request, answer, part, asked_from)
            async with asyncio.timeout(None) as limit:
                return await self._read_page(request, answer, Page(limit), _ERROR_BODY, _ERROR_SECONDS)

    async def _ask_for_media(self, request: Request, more_headers: dict[str, str]) -> aiohttp.ClientResponse:
        async with asyncio.timeout(self._limits.head_timeout):
            return await self._client.ask(request, self._media_timeout, more_headers)

    async def _receive(
        self, request: Request, answer: aiohttp.ClientResponse, part: PartFile, asked_from: int | None
    ) -> MediaResponse:
        headers = Headers(answer.raw_headers)
        try:
            self._send_headers_received(request, answer, headers)
            on_chunk = partial(self._send_bytes_received, request)
            body = Body(
                answer,
                part,
                url=request.url,
                asked_from=asked_from,
                limits=limits if isinstance(limits := request.meta.get("limits"), Limits) else self._limits,
                rates=self._rates,
                on_chunk=on_chunk,
            )
            await body.begin()
            try:
                received = await body.receive()
            finally:
                # An answer that breaks off before its first byte is no better than a refusal.
                if part.received != asked_from:
                    request.meta.pop("range", None)
        except StopDownload as stop:
            stop.response = _response(Response, request, answer, headers, flags=["download_stopped"])
            raise
        # Middlewares that decode bodies must not try it.
        headers.pop("Content-Encoding", None)
        return _response(MediaResponse, request, answer, headers, received=received)

    async def _read_page(
        self,
        request: Request,
        answer: aiohttp.ClientResponse,
        page: Page,
        enough: int | None = None,
        patience: float | None = None,
    ) -> Response:
        """The answer with its body. Up to ``enough`` bytes of it, and what comes within ``patience`` seconds, or the
        idle timeout if that is shorter; without ``enough`` all, and more than the limit raises
        DownloadCancelledError."""
        headers = Headers(answer.raw_headers)
        stopped: StopDownload | None = None
        try:
            self._send_headers_received(request, answer, headers)
            idle = self._limits.idle_timeout
            async with asyncio.timeout(None if enough is None else min(idle, patience or idle)):
                await self._read_body(request, answer, page, enough)
        except TimeoutError:
            # What says why there is no file is not waited for any longer.
            if enough is None:
                raise
            page.flags.append("dataloss")
        except StopDownload as stop:
            page.flags.append("download_stopped")
            stopped = stop
        if MEDIA_FILE in page.flags:
            # Middlewares that decode bodies must not try it.
            headers.pop("Content-Encoding", None)
        body = page.body.getvalue()
        kind = responsetypes.from_args(headers=headers, url=request.url, body=body)
        response = _response(kind, request, answer, headers, body=body, flags=page.flags)
        if page.room:
            page.room.keep_for(response)
        if stopped:
            stopped.response = response
            if stopped.fail or enough is not None:
                raise stopped
        return response

    async def _read_body(
        self, request: Request, answer: aiohttp.ClientResponse, page: Page, enough: int | None
    ) -> None:
        """Read until the end, or ``enough``, or until the beginning shows that it is a media file."""
        limit = request.meta.get("download_maxsize", self._max_size)
        is_page = enough is None and may_be_file(answer.status)
        try:
            async for chunk in answer.content.iter_any():
                await page.add(chunk)
                self._send_bytes_received(request, chunk)
                if is_page and not sniff.needs_more(head := page.head()):
                    if _is_media(head, answer):
                        page.flags.append(MEDIA_FILE)
                        page.body.truncate(sniff.MAX_HEAD)
                        return
                    is_page = False
                if enough is None and not is_page:
                    _refuse_size(max(page.size, answer.content_length or 0), limit)
                elif enough is not None and page.size >= enough:
                    page.body.truncate(enough)
                    return
            if is_page and _is_media(page.head(), answer):
                page.flags.append(MEDIA_FILE)
        except aiohttp.ClientPayloadError:
            # Of a redirect or a refusal the head says all that matters.
            if answer.status < 300 and request.meta.get("download_fail_on_dataloss", self._fail_on_loss):
                raise
            page.flags.append("dataloss")

    def _send_headers_received(self, request: Request, answer: aiohttp.ClientResponse, headers: Headers) -> None:
        self._send(signals.headers_received, request, headers=headers, body_length=answer.content_length)

    def _send_bytes_received(self, request: Request, chunk: bytes) -> None:
        self._send(signals.bytes_received, request, data=chunk)

    def _send(self, signal: object, request: Request, **arguments: Any) -> None:
        """Send a signal of Scrapy's. Raises StopDownload if one of its receivers did."""
        results = self.crawler.signals.send_catch_log(
            signal=signal, request=request, spider=self.crawler.spider, **arguments
        )
        for _, result in results:
            if isinstance(result, Failure) and isinstance(result.value, StopDownload):
                raise result.value


def _part_of(request: Request) -> PartFile | None:
    part = request.meta.get("part")
    return part if isinstance(part, PartFile) else None


def _range_headers(request: Request, part: PartFile) -> dict[str, str]:
    """The headers that ask for what is missing; empty if the whole file is to be asked for."""
    known = part.evidence
    if known.validator is None or not known.held or request.meta.get("range") is Range.FORBIDDEN:
        return {}
    return known.validator.range_headers(request.url, known.held)


def _is_media(head: bytes, answer: aiohttp.ClientResponse) -> bool:
    """Whether a body that begins like this is a media file. A compressed one may be a page of any kind."""
    content_type = "" if is_coded(answer.headers) else answer.headers.get("Content-Type", "")
    return sniff.is_media(head, content_type)


def _is_redirect(answer: aiohttp.ClientResponse) -> bool:
    return 300 <= answer.status < 400 and "Location" in answer.headers


def _refuse_size(size: int | None, limit: int) -> None:
    if limit and size and size > limit:
        raise DownloadCancelledError(f"it sends more than {limit} bytes; raise DOWNLOAD_MAXSIZE if that is right")


def _response(
    kind: type[_R], request: Request, answer: aiohttp.ClientResponse, headers: Headers, **arguments: Any
) -> _R:
    version = answer.version
    response = kind(
        url=request.url,
        status=answer.status,
        protocol=f"HTTP/{version.major}.{version.minor}" if version else None,
        **arguments,
    )
    # The constructor would copy them.
    response.headers = headers
    return response


@contextmanager
def _media_timeouts(request: Request, limits: Limits) -> Iterator[None]:
    """Name the limit that a media host has exceeded."""
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
        host = address(request.url).host
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
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
        raise UnsupportedURLSchemeError(str(error)) from error
    except UnicodeError as error:
        # RFC 1035 §2.3.4.
        raise UnsupportedURLSchemeError("a part of its host name is empty or too long") from error
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
