"""A node connects to nothing but what it was told, as seen from outside of it: in a network of its own (world.py), and
by Python's own hooks where a machine allows no such network."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.conftest import Commands, _bare_environment
from tests.origin import RunningOrigin

WORLD = Path(__file__).with_name("world.py")
UNSHARE = ("unshare", "--map-root-user", "--net", "--mount")
FEEDS, MEDIA = "93.184.216.34", "93.184.216.35"


@pytest.fixture(scope="module")
def _namespaces() -> None:
    """What it takes to make a network."""
    for program, package in (("unshare", "util-linux"), ("ip", "iproute2"), ("mount", "mount")):
        if shutil.which(program) is None:
            absent = f"{program} is not installed: it comes with Debian's package {package}"
            if os.environ.get("CI"):
                pytest.fail(absent)
            pytest.skip(absent)
    tried = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True)
    if tried.returncode:
        # No package can mend that, in a container for example.
        pytest.skip(f"this machine allows no network namespaces: {tried.stderr.strip()}")


def happened(folder: Path, names: dict[str, Any], pages: dict[str, Any], *commands: tuple[str, ...]) -> dict[str, Any]:
    """What became of the commands of podcrawler in a world with these names and pages."""
    plan = {
        "folder": str(folder),
        "names": names,
        "pages": pages,
        "commands": [[sys.executable, "-m", "podcrawler", *words] for words in commands],
        "environment": {**_bare_environment(), "HOME": str(folder), "PYTHONPATH": str(Path(__file__).parents[2])},
    }
    ended = subprocess.run(
        [*UNSHARE, sys.executable, "-P", str(WORLD)], input=json.dumps(plan), capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def feed(title: str, *enclosures: str, more: str = "") -> dict[str, Any]:
    items = "".join(
        f'<item><guid>{n}</guid><title>Part {n}</title><enclosure url="{url}" type="audio/mpeg" length="1"/></item>'
        for n, url in enumerate(enclosures, 1)
    )
    atom = 'xmlns:a="http://www.w3.org/2005/Atom"'
    body = f'<rss version="2.0" {atom}><channel><title>{title}</title>{more}{items}</channel></rss>'
    # Scrapy looks up which domains are public suffixes when it gets one.
    return {"body": body, "headers": {"Set-Cookie": "a=b; Domain=example; Path=/"}}


@pytest.mark.slow
@pytest.mark.usefixtures("_namespaces")
def test_a_crawl_connects_to_nothing_but_what_it_was_told() -> None:
    names = {
        "feeds.example": [[FEEDS]],
        "media.example": [[MEDIA]],
        "inside.example": [["169.254.169.254"]],
        "inside6.example": [["::1", "fd00::1"]],
        "mixed.example": [["10.0.0.1", MEDIA]],
        # Bound anew between the two runs.
        "rebound.example": [[FEEDS], ["127.0.0.1"]],
    }
    pages = {
        "http://feeds.example/feed": feed(
            "good",
            "http://media.example/1.mp3",
            "http://mixed.example/2.mp3",
            "http://inside.example/3.mp3",
            "http://inside6.example/4.mp3",
            "http://127.0.0.1/5.mp3",
            "http://2852039166/6.mp3",
            "http://[64:ff9b::7f00:1]/7.mp3",
            "http://media.example/redirect",
            more='<a:link rel="next" href="http://10.0.0.1/next"/>',
        ),
        "http://media.example/redirect": {"headers": {"Location": "http://feeds.example/hop"}},
        "http://feeds.example/hop": {"headers": {"Location": "http://192.168.1.5/8.mp3"}},
        "http://rebound.example/feed": feed("rebound", "http://media.example/9.mp3"),
    }
    archive = ("archive", "http://feeds.example/feed", "http://rebound.example/feed")
    # A short path: Redis's socket is in it, which would else be one of TCP.
    with tempfile.TemporaryDirectory() as folder:
        found = happened(Path(folder), names, pages, archive, archive[::2], ("failed", "--json"))
    first, second, failed = found["ended"]
    assert first["status"] == 1, first["err"]
    assert "3 finished" in first["out"]
    assert "rebound.example is a loopback address (127.0.0.1)" in second["out"], second
    kinds = [json.loads(line)["kind"] for line in failed["out"].splitlines()]
    assert kinds == ["private-address"] * 8, failed
    assert found["connections"] == [f"{FEEDS} 80", f"{MEDIA} 80", "udp 127.0.0.1 53"]
    assert {*found["looked_up"]} == names.keys()


#: An add-on that has Python tell of every name that is looked up and every connection.
WITNESS = """
    import sys

    told = open("told.txt", "a", buffering=1)


    def tell(event, arguments):
        if event == "socket.connect":
            told.write(f"{arguments[1]!r}\\n")
        elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
            told.write(f"{arguments[0]!r}\\n")


    class Witness:
        def __init__(self):
            sys.addaudithook(tell)

        def update_settings(self, settings):
            pass
"""


@pytest.mark.fresh
def test_a_cookie_makes_a_node_ask_nobody(fleet: Commands, origin: RunningOrigin, valkey_url: str) -> None:
    (fleet.folder / "own.py").write_text(dedent(WITNESS))
    address = f"{origin.address}/feed.xml?episodes=1&size=10&set_cookie=a%3Db%3B+Domain%3Dexample.com"
    # The event loop of asyncio: that of uvloop looks names up by itself.
    options = ["-s", 'ADDONS={"own.Witness": 0}', "-s", "ASYNCIO_EVENT_LOOP=asyncio.SelectorEventLoop"]
    options += ["-s", "PODCRAWLER_EXIT_WHEN_DONE=1", "-a", f"address={address}"]
    # A home without a list that was kept there before.
    environment = {"PYTHONPATH": str(fleet.folder), "HOME": str(fleet.folder)}
    with fleet.start("crawl", "episodes", *options, **environment) as node:
        _, errors = node.communicate(timeout=90)
        assert node.returncode == 0, errors
    told = set((fleet.folder / "told.txt").read_text().splitlines())
    host, port = origin.address.removeprefix("http://").split(":")
    assert told == {repr((host, int(port))), repr(valkey_url.removeprefix("unix://").partition("?")[0])}
