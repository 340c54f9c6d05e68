"""What it costs to find out that 1,000 subscriptions have not changed, and which of 100,000 are due."""

import asyncio
import json
import multiprocessing
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from statistics import median
from threading import Thread
from typing import Any

import psutil
from redis import Redis
from redis.exceptions import ConnectionError as AwayError

from bench import rivals
from bench.node import Sandbox, open_sandbox
from bench.result import Options, Result
from podcrawler.queue.keys import Keys
from podcrawler.subscriptions.records import Subscription
from podcrawler.subscriptions.store import Subscriptions

_DELAY = 0.05
_ENTRIES = 50
#: Addresses of this machine, each a host of its own.
_HOSTS = 50
_SETTINGS = ["-s", "PODCRAWLER_ALLOW_HOSTS=127.0.0.0/8", "-s", "PODCRAWLER_CHECK_MIN=3600", "-s", "LOG_LEVEL=WARNING"]
_COMMAND = ["podcrawler", "crawl", "podcasts", *_SETTINGS]
#: For a Python with requests and feedparser: asks one address after the other, with its validator.
_SCRIPT = """
import feedparser, json, requests, sys, time
addresses = json.load(sys.stdin)
session = requests.Session()
began = time.perf_counter()
for address in addresses:
    answer = session.get(address, headers={"If-None-Match": '"1"'})
    if answer.status_code == 200:
        feedparser.parse(answer.content)
print(time.perf_counter() - began)
"""


def measure(options: Options) -> Result:
    """1,000 subscriptions that have not changed, beside requests and feedparser; what is due of 100,000"""
    feeds = 100 if options.small else 1000
    seconds, cpu, commands = [], [], []
    with _origin() as port:
        addresses = [f"http://127.0.0.{1 + number % _HOSTS}:{port}/{number}.xml" for number in range(feeds)]
        for _ in range(options.repetitions):
            with open_sandbox() as sandbox:
                round_, used, sent = _refreshed(sandbox, addresses)
            seconds.append(round_)
            cpu.append(used / feeds * 1000)
            commands.append(sent / feeds)
        rival = _one_after_another(addresses, options)
    due_ms, size = _many(10_000 if options.small else 100_000)
    ratio = "" if rival is None else f"{rival / median(seconds):.1f}"
    return Result(
        title="Subscriptions that have not changed",
        about=f"{feeds:,} subscriptions are due at once at a list node that is running; their {_HOSTS} hosts answer "
        f"after {_DELAY * 1000:.0f} ms that nothing has changed. The time until all are checked, CPU time of the node "
        "with its processes, and commands that it has sent to Redis, for each; medians. Beside it requests, one "
        "address after the other, with the same validators. Then those are looked for that are due among very many.",
        commands=[" ".join(_COMMAND)],
        head=("program", "seconds", "ms of CPU for each", "commands for each"),
        rows=[
            ("podcrawler", f"{median(seconds):.2f}", f"{median(cpu):.2f}", f"{median(commands):.1f}"),
            ("requests + feedparser", "" if rival is None else f"{rival:.1f}", "", ""),
        ],
        findings=[
            f"podcrawler is {ratio} times as fast as requests one after another." if ratio else "requests is missing.",
            f"50 due ones among {100_000 if not options.small else 10_000:,} are found in {due_ms:.1f} ms; "
            f"a subscription takes {size:.0f} bytes of Redis.",
        ],
    )


def _refreshed(sandbox: Sandbox, addresses: list[str]) -> tuple[float, float, int]:
    """The seconds that the second check of all takes, the CPU seconds of the node, and its commands."""
    redis = sandbox.redis
    subscriptions = Subscriptions(redis, Keys())
    subscriptions.subscribe(map(Subscription, addresses))
    node = sandbox.start(*_COMMAND, "-s", "PODCRAWLER_CHECK_RATE=1000")
    try:
        _until_ended(redis, len(addresses))
        process = psutil.Process(node.pid)
        with _counted(redis) as count:
            cpu = _cpu(process)
            began = time.monotonic()
            redis.zadd("{podcrawler}:due", dict.fromkeys(addresses, 0))
            _until_ended(redis, 2 * len(addresses))
            return time.monotonic() - began, _cpu(process) - cpu, count()
    finally:
        node.terminate()
        node.wait()


