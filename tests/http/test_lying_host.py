"""A host that changes its files, cuts them off and lies about ranges, at random: whatever is taken for a whole file is
one that the host had.

The transfers are real, over real connections; only the downloader's middlewares are left out. What nobody can notice is
left out, too: the first answer about a version that is wrong in itself, and other bytes under the same tag.
"""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from scrapy import Request
from scrapy.utils.defer import deferred_from_coro

from podcrawler.exceptions import EntryError
from podcrawler.media.fetch import fetch_media
from podcrawler.store import resume
from podcrawler.store.part import PartFile
from tests.http.handling import handling

MB = 1024 * 1024
_NOISE = random.Random(17).randbytes(3 * MB)


def version(number: int, size: int) -> bytes:
    """A file of the host: no two begin or go on alike."""
    return b"ID3\x04\x00\x00\x00\x00\x00\x00" + _NOISE[number * 7919 : number * 7919 + size - 10]


@dataclass(frozen=True)
class Act:
    """What the host does with one request."""

    #: Whether it has another file from now on, and of how many bytes.
    changes_to: int | None = None
    #: The connection is cut after so many bytes of the body.
    drops_after: int | None = None
    #: Its ETag is not sent.
    bare: bool = False
    chunked: bool = False
    #: Whether a range is served; how it is lied about, if so.
    serves_ranges: bool = True
    lie: str = ""
    #: Whether a cache repeats what was sent for the last range to whoever asks for the whole.
    repeats: bool = False


LIES = ("", "rest", "rest of another", "shifted", "total", "refused", "hangup", "whole as range", "nothing said")
sizes = st.integers(11 * MB // 10, 2 * MB)
acts = st.builds(
    Act,
    changes_to=st.none() | sizes,
    drops_after=st.none() | sizes,
    bare=st.booleans(),
    chunked=st.booleans(),
    serves_ranges=st.booleans(),
    lie=st.sampled_from(LIES),
    repeats=st.booleans(),
)


@dataclass
class Host:
    """One address on a real server."""

    plan: list[Act]
    versions: list[bytes] = field(default_factory=lambda: [version(0, 2 * MB)])
    #: Where the last range began that was answered under status 200.
    poisoned_from: int = 0
    #: The tag of the version that the client knows, and its length, by earlier answers.
    known: str = ""
    #: The same, whatever the part of the transfer says.
    always_known: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            act = self.plan.pop(0) if self.plan else Act()
            if act.changes_to:
                self.versions.append(version(len(self.versions), act.changes_to))
            for piece in self.answer(act, head):
                writer.write(piece)
                await writer.drain()
        writer.close()

    def answer(self, act: Act, head: str) -> list[bytes]:
        file, number = self.versions[-1], len(self.versions)
        start = int(head.partition("range: bytes=")[2].partition("-")[0] or 0) if "range: bytes=" in head else None
        is_same = f'if-range: "{number}"' in head
        if start is not None and act.lie == "hangup":
            return []
        if start is not None and act.lie == "refused":
            return [b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"]
        if start is not None and start < len(file) and act.lie in ("rest", "rest of another"):
            self.poisoned_from = start
            tag = number if act.lie == "rest" else f"other-{number}"
            return body(act, 200, file[start:], [] if act.bare else [f'ETag: "{tag}"'])
        if (
            start is None
            and act.repeats
            and f'"{number}"' in (self.known, self.always_known)
            and 0 < self.poisoned_from < len(file)
        ):
            return body(act, 200, file[self.poisoned_from :], [f'ETag: "{number}"'])
        headers = [] if act.bare else [f'ETag: "{number}"']
        if start is None or not act.serves_ranges or not is_same or start >= len(file):
            return body(act, 200, file, headers)
        shift = 1 if act.lie == "shifted" else 0
        total = len(file) + (1 if act.lie == "total" else 0)
        if act.lie != "nothing said":
            headers.append(f"Content-Range: bytes {start + shift}-{len(file) - 1}/{total}")
        return body(act, 206, file if act.lie == "whole as range" else file[start + shift :], headers)


def body(act: Act, status: int, content: bytes, headers: list[str]) -> list[bytes]:
    length = "Transfer-Encoding: chunked" if act.chunked else f"Content-Length: {len(content)}"
    head = "\r\n".join(
        [f"HTTP/1.1 {status} X", "Content-Type: audio/mpeg", "Connection: close", length, *headers, "", ""]
    )
    sent = content[: act.drops_after]
    if not act.chunked:
        return [head.encode(), sent]
    end = b"0\r\n\r\n" if len(sent) == len(content) else b""
    return [head.encode(), b"%x\r\n" % len(sent), sent, b"\r\n", end]


@asynccontextmanager
async def serving(host: Host) -> AsyncIterator[str]:
    server = await asyncio.start_server(host.serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/1.mp3"
    finally:
        server.close()


async def may_connect(_: str) -> bool:
    return True


async def try_once(crawler: Any, folder: Path, url: str, token: str, host: Host) -> bytes | None:
    """One lease: the file that it would publish, if it has one at the end."""
    part: PartFile = await asyncio.to_thread(resume.open_part, folder, "1", token, url)
    host.known = part.evidence.validator.value if part.evidence.validator and part.evidence.validator.size else ""
    try:
        await fetch_media(crawler, Request(url, meta={"part": part}), may_connect)
    except EntryError:
        await part.suspend()
        return None
    with part.content() as content:
        found = content.read()
    assert hashlib.sha256(found).hexdigest() == part.sha256
    await part.discard()
    return found


async def leases(plan: list[Act], *, known: str = "") -> tuple[list[bytes], list[bytes]]:
    """What was taken for a whole file, lease by lease until the plan is over, and what the host had."""
    host, taken = Host(list(plan), always_known=known), []
    with TemporaryDirectory() as folder:
        async with serving(host) as url, handling() as handler:
            downloader = SimpleNamespace(fetch=lambda request: deferred_from_coro(handler.download_request(request)))
            handler.crawler.engine = SimpleNamespace(scheduler=None, downloader=downloader)  # type: ignore[assignment]
            for number in range(len(plan) + 1):
                if (found := await try_once(handler.crawler, Path(folder), url, f"t{number}", host)) is not None:
                    taken.append(found)
                if not host.plan:
                    break
    return taken, host.versions


DROP = Act(drops_after=3 * MB // 2)


@settings(max_examples=50)
@given(st.lists(acts, max_size=8))
@example([DROP, Act(lie="rest"), Act(repeats=True), Act(repeats=True), Act(lie="rest"), Act(repeats=True)])
@example([DROP, Act(lie="rest of another")])
def test_what_is_taken_for_a_whole_file_is_one(plan: list[Act]) -> None:
    taken, versions = asyncio.run(leases(plan))
    assert all(found in versions for found in taken)


def test_a_host_that_only_drops_is_gone_on_with() -> None:
    taken, versions = asyncio.run(leases([DROP]))
    assert taken == []
    taken, versions = asyncio.run(leases([DROP, Act()]))
    assert taken == versions


def test_what_is_known_of_a_version_outlives_its_bytes() -> None:
    repeated = Act(repeats=True, chunked=True)
    taken, _ = asyncio.run(leases([DROP, Act(lie="rest", chunked=True), repeated, repeated], known='"1"'))
    assert taken == []
    taken, versions = asyncio.run(leases([DROP, Act(lie="rest", chunked=True), repeated, Act()], known='"1"'))
    assert taken == versions
