"""A node to which many publishers send large pages at once holds few of them, reads the good feeds among them, and
stops when it is told to. What a page took is free when it has ended, however that was."""

import gzip
import json
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import pytest
from typing_extensions import override

from tests.builders import seed
from tests.conftest import Client, Commands, until
from tests.serving import Handler, serving
from tests.watching import watch

#: As many as a node fetches at once (PODCRAWLER_CONCURRENT_PAGES), and the bytes of each, of which no site makes sense.
LARGE, SIZE = 16, 32_000_000
PIECE = b"x" * 2_000_000
ITEM = "<item><guid>1</guid><enclosure url='http://127.0.0.1:9/1.mp3'/></item>"
FEED = f"<rss><channel><title>Good</title>{ITEM}</channel></rss>".encode()
MANY = ("-s", f"PODCRAWLER_HOST_CONNECTIONS={LARGE}", "-s", "PODCRAWLER_MAX_TRIES=1", "-s", "LOG_FILE=log")
QUEUE = "{podcrawler}:podcasts:"


class Publisher(Handler):
    """Sends the beginnings of large pages, and more once all have begun; the end of an ``endless`` one never."""

    begun: ClassVar[set[str]]
    have_begun: ClassVar[threading.Event]
    is_over: ClassVar[threading.Event]

    @override
    def get(self) -> None:
        if self.path.startswith("/good/"):
            self.answer(200, FEED)
            return
        # A node that stops closes the connection.
        with suppress(ConnectionError):
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.end_headers()
            self.wfile.write(PIECE)
            self.begun.add(self.path)
            if len(self.begun) == LARGE:
                self.have_begun.set()
            self.have_begun.wait()
            for _ in range(SIZE // len(PIECE) - 1):
                self.wfile.write(PIECE)
            if self.path.startswith("/endless/"):
                self.is_over.wait()


@pytest.fixture
def publisher() -> Iterator[str]:
    """The address of the server."""
    Publisher.begun, Publisher.have_begun, Publisher.is_over = set(), threading.Event(), threading.Event()
    with serving(Publisher) as port:
        yield f"http://127.0.0.1:{port}"
        Publisher.have_begun.set()
        Publisher.is_over.set()


@pytest.mark.fresh
def test_many_large_pages_at_once_do_not_fill_a_node(fleet: Commands, redis: Client, publisher: str) -> None:
    for number in range(LARGE):
        seed(redis, f"{publisher}/large/{number}", "podcasts")
    with fleet.start("crawl", "podcasts", *MANY) as node:
        until(lambda: redis.zcard("{podcrawler}:nodes"))
        before = memory(node.pid, "VmRSS")
        until(Publisher.have_begun.is_set)
        good = [f"{publisher}/good/{number}" for number in range(10)]
        for address in good:
            seed(redis, address, "podcasts")
        visits = [f"{{podcrawler}}:visit:{address}" for address in good]
        until(lambda: redis.hlen(QUEUE + "failed") == LARGE and redis.exists(*visits) == len(visits), 120)
        grown = memory(node.pid, "VmHWM") - before
        node.kill()
    assert set(kinds(redis).values()) == {"unknown-page"}
    assert grown < 200, f"The node took {grown:.0f} MB."


def kinds(redis: Client) -> dict[str, str]:
    """The kinds of failures, by address."""
    return {name.decode(): json.loads(failure)["kind"] for name, failure in redis.hgetall(QUEUE + "failed").items()}


def memory(pid: int, kind: str) -> float:
    """The memory of a process alone in MB: what it has (``VmRSS``), or the most that it had (``VmHWM``)."""
    found = re.search(rf"^{kind}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) / 1000


@pytest.mark.fresh
def test_a_node_stops_at_once_while_large_pages_wait(fleet: Commands, redis: Client, publisher: str) -> None:
    for number in range(LARGE):
        seed(redis, f"{publisher}/endless/{number}", "podcasts")
    # None of these is over before the test is.
    limits = ("-s", "DOWNLOAD_TIMEOUT=600", "-s", "PODCRAWLER_SHUTDOWN_GRACE=600")
    with fleet.start("crawl", "podcasts", *MANY, *limits) as node:
        until(Publisher.have_begun.is_set)
        node.terminate()
        assert node.wait(30) == 130
    assert (redis.zcard(QUEUE + "leases"), redis.zcard(QUEUE + "pending:127.0.0.1")) == (0, LARGE)
    assert redis.hgetall(QUEUE + "tries") == {}
    assert "Traceback" not in (fleet.folder / "log").read_text()


#: Pages of more than the megabyte that each may take anyway, and how they end.
LISTED = ("feed", "gzip", "leads", "refreshes", "page")
FAILED = {
    "unknown": "unknown-page",
    "large": "too-large",
    "breaks": "incomplete",
    "gone": "http-404",
}
LONG = FEED + b" " * 2_000_000
#: Refers to a feed that is gone, and lists something itself.
PAGE = f"""
    <html><head><link rel="alternate" type="application/rss+xml" href="/gone"></head>
    <body><audio src="http://127.0.0.1:9/1.mp3"></audio>{"<p>word</p>" * 200_000}</body></html>
""".encode()


def test_what_a_page_took_is_free_however_it_ended(fleet: Commands, redis: Client) -> None:
    class Answers(Handler):
        @override
        def get(self) -> None:
            match self.path:
                case "/feed":
                    self.answer(200, LONG)
                case "/gzip":
                    self.answer(200, gzip.compress(LONG), Content_Encoding="gzip")
                case "/leads":
                    self.answer(302, LONG, Location="/feed")
                case "/refreshes":
                    self.answer(
                        200, b"<meta http-equiv=refresh content='0; url=/feed'>" + LONG, Content_Type="text/html"
                    )
                case "/page":
                    self.answer(200, PAGE, Content_Type="text/html")
                case "/unknown":
                    self.answer(200, PIECE, Content_Type="text/plain")
                case "/large":
                    self.answer(200, LONG * 3)
                case "/breaks":
                    self.send_response(200)
                    self.send_header("Content-Length", "4000000")
                    self.end_headers()
                    self.wfile.write(LONG)
                    self.close_connection = True
                case _:
                    self.answer(404, LONG)

    imported, count = "from podcrawler.http.page_memory import Room", "sum(isinstance(thing, Room) for thing in things)"
    options = (*MANY, *watch(fleet, imported, count), "-s", "DOWNLOAD_MAXSIZE=5000000")
    with serving(Answers) as port:
        address = f"http://127.0.0.1:{port}/"
        for name in (*LISTED, *FAILED):
            seed(redis, address + name, "podcasts")
        ended = fleet.run("crawl", "podcasts", *options, "-s", "PODCRAWLER_EXIT_WHEN_DONE=1")
    assert ended.status == 1
    assert kinds(redis) == {address + name: kind for name, kind in FAILED.items()}
    assert redis.exists(*(f"{{podcrawler}}:visit:{address}{name}" for name in LISTED)) == len(LISTED)
    assert "INFO: left: 0" in (fleet.folder / "log").read_text()