def _until_ended(redis: Redis, checks: int) -> None:
    """Wait until so many checks have ended since Redis was started."""
    while redis.xlen("{podcrawler}:events") < checks:
        time.sleep(0.02)


@contextmanager
def _counted(redis: Redis) -> Iterator[Any]:
    """Counts the commands that others send to the server, without those that scripts call."""
    found: list[dict[str, Any]] = []

    def listen() -> None:
        with suppress(AwayError):
            found.extend(monitor.listen())

    with redis.monitor() as monitor:  # type: ignore[no-untyped-call]
        Thread(target=listen, daemon=True).start()
        # XLEN is this program's own.
        sent = (each for each in found if each["client_type"] != "lua" and not each["command"].startswith("XLEN"))
        yield lambda: sum(1 for _ in sent)


def _cpu(process: psutil.Process) -> float:
    """CPU seconds of a process and all that it has started, those that have ended too."""
    seconds = 0.0
    for each in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            seconds += sum(each.cpu_times()[:4])
    return seconds


def _one_after_another(addresses: list[str], options: Options) -> float | None:
    if rivals.podcast_archiver(options.rivals) is None:
        return None
    python = options.rivals / "podcast-archiver" / "bin" / "python"
    ended = subprocess.run(
        [python, "-c", _SCRIPT], input=json.dumps(addresses).encode(), capture_output=True, check=True
    )
    return float(ended.stdout)


def _many(count: int) -> tuple[float, float]:
    """Milliseconds to claim 50 due ones among so many subscriptions, and bytes of Redis for each."""
    with open_sandbox() as sandbox:
        subscriptions, redis = Subscriptions(sandbox.redis, Keys()), sandbox.redis
        addresses = [f"https://host-{number}.example/feeds/{number}/podcast.xml" for number in range(count)]
        before = redis.info("memory")["used_memory"]
        subscriptions.subscribe(map(Subscription, addresses))
        checked = json.dumps({"podcast_id": "a-podcast-0123abcd", "title": "A podcast", "etag": '"0123456789abcdef"',
            "last_modified": "Fri, 27 Nov 2026 10:00:00 GMT", "digest": "0123456789abcdef", "at": 1.8e9,
            "rhythm": {"arrivals": [1.7e9 + day * 86_400.0 for day in range(24)]}})  # fmt: skip
        redis.hset("{podcrawler}:checks", mapping=dict.fromkeys(addresses, checked))
        redis.zadd("{podcrawler}:due", dict.fromkeys(addresses, time.time() * 1000 + 3_600_000))
        size = (redis.info("memory")["used_memory"] - before) / count
        redis.zadd("{podcrawler}:due", dict.fromkeys(addresses[:50], 0))
        redis.ping()
        began = time.perf_counter()
        claims, _ = subscriptions.claim(seconds=600, gap=0.1)
        milliseconds = (time.perf_counter() - began) * 1000
        assert len(claims) == 50
        return milliseconds, size


@contextmanager
def _origin() -> Iterator[int]:
    """A server in a process of its own that has each feed, and knows it again; its port."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(there,), daemon=True)
    process.start()
    yield here.recv()
    process.terminate()
    process.join()


def _serve(connection: Connection) -> None:
    asyncio.run(_answer_all(connection))


async def _answer_all(connection: Connection) -> None:
    server = await asyncio.start_server(_answer, "0.0.0.0", 0)
    connection.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            await asyncio.sleep(_DELAY)
            if b'if-none-match: "1"' in head.lower():
                writer.write(b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n')
                continue
            body = _feed(head.split()[1].decode())
            writer.write(
                b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Type: application/rss+xml\r\n'
                + f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def _feed(path: str) -> bytes:
    items = "".join(
        f"<item><title>Episode {number}</title><guid>{path}-{number}</guid>"
        f"<enclosure url='https://media.example.com{path}/{number}.mp3' type='audio/mpeg' length='1000000'/></item>"
        for number in range(_ENTRIES)
    )
    return f"<rss version='2.0'><channel><title>Show {path}</title>{items}</channel></rss>".encode()
