"""Sites without code as a user has them: ``site-check``, and the commands that read ``PODCRAWLER_SITES``."""

import base64
import json
from pathlib import Path
from textwrap import dedent
from urllib.parse import urlencode

import pytest

from tests.conftest import Commands
from tests.origin import RunningOrigin

RADIO = r"""
    url = 'http://127\.0\.0\.1:\d+/bytes/1\.list\?.*'
    [podcast]
    id = 'radio'
    title = 'h1'
    [list]
    each = 'article'
    page = 'h2 a'
    audio = 'audio'
    id = '::attr(id)'
    title = 'h2'
    date = { css = 'time', format = '%d.%m.%Y', zone = 'Asia/Hong_Kong' }
    next = 'a.older'
    [episode]
    url = 'http://127\.0\.0\.1:\d+/bytes/1\.episode\?.*'
    audio = 'audio'
"""


def page(kind: str, body: str) -> str:
    """The path of a page of the origin with this body."""
    query = {"type": "text/html", "body": base64.b64encode(body.encode()).decode()}
    return f"/bytes/1.{kind}?{urlencode(query)}"


def entry(number: int, content: str, date: str = "") -> str:
    return f"<article id=e-{number}>{content}<time>{date or f'0{number}.03.2024'}</time></article>"


EPISODE = page("episode", "<audio src='/bytes/30.mp3?seed=3'>")
OLDER = page("list", "<h1>Radio</h1>" + entry(1, "<h2>First</h2><audio src='/bytes/10.mp3?seed=1'></audio>"))
NEWEST = page(
    "list",
    f"<h1>Radio</h1><a class=older href='{OLDER}'>Older</a>"
    + entry(3, f"<h2><a href='{EPISODE}'>Third</a></h2>")
    + entry(2, "<h2>Sécond</h2><audio src='/bytes/20.mp3?seed=2'></audio>", "2 March")
    + entry(0, "<h2>Nothing</h2>"),
)


@pytest.fixture
def radio(tmp_path: Path) -> Path:
    """A file that describes the pages above, in a folder of its own."""
    file = tmp_path / "sites" / "radio.toml"
    file.parent.mkdir()
    file.write_text(dedent(RADIO), encoding="utf-8")
    return file


@pytest.fixture
def alone(tmp_path: Path) -> Commands:
    """Commands for which there is no Redis."""
    return Commands(tmp_path, {"REDIS_URL": "redis://localhost:1"})


def test_it_shows_what_a_page_gives(alone: Commands, radio: Path, origin: RunningOrigin) -> None:
    ended = alone.run("site-check", str(radio), origin.address + NEWEST)
    assert ended.status == 0, ended.err
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    at = origin.address
    assert lines[:3] == ["podcast:", "id radio", "title Radio"]
    assert lines[5:9] == [
        "2 episodes, oldest first:",
        "id date seconds title file or page",
        f"e-2 Sécond {at}/bytes/20.mp3?seed=2",
        f"e-3 2024-03-03 00:00:00+08:00 Third {at}{EPISODE}",
    ]
    assert lines[9].endswith(f"look at one: python -m podcrawler site-check {radio} '{at}{EPISODE}'")
    assert lines[10:] == [
        "1 next page:",
        f"{at}{OLDER}",
        "1 left out:",
        "no-media Nothing",
        "not understood (the first of each key):",
        "list.date 2 March",
    ]
    assert ended.err == ""


def test_it_prints_json(alone: Commands, radio: Path, origin: RunningOrigin) -> None:
    ended = alone.run("site-check", "--json", str(radio), origin.address + NEWEST)
    assert ended.status == 0, ended.err
    found = json.loads(ended.out)
    assert [episode["id"] for episode in found["episodes"]] == ["e-2", "e-3"]
    assert [(one["cause"], one["title"]) for one in found["left_out"]] == [("no-media", "Nothing")]
    assert (found["podcast"]["id"], found["next_urls"]) == ("radio", [origin.address + OLDER])
    assert found["unread"] == {"list.date": "2 March"}


