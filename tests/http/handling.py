"""Drives the download handler for its tests: no crawl around it, but a real server at the other end."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from scrapy import Request
from scrapy.http import Response
from scrapy.utils.test import get_crawler

from podcrawler import settings as defaults
from podcrawler.http.handler import DownloadHandler
from podcrawler.store.part import PartFile


@contextlib.asynccontextmanager
async def handling(**settings: object) -> AsyncIterator[DownloadHandler]:
    # Nobody gives an address here.
    settings = {"PODCRAWLER_ALLOW_HOSTS": "127.0.0.1 ::1", **settings}
    ours = {name: value for name, value in vars(defaults).items() if name.startswith("PODCRAWLER_")}
    crawler = get_crawler(settings_dict={**ours, **settings})
    # No crawl, and so no node: the handler looks for one in the engine.
    crawler.engine = SimpleNamespace(scheduler=None)  # type: ignore[assignment]
    handler = DownloadHandler.from_crawler(crawler)
    try:
        yield handler
    finally:
        await handler.close()


@contextlib.asynccontextmanager
async def receiving(tmp_path: Path, name: str = "1.token.part") -> AsyncIterator[PartFile]:
    part = PartFile(tmp_path / name)
    try:
        yield part
    finally:
        await part.discard()


async def download(
    url: str, tmp_path: Path, *, meta: dict[str, Any] | None = None, **settings: object
) -> tuple[Response, PartFile, str]:
    """Stream one address into a part: the response, the part, and the SHA-256 of what was in it."""
    async with handling(**settings) as handler, receiving(tmp_path) as part:
        response = await handler.download_request(Request(url, meta={"part": part, **(meta or {})}))
        await asyncio.to_thread(part.seal)
        return response, part, hashlib.sha256(part.path.read_bytes()).hexdigest()


async def fetch(url: str, *, meta: dict[str, Any] | None = None, **settings: object) -> Response:
    async with handling(**settings) as handler:
        return await handler.download_request(Request(url, meta=meta))
