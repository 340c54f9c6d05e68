"""What users of Scrapy expect: their own components, ``-O FILE``, and Scrapy's commands, which need no Redis here."""

import base64
import csv
import json
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from textwrap import dedent
from threading import Thread

import psutil
import pytest
from typing_extensions import override

from tests.conftest import Client, Commands, until
from tests.origin import RunningOrigin

OWN = """
    import json


    class Keeps:
        \"\"\"A user's pipeline, which records the items that come after podcrawler's own.\"\"\"

        def process_item(self, item):
            with open("seen.jsonl", "a") as file:
                print(json.dumps([type(item).__name__, item.id, item.file, item.size]), file=file)
            return item
"""


def lines(path: Path) -> list[object]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# A user's components in a node


def test_a_pipeline_of_a_users_own_sees_archived_episodes(fleet: Commands, origin: RunningOrigin) -> None:
    """Although the setting names nothing of podcrawler's."""
    (fleet.folder / "own.py").write_text(dedent(OWN))
    ended = fleet.drain(
        "-a",
        f"address={origin.address}/feed.xml?episodes=2&size=10",
        "-s",
        'ITEM_PIPELINES={"own.Keeps": 900}',
        PYTHONPATH=str(fleet.folder),
    )
    assert ended.status == 0, ended.err
    files = sorted(fleet.files())
    seen = sorted(lines(fleet.folder / "seen.jsonl"), key=str)
    assert seen == [["Episode", f"episode-{n}", file, 10] for n, file in enumerate(files, 1)]


def test_a_component_that_does_not_exist_ends_in_a_sentence(fleet: Commands) -> None:
    ended = fleet.drain("-s", 'ITEM_PIPELINES={"nowhere.Keeps": 900}')
    assert ended.status == 2
    assert "ITEM_PIPELINES names something that cannot be loaded: No module named 'nowhere'." in ended.err
    assert "Traceback" not in ended.err


def test_the_export_has_the_archived_episodes_and_no_others(fleet: Commands, origin: RunningOrigin) -> None:
    good = f"{origin.address}/feed.xml?episodes=2&size=10"
    bad = f"{origin.address}/feed.xml?episodes=1&size=10&status=404"
    assert fleet.drain("-a", f"address={good}", "-O", "episodes.jsonl").status == 0
    text = (fleet.folder / "episodes.jsonl").read_text(encoding="utf-8")
    exported = sorted((json.loads(line) for line in text.splitlines()), key=lambda episode: str(episode["id"]))
    assert [episode["id"] for episode in exported] == ["episode-1", "episode-2"]
    first = exported[0]
    assert first["title"] == "Episode 1"
    assert datetime.fromisoformat(first["published"]).isoformat() == "2024-01-02T00:00:00+00:00"
    assert first["enclosure"] == {
        "url": f"{origin.address}/bytes/10.mp3?seed=1",
        "type": "audio/mpeg",
        "length": 10,
    }
    assert first["size"] == 10
    assert (fleet.archive / first["file"]).stat().st_size == 10

    assert fleet.drain("-a", f"address={bad}", "-O", "episodes.jsonl").status == 1
    assert (fleet.folder / "episodes.jsonl").read_text(encoding="utf-8") == ""


def test_the_export_can_be_read_by_people(fleet: Commands, sample: str) -> None:
    assert fleet.drain("-a", f"address={sample}feed.xml", "-O", "episodes.jsonl").status == 0
    assert "雨天的茶 Tea for a Wet Day" in (fleet.folder / "episodes.jsonl").read_text(encoding="utf-8")


@pytest.fixture
def rich_feed(origin: RunningOrigin) -> Iterator[str]:
    """The address of a feed whose one entry tells much; its file is the origin's."""
    feed = f"""
        <rss xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:psc="http://podlove.org/simple-chapters"
          xmlns:podcast="https://podcastindex.org/namespace/1.0"><channel><title>Rich</title><item><title>One</title>
          <guid>one</guid><enclosure url="{origin.address}/bytes/10.mp3" type="audio/mpeg"/>
          <description>&lt;p&gt;Tea, “and” &lt;b&gt;rain&lt;/b&gt;&lt;/p&gt;</description>
          <itunes:season>Season 2</itunes:season><itunes:explicit>clean</itunes:explicit>
          <itunes:keywords>tea, rain</itunes:keywords>
          <podcast:person role="guest" img="/ada.png">Ada</podcast:person>
          <psc:chapters><psc:chapter start="1:30" title="Rain"/></psc:chapters></item></channel></rss>"""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/rss+xml")
            self.end_headers()
            self.wfile.write(feed.encode())

        @override
        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/feed.xml"
    server.shutdown()
    server.server_close()


