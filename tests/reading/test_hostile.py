"""A real node fetches answers and reads documents that were made to stop it: each ends with its class and a sentence,
and the good feeds that it reads beside them end as if they were alone (``python -m bench hostile`` says how fast)."""

import json
import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from textwrap import dedent
from urllib.parse import quote

import psutil
import pytest

from podcrawler.queue.archive import Archive
from podcrawler.queue.keys import Keys
from podcrawler.queue.overview import REPORT_SECONDS
from podcrawler.sites.identity import digest
from tests.builders import seed
from tests.conftest import Client, Commands, until
from tests.reading.hostile import TIME, Ending
from tests.reading.hostile_answers import MAX_SIZE
from tests.reading.publisher import DOCUMENTS, ENDINGS, publishing

#: The documents that are never read to their end.
ENDLESS = [name for name, document in DOCUMENTS.items() if document.ending == TIME]
GOOD = [f"good {number}" for number in range(10)]
#: A site of the user's, which is registered by being imported: its address says what it does.
SITE = """
    import ctypes, os, re, signal
    from podcrawler.items import Enclosure, Episode, Podcast
    from podcrawler.sites.base import Listing, Site


    class Own(Site):
        name = "own"

        def matches(self, response):
            return "/site/" in response.url

        def parse_list(self, response):
            match response.url.rpartition("/")[2]:
                case "loops":
                    while True:
                        pass
                case "holds-the-lock":
                    re.match("(x+x+)+y", "x" * 100)
                case "crashes":
                    ctypes.string_at(0)
                case "is-killed":
                    os.kill(os.getpid(), signal.SIGKILL)
                case "exits":
                    os._exit(3)
                case "fills-memory":
                    kept = []
                    while True:
                        kept.append(bytes(10_000_000))
                case "recurses":
                    return self.parse_list(response)
                case "fails":
                    1 / 0
            podcast = Podcast("own-1", "Own", response.url)
            return Listing(podcast, [Episode("1", "own-1", "One", Enclosure("http://127.0.0.1:9/1.mp3"))])


    class Registered:
        pass
"""
REGISTERED = ("-s", 'EXTENSIONS={"own_site.Registered": 0}', "-s", "PODCRAWLER_MAX_TRIES=1", "-s", "LOG_FILE=log")
QUEUE = "{podcrawler}:podcasts:"


@pytest.fixture(scope="module")
def publisher() -> Iterator[str]:
    """The address of a server that has each document and answer at its name, and a feed of two episodes elsewhere."""
    with publishing() as address:
        yield address


@pytest.fixture
def node(fleet: Commands) -> Commands:
    """Commands whose nodes know the site."""
    (fleet.folder / "own_site.py").write_text(dedent(SITE))
    fleet.environment["PYTHONPATH"] = str(fleet.folder)
    return fleet


def ending(redis: Client, address: str) -> Ending:
    """How the reading of an address has ended."""
    if failure := redis.hget(QUEUE + "failed", address):
        record = json.loads(failure)
        return record["kind"], record["reason"]
    pages = redis.hvals(f"{{podcrawler}}:visit:{address}")
    return "listed", sum(json.loads(page)["listed"] for page in pages)


def agree(found: Ending, wanted: Ending) -> bool:
    if isinstance(wanted[1], str):
        return found[0] == wanted[0] and wanted[1] in str(found[1]) and str(found[1]).endswith(".")
    return found == wanted


@pytest.mark.timeout(300)
@pytest.mark.fresh
def test_no_document_stops_a_node(node: Commands, redis: Client, publisher: str) -> None:
    assert len(ENDINGS) > 200
    wanted: dict[str, Ending] = {**ENDINGS, **dict.fromkeys(GOOD, ("listed", 2))}
    # In an order that has the good ones among the others.
    for name in sorted(wanted, key=lambda name: digest(name)):
        seed(redis, f"{publisher}/{quote(name)}", "podcasts")
    # Many times as long as any of them takes that ends.
    limits = ("PODCRAWLER_PARSE_TIME=10", "DOWNLOAD_TIMEOUT=10", "PODCRAWLER_MAX_PAGES=5")
    many = ("PODCRAWLER_EXIT_WHEN_DONE=1", "PODCRAWLER_CONCURRENT_PAGES=16", "PODCRAWLER_HOST_CONNECTIONS=16")
    sizes = (f"DOWNLOAD_MAXSIZE={MAX_SIZE}",)
    options = [word for setting in (*limits, *many, *sizes) for word in ("-s", setting)]
    with node.start("crawl", "podcasts", *options, *REGISTERED) as started:
        until(lambda: redis.zcard("{podcrawler}:nodes"))
        before, peak, silence = memory(started.pid), 0.0, Silence(redis)

        def is_over() -> bool:
            nonlocal peak
            silence.look()
            peak = memory(started.pid, "VmHWM") or peak
            return started.poll() is not None

        until(is_over, 250)
        assert started.wait() == 1
    found = {name: ending(redis, f"{publisher}/{quote(name)}") for name in wanted}
    assert {name: one for name, one in found.items() if not agree(one, wanted[name])} == {}
    log = (node.folder / "log").read_text()
    assert log.count("Traceback") == sum(kind == "error" for kind, _ in wanted.values())
    # Nothing of a document is in Redis that a person could not read.
    assert max(len(failure) for failure in redis.hvals(QUEUE + "failed")) < 4_000
    assert peak - before < 200, f"{before:.0f} MB became {peak:.0f} MB"
    # Other work of the node has gone on.
    assert silence.longest < REPORT_SECONDS


