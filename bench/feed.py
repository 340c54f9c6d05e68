"""How long a large feed takes to be queued, and how long it blocks the event loop of the node that reads it."""

import asyncio
import json
import logging
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.http import TextResponse
from typing_extensions import override

from bench import rivals
from bench.node import open_sandbox, wait
from bench.result import Options, Result
from podcrawler.sites.base import Listing
from podcrawler.sites.known import all_sites, site_for

ENTRIES = 3000
_TICK = 0.001


class Stopwatch:
    """A Scrapy extension that measures the time from the feed's response until all episodes are queued, and the longest
    time in between for which the event loop was blocked.

    Logs ``measured {"queued_ms": float, "blocked_ms": float}`` when the spider closes.
    """

    def __init__(self) -> None:
        self._received_at = 0.0
        self._blocked_seconds = 0.0

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "Stopwatch":
        watch = cls()
        crawler.signals.connect(watch.response_received, signal=signals.response_received)
        crawler.signals.connect(watch.spider_closed, signal=signals.spider_closed)
        return watch

    def response_received(self) -> None:
        self._received_at = time.monotonic()
        self._ticker = asyncio.get_running_loop().create_task(self._tick())
        logging.getLogger("podcrawler.spiders.discovery").addHandler(_ListedHandler(self))

    def listed(self) -> None:
        self._queued_seconds = time.monotonic() - self._received_at

    def spider_closed(self) -> None:
        self._ticker.cancel()
        milliseconds = {"queued_ms": self._queued_seconds * 1000, "blocked_ms": self._blocked_seconds * 1000}
        logging.getLogger(__name__).info("measured %s", json.dumps(milliseconds))

    async def _tick(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(_TICK)
            self._blocked_seconds = max(self._blocked_seconds, time.monotonic() - before - _TICK)


class _ListedHandler(logging.Handler):
    """Calls ``watch.listed()`` when the spider logs that a list is queued."""

    def __init__(self, watch: Stopwatch) -> None:
        super().__init__()
        self._watch = watch

    @override
    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("listed "):
            self._watch.listed()


def measure(options: Options) -> Result:
    """a feed of 3,000 entries and 6 MB: time to read it, feedparser beside it, and until its episodes are queued"""
    extensions = json.dumps({"bench.feed.Stopwatch": 0})
    body = _feed()
    rows = []
    with _served(body) as address:
        for _ in range(options.repetitions):
            with open_sandbox() as sandbox:
                command = ["podcrawler", "crawl", "podcasts", "-a", f"address={address}"]
                settings = ["-s", "PODCRAWLER_EXIT_WHEN_DONE=1", "-s", f"EXTENSIONS={extensions}"]
                wait([sandbox.start(*command, *settings)])
                milliseconds = json.loads(re.findall("measured (.*)", sandbox.log())[0])
                pushes = sandbox.redis.info("commandstats")["cmdstat_evalsha"]["calls"]
                queued = sandbox.redis.zcard("{podcrawler}:episodes:pending:media.example.com")
            assert queued == ENTRIES, queued
            reading, feedparser = _reading_ms(body), _feedparser_ms(body, options.rivals)
            figures = [reading, feedparser, milliseconds["queued_ms"], milliseconds["blocked_ms"]]
            rows.append((*("" if figure is None else f"{figure:.0f}" for figure in figures), str(pushes)))
    return Result(
        title="A large feed",
        about=f"A feed of {ENTRIES:,} entries and {len(body) / 1e6:.1f} MB: the time to read it, that of feedparser in "
        "the same run, and that from its response at a podcasts node until all of its episodes are queued, which "
        "includes reading; one row per run.",
        commands=["podcrawler crawl podcasts -a address=http://HOST/feed.xml -s PODCRAWLER_EXIT_WHEN_DONE=1"],
        head=(
            "ms to read",
            "ms of feedparser",
            "ms until queued",
            "ms that the event loop was held, at most",
            "calls of scripts in the whole run",
        ),
        rows=rows,
    )


def _reading_ms(body: bytes) -> float:
    response = TextResponse("http://media.example.com/feed.xml", body=body)
    all_sites()
    began = time.perf_counter()
    listing = site_for(response).parse_list(response)
    milliseconds = (time.perf_counter() - began) * 1000
    assert isinstance(listing, Listing)
    assert len(listing.episodes) == ENTRIES
    return milliseconds


def _feedparser_ms(body: bytes, rivals_folder: Path) -> float | None:
    """The same with feedparser, which podcast-archiver has in its environment; None if that cannot be installed."""
    if rivals.podcast_archiver(rivals_folder) is None:
        return None
    script = (
        "import sys, time, feedparser; body = sys.stdin.buffer.read(); began = time.perf_counter(); "
        "feedparser.parse(body); print((time.perf_counter() - began) * 1000)"
    )
    python = rivals_folder / "podcast-archiver" / "bin" / "python"
    return float(subprocess.run([python, "-c", script], input=body, capture_output=True, check=True).stdout)


def _feed() -> bytes:
    items = "".join(
        f"<item><title>Episode {number} of a long story: “{number * 7}”</title><guid>tag:example.com,{number}</guid>"
        f"<pubDate>Mon, 01 Jan {2000 + number % 25} 00:00:00 GMT</pubDate>"
        f"<enclosure url='https://media.example.com/{number}.mp3?t=1&amp;u=2' type='audio/mpeg' length='1000000'/>"
        f"<description>{'A sentence about the episode, with an é. ' * 42}</description></item>"
        for number in range(ENTRIES)
    )
    return f"<rss version='2.0'><channel><title>Long story</title>{items}</channel></rss>".encode()


@contextmanager
def _served(body: bytes) -> Iterator[str]:
    """Serve ``body`` as the response to every GET request; yields the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/rss+xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/feed.xml"
    server.shutdown()
    server.server_close()