def test_the_export_has_what_the_feed_tells(fleet: Commands, rich_feed: str) -> None:
    assert fleet.drain("-a", f"address={rich_feed}", "-O", "e.jsonl", "-O", "e.csv").status == 0
    (line,) = (fleet.folder / "e.jsonl").read_text(encoding="utf-8").splitlines()
    episode = json.loads(line)
    assert list(episode)[:3] == ["id", "podcast_id", "title"]
    told = {
        "description": "<p>Tea, “and” <b>rain</b></p>",
        "description_text": "Tea, “and” rain",
        "season": 2,
        "explicit": False,
        "keywords": ["tea", "rain"],
        "license": None,
    }
    assert {name: episode[name] for name in told} == told
    (person,), (chapter,) = episode["persons"], episode["chapters"]
    assert (person["name"], person["role"]) == ("Ada", "guest")
    assert person["image"] == rich_feed.replace("feed.xml", "ada.png")
    assert chapter == {"start": 90.0, "title": "Rain", "href": "", "image": ""}

    with (fleet.folder / "e.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert list(row) == list(episode)
    for name, value in episode.items():
        nested = isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict) for one in value))
        assert (json.loads(row[name]) if nested else row[name]) == (value if nested else flat(value)), name


def flat(value: object) -> str:
    return ",".join(value) if isinstance(value, list) else "" if value is None else str(value)


# Scrapy's commands, without any Redis


@pytest.fixture
def alone(commands: Commands) -> Iterator[Commands]:
    """Commands for which there is no Redis, and which must leave nothing behind."""
    commands.environment["REDIS_URL"] = "redis://localhost:1"
    yield commands
    assert list(commands.folder.rglob("*.part")) == []


def test_list_names_the_spiders(alone: Commands) -> None:
    assert alone.run("list").out.split() == ["episodes", "podcasts"]


def test_check_finds_nothing_wrong(alone: Commands) -> None:
    ended = alone.run("check")
    assert ended.status == 0
    assert "OK" in ended.err


@pytest.mark.parametrize("spider", [(), ("--spider=episodes",)], ids=["default", "episodes"])
def test_fetch_prints_the_page(alone: Commands, origin: RunningOrigin, spider: tuple[str, ...]) -> None:
    ended = alone.run("fetch", f"{origin.address}/feed.xml", *spider)
    assert ended.status == 0, ended.err
    assert "<title>A podcast of the origin</title>" in ended.out


@pytest.mark.parametrize("spider", [(), ("--spider=podcasts",)], ids=["default", "podcasts"])
def test_shell_runs_code_on_the_page(alone: Commands, origin: RunningOrigin, spider: tuple[str, ...]) -> None:
    ended = alone.run("shell", f"{origin.address}/feed.xml", "-c", "response.text.count('<item>')", *spider)
    assert ended.status == 0, ended.err
    assert ended.out.strip() == "3"


def test_view_opens_the_page_in_a_browser(alone: Commands, sample: str) -> None:
    browser = alone.folder / "browser"
    browser.write_text('#!/bin/sh\ncp "${1#file://}" "$(dirname "$0")/opened.html"\n')
    browser.chmod(0o755)
    ended = alone.run("view", sample, BROWSER=str(browser))
    assert ended.status == 0, ended.err
    assert "podcrawler's sample" in (alone.folder / "opened.html").read_text()


