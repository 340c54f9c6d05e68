"""Decompresses pages and feeds (Content-Encoding) piece by piece, so that the event loop goes on, and no body expands
beyond ``DOWNLOAD_MAXSIZE``.

A body that is not compressed, although its header says so, is taken as it is.
"""

import asyncio
from io import BytesIO

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.exceptions import DownloadCancelledError
from scrapy.http import Response, TextResponse
from scrapy.responsetypes import responsetypes
from typing_extensions import override

from podcrawler.exceptions import MediaError
from podcrawler.http.content_coding import PROOF, Decoder, told_codings
from podcrawler.http.page_memory import Room

#: Bytes that are decompressed before the event loop has its turn: some milliseconds, also for the slowest streams.
_PIECE = 8 * 1024


class CompressionMiddleware(HttpCompressionMiddleware):
    """Replaces Scrapy's HttpCompressionMiddleware, which decompresses a body in one go, and fails with an exception of
    the decompressor."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler=crawler)
        self._limit = crawler.settings.getint("DOWNLOAD_MAXSIZE")

    @override
    async def process_response(  # type: ignore[override]  # the spider argument is deprecated
        self, request: Request, response: Response
    ) -> Response:
        """Raises DownloadCancelledError for what expands to more than the limit."""
        told = [value.decode("latin-1") for value in response.headers.getlist("Content-Encoding")]
        if not told or request.method == "HEAD":
            return response
        room = Room.of(response)
        limit = request.meta.get("download_maxsize", self._limit)
        body = await _decoded(response.body, told_codings(told), limit, room)
        headers = response.headers.copy()
        del headers["Content-Encoding"]
        kind = responsetypes.from_args(headers=headers, url=response.url, body=body)
        # What Scrapy took the encoding from was compressed.
        more = {"encoding": None} if issubclass(kind, TextResponse) else {}
        decoded = response.replace(cls=kind, headers=headers, body=body, **more)
        if room:
            room.keep_for(decoded)
        return decoded


async def _decoded(body: bytes, codings: list[str], limit: int, room: Room | None) -> bytes:
    if not codings:
        return body
    decoder = Decoder(codings, "")
    found = BytesIO()
    try:
        for start in range(0, len(body), _PIECE):
            for piece in decoder.decode([body[start : start + _PIECE]]):
                if room:
                    await room.grow(len(body) + found.tell() + len(piece))
                found.write(piece)
                if limit and found.tell() > limit:
                    raise DownloadCancelledError(
                        f"it expands to more than {limit} bytes; raise DOWNLOAD_MAXSIZE if that is right"
                    )
                await asyncio.sleep(0)
            await asyncio.sleep(0)
    except MediaError:
        if found.tell() < PROOF:
            return body
    return found.getvalue()
