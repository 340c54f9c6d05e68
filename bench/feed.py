"""How fast a large feed gets into the shared queue, and how long it holds the event loop of its node."""

import asyncio
import json
import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

from scrapy import signals
from scrapy.crawler import Crawler
from typing_extensions import override

from bench.node import place, wait
from bench.result import Options, Result

ENTRIES = 3000
_TICK = 0.001


class Stopwatch:
    """A Scrapy extension: the time from the arrival of the feed to its end in the queue, and the longest time in
    between that the event loop did nothing else. Logs both in milliseconds as JSON."""

    def __init__(self) -> None:
        self._arrived = 0.0
        self._held = 0.0

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "Stopwatch":
        watch = cls()
        crawler.signals.connect(watch.arrived, signal=signals.response_received)
        crawler.signals.connect(watch.idle, signal=signals.spider_closed)
        return watch

    def arrived(self) -> None:
        self._arrived = time.monotonic()
        self._ticker = asyncio.get_running_loop().create_task(self._tick())
        logging.getLogger("podcrawler.spiders.podcasts").addHandler(_WhenListed(self))

    def listed(self) -> None:
        self._took = time.monotonic() - self._arrived

    def idle(self) -> None:
        self._ticker.cancel()
        told = {"took_ms": self._took * 1000, "held_ms": self._held * 1000}
        logging.getLogger(__name__).info("measured %s", json.dumps(told))

    async def _tick(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(_TICK)
            self._held = max(self._held, time.monotonic() - before - _TICK)


class _WhenListed(logging.Handler):
    def __init__(self, watch: Stopwatch) -> None:
        super().__init__()
        self._watch = watch

    @override
    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("listed "):
            self._watch.listed()


def measure(options: Options) -> Result:
    """a feed of 3,000 entries and 6 MB, from its arrival at a list node to its end in the queue"""
    extensions = json.dumps({"bench.feed.Stopwatch": 0})
    body = _feed()
    rows = []
    with _served(body) as address:
        for _ in range(options.repetitions):
            with place() as here:
                command = ["podcrawler", "crawl", "podcasts", "-a", f"address={address}"]
                settings = ["-s", "PODCRAWLER_EXIT_WHEN_DONE=1", "-s", f"EXTENSIONS={extensions}"]
                wait([here.start(*command, *settings)])
                told = json.loads(re.findall("measured (.*)", here.log())[0])
                pushes = here.redis.info("commandstats")["cmdstat_evalsha"]["calls"]
                queued = here.redis.zcard("{podcrawler}:episodes:pending:media.example.com")
            assert queued == ENTRIES, queued
            rows.append((f"{told['took_ms']:.0f}", f"{told['held_ms']:.0f}", str(pushes)))
    return Result(
        title="A large feed",
        about=f"A feed of {ENTRIES:,} entries and {len(body) / 1e6:.1f} MB, from its arrival at a list node until all "
        "of its episodes are queued; a row for each run.",
        commands=["podcrawler crawl podcasts -a address=http://HOST/feed.xml -s PODCRAWLER_EXIT_WHEN_DONE=1"],
        head=("ms until queued", "ms that the event loop was held, at most", "calls of scripts in the whole run"),
        rows=rows,
    )


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
    """The address of a server, that answers everything with ``body``."""

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