def test_a_page_without_episodes_is_told_with_the_reason_that_is_likely(
    alone: Commands, radio: Path, origin: RunningOrigin
) -> None:
    ended = alone.run("site-check", str(radio), origin.address + page("list", "<div id=app></div>"))
    assert ended.status == 1, ended.err
    assert "No episodes: nothing that leads to a file was found. What only a script or a click shows" in ended.out


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/other", 2, "/other is matched by no `url` of sites/radio.toml, which must match a whole address; correct"),
        ("/bytes/1.list?status=404", 1, "127.0.0.1 answered 404 Not Found"),
        ("/bytes/1.list?location=/feed.xml", 2, "/feed.xml is matched by no `url` of sites/radio.toml"),
        ("/bytes/9.list?", 2, "is matched by no `url`"),
        ("/bytes/1.list?type=image/png&body=iVBORw0KGgoAAAAN", 1, "is no web page; a feed or a file needs no"),
        ("/bytes/1.list?type=text/xml&body=PHJzcy8%2B", 1, "is no web page; a feed or a file needs no"),
        (
            "/bytes/1.episode?type=text/html&body=eA==",
            1,
            "has no address of a file where `episode.audio` of",
        ),
    ],
)
def test_a_page_that_cannot_be_read_is_told_in_a_sentence(
    alone: Commands, radio: Path, origin: RunningOrigin, path: str, status: int, sentence: str
) -> None:
    assert radio.exists()
    ended = alone.run("site-check", "sites/radio.toml", origin.address + path)
    assert sentence in ended.err
    assert (ended.status, ended.out, ended.err.count("\n")) == (status, "", 1)


def test_wrong_usage_is_told(alone: Commands, radio: Path) -> None:
    assert "site-check needs a file that describes a site" in alone.run("site-check", str(radio)).err
    ended = alone.run("site-check", str(radio), "ftp://radio.example/")
    assert (ended.status, ended.err.count("\n")) == (2, 1)
    ended = alone.run("site-check", "none.toml", "http://radio.example/")
    assert (
        ended.err
        == "podcrawler: none.toml cannot be read: No such file or directory; name a file that describes a site.\n"
    )
    assert ended.status == 2


def test_a_setting_that_is_wrong_is_told(alone: Commands, radio: Path, origin: RunningOrigin) -> None:
    ended = alone.run("site-check", str(radio), origin.address + NEWEST, PODCRAWLER_PROXY="socks://x")
    assert ended.status == 2
    assert "PODCRAWLER_PROXY" in ended.err
    assert "Traceback" not in ended.err


def test_a_site_of_a_file_is_archived(commands: Commands, radio: Path, origin: RunningOrigin) -> None:
    """Its list, the next page, and the audio that only the page of an episode has."""
    # The robots.txt of the origin is about these pages.
    commands.environment["PODCRAWLER_ROBOTS"] = "False"
    result = commands.run("archive", origin.address + NEWEST, PODCRAWLER_SITES=str(radio.parent))
    assert result.status == 0, result.err
    assert "Radio: radio" in result.out
    assert commands.files() == {"radio/e-1.First.mp3": 10, "radio/e-2.Sécond.mp3": 20, "radio/e-3.Third.mp3": 30}
    again = commands.run("archive", origin.address + NEWEST, "-s", "PODCRAWLER_SITES=sites")
    assert "all 3 episodes are already there" in again.out


def test_parse_shows_a_site_of_a_file(alone: Commands, radio: Path, origin: RunningOrigin) -> None:
    ended = alone.run("parse", origin.address + NEWEST, "-s", f"PODCRAWLER_SITES={radio.parent}")
    assert ended.status == 0, ended.err
    assert "'id': 'e-3'" in ended.out


@pytest.mark.parametrize(
    "command", [("archive",), ("crawl", "episodes", "-a"), ("crawl", "podcasts", "-a"), ("parse",)]
)
def test_a_wrong_file_ends_a_command_before_anything_is_fetched(
    alone: Commands, radio: Path, origin: RunningOrigin, command: tuple[str, ...]
) -> None:
    radio.write_text("x = 1", encoding="utf-8")
    address = origin.address + NEWEST
    arguments = [f"address={address}"] if "-a" in command else [address]
    ended = alone.run(*command, *arguments, "-s", "PODCRAWLER_SITES=sites")
    assert ended.status == 2
    assert "podcrawler: sites/radio.toml: url is missing; add it, docs/toml-sites.md describes the keys.\n" in ended.err
    assert "Traceback" not in ended.err
    assert origin.counts() == {}
