"""A real node reads documents that were made to stop it: each ends with its class and a sentence, and the good feeds
that it reads beside them end as if they were alone."""

import json
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from textwrap import dedent
from typing import Any
from urllib.parse import quote, unquote

import psutil
import pytest
from typing_extensions import override

from podcrawler.sites.identity import digest
from tests.builders import seed
from tests.conftest import Client, Commands, until
from tests.reading.hostile import ALL, TIME, Ending

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
    """The address of a server that has each document at its name, and a feed of two episodes at every other."""
    bodies = {name: document.body for name, document in ALL.items()}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = unquote(self.path[1:])
            body = bodies[name]() if name in bodies else _good(name)
            content = body if isinstance(body, bytes) else body.encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        @override
        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def node(fleet: Commands) -> Commands:
    """Commands whose nodes know the site."""
    (fleet.folder / "own_site.py").write_text(dedent(SITE))
    fleet.environment["PYTHONPATH"] = str(fleet.folder)
    return fleet


def _good(name: str) -> str:
    items = "".join(
        f"<item><guid>{number}</guid><title>{number}</title><enclosure url='http://127.0.0.1:9/{number}.mp3'/></item>"
        for number in range(2)
    )
    return f"<rss><channel><title>{name}</title>{items}</channel></rss>"


def ending(redis: Client, address: str) -> Ending:
    """How the reading of an address has ended."""
    if failure := redis.hget(QUEUE + "failed", address):
        record = json.loads(failure)
        return record["kind"], record["reason"]
    (visit,) = redis.hvals(f"{{podcrawler}}:visit:{address}")
    return "listed", json.loads(visit)["listed"]


def agree(found: Ending, wanted: Ending) -> bool:
    if isinstance(wanted[1], str):
        return found[0] == wanted[0] and wanted[1] in str(found[1]) and str(found[1]).endswith(".")
    return found == wanted


@pytest.mark.timeout(300)
@pytest.mark.fresh
def test_no_document_stops_a_node(node: Commands, redis: Client, publisher: str) -> None:
    wanted: dict[str, Ending] = {name: document.ending for name, document in ALL.items()}
    wanted |= dict.fromkeys(GOOD, ("listed", 2))
    assert len(wanted) > 80
    # In an order that has the good ones among the others.
    for name in sorted(wanted, key=lambda name: digest(name)):
        seed(redis, f"{publisher}/{quote(name)}", "podcasts")
    # Twenty times as long as any of them takes that ends.
    limits = ("-s", "PODCRAWLER_EXIT_WHEN_DONE=1", "-s", "PODCRAWLER_PARSE_TIME=20")
    with node.start("crawl", "podcasts", *limits, *REGISTERED) as started:
        assert started.wait(250) == 1
    found = {name: ending(redis, f"{publisher}/{quote(name)}") for name in wanted}
    assert {name: one for name, one in found.items() if not agree(one, wanted[name])} == {}
    log = (node.folder / "log").read_text()
    assert log.count("Traceback") == sum(kind == "error" for kind, _ in wanted.values())
    # Nothing of a document is in Redis that a person could not read.
    assert max(len(failure) for failure in redis.hvals(QUEUE + "failed")) < 4_000


@pytest.mark.fresh
@pytest.mark.parametrize("name", [name for name, document in ALL.items() if document.ending == TIME])
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["term", "kill"])
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