def memory(pid: int, kind: str = "VmRSS") -> float:
    """The memory of a process alone in MB, or its peak (``VmHWM``); 0 if it has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        found = re.search(rf"^{kind}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
        return int(found[1]) / 1000 if found else 0.0
    return 0.0


class Silence:
    """How long a node does not report."""

    def __init__(self, redis: Client) -> None:
        self._archive = Archive(redis, Keys())
        self._last = 0.0
        #: Seconds.
        self.longest = 0.0

    def look(self) -> None:
        for report in self._archive.reports():
            self.longest = max(self.longest, report.seen - (self._last or report.seen))
            self._last = report.seen


@pytest.mark.fresh
@pytest.mark.parametrize(
    ("name", "how"), list(zip(ENDLESS, cycle([signal.SIGTERM, signal.SIGKILL]), strict=False)), ids=ENDLESS
)
def test_a_node_stops_at_once_while_it_reads(
    node: Commands, redis: Client, publisher: str, name: str, how: signal.Signals
) -> None:
    seed(redis, f"{publisher}/{quote(name)}", "podcasts")
    # Neither of them is over before the test is.
    limits = ("-s", "PODCRAWLER_PARSE_TIME=600", "-s", "PODCRAWLER_SHUTDOWN_GRACE=600")
    with node.start("crawl", "podcasts", *limits, *REGISTERED) as started:
        processes = readers(started.pid)
        started.send_signal(how)
        assert started.wait(30) == (130 if how is signal.SIGTERM else -how)
        until(lambda: not any(process.is_running() for process in processes))
    if how is signal.SIGTERM:
        assert (redis.zcard(QUEUE + "leases"), redis.zcard(QUEUE + "pending:127.0.0.1")) == (0, 1)
        assert redis.hgetall(QUEUE + "tries") == {}
        assert "Traceback" not in (node.folder / "log").read_text()


def readers(pid: int) -> list[psutil.Process]:
    """The reading processes of a node, as soon as one of them is at work."""
    node = psutil.Process(pid)
    found: list[psutil.Process] = []

    def is_at_work() -> bool:
        found[:] = node.children(recursive=True)
        return any(process.ppid() != pid and process.cpu_times().user > 0.3 for process in found)

    until(is_at_work)
    return found


@pytest.mark.fresh
def test_a_node_whose_reading_program_was_killed_starts_another(node: Commands, redis: Client, publisher: str) -> None:
    seed(redis, f"{publisher}/{quote('site/loops')}", "podcasts")
    with node.start("crawl", "podcasts", "-s", "PODCRAWLER_PARSE_TIME=600", *REGISTERED) as started:
        for process in readers(started.pid):
            process.kill()
        until(lambda: redis.hexists(QUEUE + "failed", f"{publisher}/site/loops"))
        assert ending(redis, f"{publisher}/site/loops")[0] == "unreadable"
        seed(redis, f"{publisher}/good", "podcasts")
        until(lambda: redis.exists(f"{{podcrawler}}:visit:{publisher}/good"))
        assert ending(redis, f"{publisher}/good") == ("listed", 2)
        started.terminate()
        assert started.wait(30) == 130


@pytest.mark.fresh
def test_a_reading_program_that_was_ended_before_it_was_used_is_replaced(
    node: Commands, redis: Client, publisher: str
) -> None:
    with node.start("crawl", "episodes", *REGISTERED) as started:
        until(lambda: redis.zcard("{podcrawler}:nodes"))
        (prepared,) = psutil.Process(started.pid).children()
        prepared.kill()
        seed(redis, f"{publisher}/good")
        until(lambda: redis.exists(f"{{podcrawler}}:visit:{publisher}/good"))
        assert ending(redis, f"{publisher}/good") == ("listed", 2)
        assert not prepared.is_running() or prepared.status() == psutil.STATUS_ZOMBIE
        started.kill()


@pytest.mark.fresh
def test_without_a_reader_an_entry_fails(node: Commands, redis: Client, publisher: str) -> None:
    """A site of the user's that cannot be imported anywhere but in the node, which has Redis's address."""
    site = node.folder / "own_site.py"
    site.write_text(f"import os\nassert 'REDIS_URL' in os.environ\n{site.read_text()}")
    seed(redis, f"{publisher}/good", "podcasts")
    ended = node.run("crawl", "podcasts", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1", *REGISTERED)
    assert ended.status == 1
    assert agree(ending(redis, f"{publisher}/good"), ("no-reader", "No process can be started that reads pages"))
    assert "AssertionError" in ended.err
