"""Records how a version of podcrawler knows episodes: ``python -m tests.upgrade.twins CHECKOUT``.

The version archives two feeds whose entries share guids or addresses, or have no guid. What it leaves in Redis is
written to ``tests/upgrade/twins/<commit>.json``; test_twins.py has the present version read the same feeds. CHECKOUT is
as in record.py.
"""

import argparse
import base64
import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode
from xml.sax.saxutils import quoteattr

import redis

from podcrawler.redis.embedded import EmbeddedServer
from tests.conftest import Commands
from tests.origin import content, running
from tests.upgrade.recording import HOST, dump_redis

FOLDER = Path(__file__).parent / "twins"
DONE = ("-s", "PODCRAWLER_EXIT_WHEN_DONE=1")


def _sent(size: int, seed: int) -> str:
    """The path of a file that differs from others of its kind in the query alone."""
    return f"/bytes/0.mp3?{urlencode({'body': base64.b64encode(b''.join(content(size, seed)))})}"


#: Title, guid, path and size, newest first. Versions that took entries with one guid, or one path, for one episode
#: archived the first of them.
ENTRIES = (
    ("Second", "twins", "/bytes/2000.mp3?seed=2", 2000),
    ("First", "twins", "/bytes/1000.mp3?seed=1", 1000),
    ("Query 2", "", _sent(200, 12), 200),
    ("Query 1", "", _sent(100, 11), 100),
    ("Alone", "alone", "/bytes/3000.mp3?seed=3", 3000),
)
#: In RSS 1.0, in which an entry has no guid but a name.
NAMED = (("Named 2", "/bytes/5000.mp3?seed=5", 5000), ("Named 1", "/bytes/4000.mp3?seed=4", 4000))


def _page(host: str, body: str) -> str:
    query = {"type": "application/xml", "body": base64.b64encode(body.encode())}
    return f"http://{host}/bytes/0.xml?{urlencode(query)}"


def _enclosure(host: str, path: str, size: int) -> str:
    return f"<enclosure url={quoteattr(f'http://{host}{path}')} type='audio/mpeg' length='{size}'/>"


def rss() -> str:
    """The address of a feed of ``ENTRIES``."""
    items = [
        f"<item><title>{title}</title><pubDate>{20 - number} Mar 2026 10:00:00 GMT</pubDate>"
        f"{f'<guid>{guid}</guid>' if guid else ''}{_enclosure('twins.example', path, size)}</item>"
        for number, (title, guid, path, size) in enumerate(ENTRIES)
    ]
    return _page("twins.example", f"<rss version='2.0'><channel><title>Twins</title>{''.join(items)}</channel></rss>")


def rdf() -> str:
    """The address of a feed of ``NAMED``."""
    items = [
        f"<item rdf:about='http://named.example/{title}'><title>{title}</title>"
        f"{_enclosure('named.example', path, size)}</item>"
        for title, path, size in NAMED
    ]
    names = "xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'"
    return _page("named.example", f"<rdf:RDF {names}><channel><title>Named</title></channel>{''.join(items)}</rdf:RDF>")


def archive(commands: Commands, addresses: Sequence[str]) -> None:
    """Archive the podcasts with one node, until the queue is done."""
    for address in addresses:
        ended = commands.run("crawl", "episodes", "-a", f"address={address}", *DONE)
        assert ended.status == 0, ended.err


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("checkout", type=Path)
    checkout = parser.parse_args().checkout.absolute()
    command = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, cwd=checkout, check=True, capture_output=True, text=True).stdout.strip()
    with tempfile.TemporaryDirectory() as folder, running() as origin:
        server = EmbeddedServer(Path(folder, "valkey"))
        url = server.enter()
        environment = {"REDIS_URL": url, "http_proxy": origin.address, "PODCRAWLER_NODE_NAME": HOST}
        archive(Commands(Path(folder), environment, str(checkout / ".venv/bin/python")), [rss(), rdf()])
        with redis.Redis.from_url(url) as client:
            state = dump_redis(client)
        server.leave()
    path = FOLDER / f"{commit}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(state, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