@pytest.mark.parametrize(
    "options", [(), ("--spider=podcasts", "-c", "parse_page"), ("--pipelines",)], ids=["plain", "podcasts", "pipelines"]
)
def test_parse_prints_the_episodes_of_a_page(alone: Commands, sample: str, options: tuple[str, ...]) -> None:
    ended = alone.run("parse", f"{sample}feed.xml", *options)
    assert ended.status == 0, ended.err
    assert ended.out.count("'podcast_id': 'little-rain-radio-5c0fd3f2'") == 4
    assert "Traceback" not in ended.err


def test_parse_prints_what_the_feed_tells(alone: Commands, rich_feed: str) -> None:
    printed = alone.run("parse", rich_feed).out
    assert "'season': 2" in printed
    assert "'description_text': 'Tea, “and” rain'" in printed


def test_parse_follows_the_pages_of_episodes(alone: Commands, sample: str) -> None:
    list_page = f"{sample}podcast/item_all.php?pid=287"
    shallow, deep = (alone.run("parse", list_page, *options).out for options in ((), ("-d", "3")))
    assert "harbour-20001.wav" not in shallow
    assert "harbour-20001.wav" in deep


def test_parse_reads_the_page_of_an_episode(alone: Commands, sample: str) -> None:
    ended = alone.run("parse", f"{sample}podcast/item_epi.php?pid=287&eid=20001", "-c", "parse_episode")
    assert "harbour-20001.wav" in ended.out


def test_parse_says_what_is_wrong_with_a_page(alone: Commands, origin: RunningOrigin) -> None:
    ended = alone.run("parse", f"{origin.address}/robots.txt")
    assert "is neither a feed nor a page that podcrawler knows" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("address", ["file:///etc/passwd", "data:,x", "ftp://127.0.0.1/x", "s3://bucket/x"])
def test_nothing_but_the_web_is_fetched(alone: Commands, origin: RunningOrigin, address: str) -> None:
    ended = alone.run("shell", f"{origin.address}/feed.xml", "-c", f"fetch('{address}') or response.text")
    assert ended.out == ""
    assert "Unsupported URL scheme" in ended.err


def test_a_running_node_has_no_doors(fleet: Commands, redis: Client) -> None:
    del redis
    extensions = fleet.drain().err.split("Enabled extensions:")[1].split("]")[0]
    assert "podcrawler.fleet.report.NodeReport" in extensions
    assert "telnet" not in extensions
    assert "remote" not in extensions


@pytest.mark.fresh
def test_a_running_node_listens_nowhere(fleet: Commands, redis: Client) -> None:
    with fleet.start("crawl", "episodes") as node:
        until(lambda: redis.zcard("{podcrawler}:nodes"))
        process = psutil.Process(node.pid)
        for one in (process, *process.children(recursive=True)):
            assert [it for it in one.net_connections("inet") if it.status == psutil.CONN_LISTEN] == []


@pytest.mark.parametrize("loop", ["uvloop", "nowhere.Loop", "os.path", "builtins.int"])
@pytest.mark.parametrize("command", [("crawl", "episodes"), ("fetch", "http://127.0.0.1:1/"), ("archive", "h.example")])
def test_an_event_loop_that_is_none_ends_in_a_sentence(commands: Commands, command: tuple[str, ...], loop: str) -> None:
    ended = commands.run(*command, "-s", f"ASYNCIO_EVENT_LOOP={loop}")
    assert ended.status == 2
    assert f"ASYNCIO_EVENT_LOOP cannot be '{loop}'" in ended.err
    assert "Traceback" not in ended.err


def test_without_an_event_loop_asyncios_own_is_used(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=1&size=10")
    assert fleet.drain("-s", "ASYNCIO_EVENT_LOOP=").status == 0
    assert list(fleet.files().values()) == [10]


def test_fetch_shows_no_login_of_a_proxy(alone: Commands, origin: RunningOrigin) -> None:
    proxy = origin.address.replace("://", "://ann:s3cret@")
    ended = alone.run("fetch", "--headers", "http://feeds.example.com/feed.xml", http_proxy=proxy)
    assert "> User-Agent: podcrawler" in ended.out
    assert "Proxy-Authorization" not in ended.out
    assert base64.b64encode(b"ann:s3cret").decode() not in ended.out + ended.err
    assert base64.b64encode(b"ann:s3cret").decode() in origin.requests()[0].headers["proxy-authorization"]
