"""What of an answer goes into the part: driven through the download handler, from a real server."""

import asyncio
import errno
import gc
import hashlib
import os
import weakref
from pathlib import Path

import pytest
from scrapy import Request
from scrapy.exceptions import (
    ResponseDataLossError,
)

from podcrawler.exceptions import FetchError, MediaError
from podcrawler.http.handler import DownloadHandler
from podcrawler.store.part import PartFile
from tests.http.handling import download, fetch, handling, receiving
from tests.origin import RunningOrigin, content


def digest(size: int, seed: int = 0) -> str:
    total = hashlib.sha256()
    for block in content(size, seed):
        total.update(block)
    return total.hexdigest()


@pytest.mark.parametrize(
    ("query", "expected"), [("", 5_000_000), ("&chunked=1", None), ("&no_length=1", None), ("&coding=utf-8", 5_000_000)]
)
async def test_a_body_is_streamed_into_the_part(
    origin: RunningOrigin, tmp_path: Path, query: str, expected: int | None
) -> None:
    response, part, found = await download(f"{origin.address}/bytes/5000000.mp3?seed=7{query}", tmp_path)
    assert (response.status, response.body, response.protocol) == (200, b"", "HTTP/1.1")
    assert response.headers["Content-Type"] == b"audio/mpeg"
    assert (part.received, part.expected) == (5_000_000, expected)
    assert found == digest(5_000_000, 7)


async def test_a_transfer_leaves_nothing_to_the_garbage_collector(origin: RunningOrigin, tmp_path: Path) -> None:
    async def transfer(handler: DownloadHandler) -> "weakref.ref[PartFile]":
        async with receiving(tmp_path) as part:
            request = Request(f"{origin.address}/bytes/1000.mp3", meta={"part": part})
            response = await handler.download_request(request)
            # As Scrapy does.
            response.request = request
            return weakref.ref(part)

    gc.disable()
    try:
        async with handling() as handler:
            part = await transfer(handler)
            # The event loop releases a task one step after its end.
            await asyncio.sleep(0)
            assert part() is None
    finally:
        gc.enable()


async def test_an_empty_body_leaves_an_empty_part(origin: RunningOrigin, tmp_path: Path) -> None:
    _, part, _ = await download(f"{origin.address}/bytes/0.mp3", tmp_path)
    assert (part.received, part.expected) == (0, 0)


async def test_the_latency_is_told(origin: RunningOrigin) -> None:
    async with handling() as handler:
        request = Request(f"{origin.address}/bytes/1.mp3")
        await handler.download_request(request)
        assert 0 < request.meta["download_latency"] < 5


async def test_a_body_shorter_than_announced_is_no_file(origin: RunningOrigin, tmp_path: Path) -> None:
    async with handling() as handler, receiving(tmp_path) as part:
        url = f"{origin.address}/bytes/5000000.mp3?truncate=3000000"
        with pytest.raises(MediaError, match="announced 5000000 bytes and sent 3000000") as caught:
            await handler.download_request(Request(url, meta={"part": part}))
        assert (caught.value.kind, caught.value.failure_class) == ("length-mismatch", "passing")
        assert part.received == part.path.stat().st_size == 3_000_000


async def test_a_chunked_body_without_end_is_no_file(origin: RunningOrigin, tmp_path: Path) -> None:
    with pytest.raises(ResponseDataLossError):
        await download(f"{origin.address}/bytes/5000000.mp3?truncate=3000000&chunked=1", tmp_path)


async def test_a_body_that_was_compressed_unasked_is_decoded(origin: RunningOrigin, tmp_path: Path) -> None:
    _, part, found = await download(f"{origin.address}/bytes/5000000.mp3?gzip=1", tmp_path)
    assert (part.received, part.expected, part.evidence.validator) == (5_000_000, None, None)
    assert found == part.sha256 == digest(5_000_000)


async def test_a_coding_that_nobody_can_undo_is_refused(origin: RunningOrigin, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="compress, gzip") as caught:
        await download(f"{origin.address}/bytes/5000000.mp3?coding=compress,%20gzip", tmp_path)
    assert (caught.value.kind, caught.value.failure_class) == ("encoded", "permanent")


async def test_an_error_page_stays_out_of_the_part_and_small(origin: RunningOrigin, tmp_path: Path) -> None:
    response, part, _ = await download(f"{origin.address}/bytes/5000000.mp3?status=503", tmp_path)
    assert response.status == 503
    assert response.body == b"".join(content(64 * 1024))
    assert (part.received, part.expected) == (0, None)


async def test_a_redirect_is_for_scrapy_to_follow(origin: RunningOrigin, tmp_path: Path) -> None:
    response, part, _ = await download(f"{origin.address}/bytes/5.mp3?redirect=2", tmp_path)
    assert (response.status, response.headers["Location"], part.received) == (302, b"/bytes/5.mp3?redirect=1", 0)


async def test_a_second_body_takes_the_place_of_the_first(origin: RunningOrigin, tmp_path: Path) -> None:
    async with handling() as handler, receiving(tmp_path) as part:
        for size in (500, 5):
            url = f"{origin.address}/bytes/{size}.mp3?no_length=1&etag=&modified="
            await handler.download_request(Request(url, meta={"part": part}))
            await asyncio.to_thread(part.seal)
        assert (part.path.stat().st_size, part.received, part.sha256) == (5, 5, digest(5))


async def test_only_a_part_object_is_written_to(origin: RunningOrigin, tmp_path: Path) -> None:
    target = tmp_path / "target"
    response = await fetch(f"{origin.address}/bytes/5.mp3", meta={"part": str(target)})
    assert len(response.body) == 5
    assert not target.exists()


async def test_a_full_disk_is_told_as_such(
    origin: RunningOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "writev", full)
    with pytest.raises(MediaError, match="disk is full"):
        await download(f"{origin.address}/bytes/5000000.mp3", tmp_path)


async def test_a_part_never_has_a_gap(origin: RunningOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block that could not be written is not followed by the next one, although there is room again."""
    writev = os.writev
    refusals = iter([False, True])

    def full_once(file: int, pieces: list[bytes]) -> int:
        if next(refusals, False):
            raise OSError(errno.ENOSPC, "No space left on device")
        return writev(file, pieces)

    monkeypatch.setattr(os, "writev", full_once)
    async with handling() as handler, receiving(tmp_path) as part:
        with pytest.raises(MediaError, match="disk is full"):
            await handler.download_request(Request(f"{origin.address}/bytes/20000000.mp3", meta={"part": part}))
        found = part.path.read_bytes()
        assert len(found) == part.received > 0
        assert found == b"".join(content(part.received))
