"""``publish --base-url``: an archive as feeds, made of its files alone, that players and podcrawler itself read."""

import fcntl
import hashlib
import os
import re
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import feedparser
import podcastparser
import pytest
from lxml import etree
from scrapy.http import XmlResponse

from podcrawler.details import (
    Category,
    Chapter,
    ChapterFile,
    Funding,
    Image,
    License,
    Location,
    Person,
    Recipient,
    Soundbite,
    Trailer,
    Transcript,
    Txt,
    UpdateFrequency,
    Value,
)
from podcrawler.publish.elements import NAMESPACES
from podcrawler.publish.media_types import media_type
from podcrawler.sites.feed import Feed
from podcrawler.store import sidecar
from tests.archives import put_episode, put_podcast
from tests.builders import file_sha256
from tests.conftest import Commands
from tests.disks import fill, small_disk
from tests.publish.reading import BASE, SHOW, attributes, channel, links, publish, texts
from tests.serving import serving_folder

MP3 = (Path(__file__).parent.parent / "store" / "files" / "tagged.mp3").read_bytes()
#: Texts that somebody may have chosen to break what shows them.
HOSTILE = [
    "標題：第一回 😀",
    "]]> <b>&amp;</b> <!-- \x00\x08\x1b[31m\x7f\ufffe",
    "‮txt.3pm & \"quotes\" 'too' \r\n tab\t",
    "",
    "%2e%2e%2f #?&;=+",
]


@pytest.fixture
def archive(commands: Commands) -> Path:
    return commands.archive


@pytest.fixture
def hostile(archive: Path) -> Path:
    """An archive of episodes with all kinds of texts, one of which has no date."""
    put_podcast(archive, title=HOSTILE[1], description=HOSTILE[1], language="zh-HK", image="https://example.org/i.png")
    for number, text in enumerate(HOSTILE, 1):
        put_episode(
            archive,
            MP3 + bytes([number]),
            number=number,
            title=text,
            guid=text.strip(),
            description=text,
            content=f"<p>{text}</p>",
            page=f"https://example.org/{number}",
            duration=61,
            published=None if number == 2 else datetime(2026, 1, number, tzinfo=UTC),
        )
    return archive


def feed_of(archive: Path, name: str = "feed.xml") -> Path:
    return archive / SHOW / name


def items(archive: Path) -> list[Any]:
    return list(channel(feed_of(archive)).findall("item"))


def test_podcrawler_archives_its_own_feed(commands: Commands, archive: Path, tmp_path: Path) -> None:
    """Of an archive on a plain web server, another one gets the same files under the same names."""
    put_podcast(archive, title="標題 & more", guid="917393e3-1b1e-5cef-ace4-edaa54e1f810")
    (archive / SHOW).rename(archive / "show-917393e3")
    for number, text in enumerate(HOSTILE, 1):
        put_episode(
            archive, MP3 + bytes([number]), "show-917393e3", number, title=text, guid=f"{number} {text.strip()}"
        )
    with serving_folder(archive) as address:
        publish(commands, base=address)
        ended = commands.run("archive", f"{address}show-917393e3/feed.xml", "--to", str(tmp_path / "second"))
    assert ended.status == 0, ended.out + ended.err
    first, second = (
        sorted(file_sha256(path) for path in folder.glob("*/*.mp3")) for folder in (archive, tmp_path / "second")
    )
    assert len(first) == len(HOSTILE)
    assert second == first


def test_pages_of_a_long_podcast_are_crawled_to_their_end(commands: Commands, archive: Path, tmp_path: Path) -> None:
    put_podcast(archive)
    for number in range(1, 1102):
        put_episode(archive, MP3, number=number, guid=f"g-{number}")
    with serving_folder(archive) as address:
        publish(commands, base=address)
        ended = commands.run(
            "archive", f"{address}{SHOW}/feed.xml", "--to", str(tmp_path / "second"), "--dry-run", "--json"
        )
    assert sum('"g-' in line for line in ended.out.splitlines()) == 1101, ended.out[:2000] + ended.err


def test_apps_read_the_feed(commands: Commands, hostile: Path) -> None:
    publish(commands)
    names = {
        unquote(urlsplit(one["url"]).path).rpartition("/")[2]
        for one in attributes(channel(feed_of(hostile)), "item/enclosure")
    }
    assert names == {path.name for path in hostile.glob("*/*.mp3")}
    ours = [
        (texts(item, "title")[0], (texts(item, "pubDate") or [""])[0], attributes(item, "enclosure")[0]["url"])
        for item in items(hostile)
    ]
    raw = feed_of(hostile).read_bytes()
    read = feedparser.parse(raw)
    assert not read.bozo, read.get("bozo_exception")
    theirs = [(entry.title, entry.get("published", ""), entry.enclosures[0].href) for entry in read.entries]
    assert [one[1:] for one in theirs] == [one[1:] for one in ours]
    # It takes what looks like tags out of titles.
    assert theirs[-1][0] == ours[-1][0] == HOSTILE[0]
    others = podcastparser.parse(BASE, BytesIO(raw))["episodes"]
    found = {one["enclosures"][0]["url"]: one for one in others}
    assert found.keys() == {url for _, _, url in ours}
    for title, date, url in ours:
        assert found[url]["title"] == re.sub(r"\s+", " ", title).strip()
        assert found[url]["published"] == (parsedate_to_datetime(date).timestamp() if date else 0)
        assert (found[url]["enclosures"][0]["mime_type"], found[url]["total_time"]) == ("audio/mpeg", 61)


def test_the_feed_keeps_the_rules_of_validators(commands: Commands, hostile: Path) -> None:
    publish(commands)
    path = feed_of(hostile)
    found = channel(path)
    raw = path.read_bytes()
    assert raw.startswith(b"<?xml version='1.0' encoding='utf-8'?>")
    assert found.getparent().get("version") == "2.0"
    for name in ("title", "link", "description", "language", "podcast:guid", "generator"):
        assert len(texts(found, name)) == 1, name
        assert texts(found, name)[0], name
    assert links(found)["self"] == "feed.xml"
    assert len(found.findall("fh:complete", NAMESPACES)) == 1
    guids = texts(found, "item/guid")
    assert len(guids) == len(set(guids)) == len(HOSTILE)
    for item in found.findall("item"):
        assert len(texts(item, "title")) == 1
        assert texts(item, "title")[0]
        (guid,) = item.findall("guid")
        assert guid.get("isPermaLink") == "false"
        (enclosure,) = attributes(item, "enclosure")
        name = unquote(enclosure["url"]).rpartition("/")[2]
        assert enclosure["url"].isascii()
        assert enclosure["url"].startswith(f"{BASE}{SHOW}/")
        assert enclosure["url"].endswith(".mp3")
        assert enclosure["type"] == media_type(name) == "audio/mpeg"
        assert int(enclosure["length"]) == (hostile / SHOW / name).stat().st_size
        for date in texts(item, "pubDate"):
            assert parsedate_to_datetime(date).tzinfo
    absolute = [
        value for element in found.iter() for name, value in element.attrib.items() if name in ("url", "href", "uri")
    ]
    assert absolute
    assert all(urlsplit(value).scheme in ("http", "https") and urlsplit(value).netloc for value in absolute)
    assert [len(texts(item, "pubDate")) for item in items(hostile)].count(0) == 1


def test_all_that_is_told_of_podcast_and_episodes_is_in_the_feed(commands: Commands, archive: Path) -> None:
    """podcrawler's own reader finds again what the sidecars say."""
    common: dict[str, Any] = {
        "description": "<p>A & B</p>",
        "subtitle": "sub",
        "summary": "sum",
        "explicit": False,
        "block": True,
        "persons": [Person("Ann", "guest", "cast", "https://example.org/a.png", "https://example.org/ann")],
        "keywords": ["one", "two"],
        "license": License("cc-by-4.0", "https://example.org/license"),
        "images": [Image("https://example.org/w.png", "a lamp", "16/9", 160, 90, "image/png", "banner")],
        "funding": [Funding("https://example.org/give", "give")],
        "value": [Value("lightning", "keysend", 0.00000005, [Recipient("Ann", "node", "02a", "k", "v", 95, True)])],
        "locations": [Location("香港", "subject", "geo:22.3,114.2", "R913110", "HK")],
        "txt": [Txt("proof", "verify")],
        "copyright": "© Ann",
    }
    podcast = put_podcast(
        archive,
        guid="917393e3-1b1e-5cef-ace4-edaa54e1f810",
        link="https://example.org/",
        image="https://example.org/cover.png",
        language="zh-Hant",
        author="Ann",
        authors=[Person("Ann"), Person("Bob")],
        categories=[Category("Arts", ["Books", "Food"]), Category("News")],
        type="serial",
        medium="podcast",
        complete=True,
        blocked_on=["spotify"],
        locked=True,
        locked_owner="ann@example.org",
        owner=Person("Ann", email="ann@example.org"),
        trailers=[Trailer("https://example.org/t.mp3", "T", datetime(2026, 1, 2, tzinfo=UTC), 9, "audio/mpeg", 1)],
        update_frequency=UpdateFrequency("weekly", False, "2026-01-01T00:00:00Z", "FREQ=WEEKLY"),
        **common,
    )
    told: dict[str, Any] = {
        "page": "https://example.org/1",
        "published": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=8))),
        "duration": 3661,
        "image": "https://example.org/1.png",
        "content": "<p>long</p>",
        "season": 2,
        "season_name": "Two",
        "episode": 3,
        "episode_display": "Ch.3",
        "episode_type": "bonus",
        "language": "en",
        "authors": [Person("Ann"), Person("Bob")],
        "categories": [Category("Arts")],
        "transcripts": [Transcript("https://example.org/1.vtt", "text/vtt", "en", "captions")],
        "chapters_file": ChapterFile("https://example.org/1.json", "application/json+chapters"),
        "chapters": [Chapter(0, "Intro"), Chapter(3661.5, "End", "https://example.org/e", "https://example.org/e.png")],
        "soundbites": [Soundbite(10.5, 20, "bite")],
        **common,
    }
    path = put_episode(archive, MP3, title="One", guid="https://example.org/1", **told)
    publish(commands)
    response = XmlResponse(f"{BASE}{SHOW}/feed.xml", body=feed_of(archive).read_bytes())
    listing = Feed().parse_list(response)
    assert listing.podcast
    assert replace(listing.podcast, id="", address="") == replace(podcast, id="", address="")
    (episode,) = listing.episodes
    expected = sidecar.loads(path.with_name(f"{path.name}.json").read_bytes()).episode
    names = [name for name in told if name != "alternate_enclosures"]
    assert {name: getattr(episode, name) for name in names} == {name: getattr(expected, name) for name in names}
    assert (episode.guid, attributes(items(archive)[0], "guid")) == ("https://example.org/1", [{"isPermaLink": "true"}])


def test_the_latest_version_is_the_enclosure_and_every_file_has_its_hash(commands: Commands, archive: Path) -> None:
    put_podcast(archive)
    old = put_episode(archive, b"old")
    described = sidecar.loads(old.with_name(f"{old.name}.json").read_bytes())
    new = old.with_name("1.Episode 1.v2.mp3")
    new.write_bytes(b"newer")
    facts = sidecar.FileFacts(new.name, 5, hashlib.sha256(b"newer").hexdigest())
    told = replace(described, file=facts, episode=replace(described.episode, version=2))
    new.with_name(f"{new.name}.json").write_bytes(sidecar.dumps(told))
    publish(commands)
    (item,) = items(archive)
    (enclosure,) = attributes(item, "enclosure")
    assert (enclosure["url"], enclosure["length"]) == (f"{BASE}{SHOW}/1.Episode%201.v2.mp3", "5")
    alternates = item.findall("podcast:alternateEnclosure", NAMESPACES)
    found = [
        (one.get("default"), one.get("title"), attributes(one, "podcast:source"), attributes(one, "podcast:integrity"))
        for one in alternates
    ]

    def expected(name: str, content: bytes) -> tuple[Any, Any]:
        digest = b64encode(hashlib.sha256(content).digest()).decode()
        return [{"uri": f"{BASE}{SHOW}/{name}"}], [{"type": "sri", "value": f"sha256-{digest}"}]

    assert found == [
        ("true", None, *expected("1.Episode%201.v2.mp3", b"newer")),
        (None, "Version 1", *expected("1.Episode%201.mp3", b"old")),
    ]
    old.write_bytes(b"old, with tags")
    publish(commands)
    alternates = items(archive)[0].findall("podcast:alternateEnclosure", NAMESPACES)
    assert [len(attributes(one, "podcast:integrity")) for one in alternates] == [1, 0], "its hash is another one now"
    assert alternates[1].get("length") == str(len(b"old, with tags"))


def test_an_episode_whose_guid_others_have_is_known_by_its_id(commands: Commands, archive: Path) -> None:
    put_podcast(archive)
    for number, guid in ((1, "same"), (2, "same"), (3, ""), (4, "own")):
        put_episode(archive, MP3, number=number, guid=guid)
    publish(commands)
    assert texts(channel(feed_of(archive)), "item/guid") == ["own", "3", "2", "1"]


def times(archive: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in archive.rglob("*.xml")}


def test_a_new_episode_changes_the_first_page_alone(commands: Commands, archive: Path) -> None:
    put_podcast(archive)
    for number in range(1, 1502):
        put_episode(archive, b"x", number=number)
    assert "1501 episodes; 4 files written, 0 unchanged." in publish(commands).out
    pages = {name: channel(feed_of(archive, name)) for name in ("feed.xml", "feed-1.xml", "feed-2.xml")}
    assert {name: len(page.findall("item")) for name, page in pages.items()} == {
        "feed.xml": 501, "feed-1.xml": 500, "feed-2.xml": 500,
    }  # fmt: skip
    assert {name: links(page) for name, page in pages.items()} == {
        "feed.xml": {"self": "feed.xml", "prev-archive": "feed-2.xml", "via": "https://example.org/feed.xml"},
        "feed-1.xml": {
            "self": "feed-1.xml", "current": "feed.xml", "next-archive": "feed-2.xml",
            "via": "https://example.org/feed.xml",
        },
        "feed-2.xml": {
            "self": "feed-2.xml", "current": "feed.xml", "prev-archive": "feed-1.xml",
            "via": "https://example.org/feed.xml",
        },
    }  # fmt: skip
    assert [len(page.findall("{http://purl.org/syndication/history/1.0}archive")) for page in pages.values()] == [
        0,
        1,
        1,
    ]
    before = times(archive)
    # Nothing else is read: it could not be.
    for path in archive.glob(f"{SHOW}/1[0-9].*.json"):
        content, time = path.read_bytes(), path.stat().st_mtime_ns
        path.write_bytes(b"x" * len(content))
        os.utime(path, ns=(time, time))
    put_episode(archive, b"x", number=1502)
    assert "1502 episodes; 1 file written, 3 unchanged." in publish(commands).out
    assert {name for name, time in times(archive).items() if time != before[name]} == {"feed.xml"}
    assert "0 files written, 4 unchanged." in publish(commands).out
    for number in range(400, 1503):
        for path in archive.glob(f"{SHOW}/{number}.*"):
            path.unlink()
    publish(commands, status=1)
    assert times(archive).keys() == {"feed.xml", "opml.xml"}, "pages that are no more are removed"


def test_what_is_lost_is_made_again(commands: Commands, archive: Path) -> None:
    put_podcast(archive)
    put_episode(archive, b"x")
    publish(commands)
    before, content = times(archive), feed_of(archive).read_bytes()
    for path in archive.glob(".podcrawler/publish/*"):
        path.write_text("{")
    assert "0 files written, 2 unchanged" in publish(commands).out
    assert times(archive) == before, "whoever looks at times sees no change"
    feed_of(archive).write_text("broken")
    publish(commands)
    assert feed_of(archive).read_bytes() == content
    assert [path.name for path in archive.rglob(".*.new")] == []


def test_feeds_may_go_elsewhere_and_an_archive_that_is_for_reading_alone_stays_as_it_is(
    commands: Commands, archive: Path, tmp_path: Path
) -> None:
    put_podcast(archive)
    put_episode(archive, b"x")
    before = sorted(archive.rglob("*"))
    target, state = tmp_path / "web" / "feeds", tmp_path / "no folder"
    state.write_text("")
    publish(commands, "--to", str(target), "-s", f"PODCRAWLER_STATE_DIR={state}")
    assert sorted(archive.rglob("*")) == before
    assert sorted(path.name for path in target.rglob("*.xml")) == ["feed.xml", "opml.xml"]


def test_the_list_of_feeds(commands: Commands, archive: Path) -> None:
    for podcast_id, title in (("b-1", "乙 & more"), ("a-1", "\x00甲")):
        put_podcast(archive, podcast_id, title=title, link="https://example.org/")
        put_episode(archive, b"x", podcast_id)
    (archive / "notes").mkdir()
    publish(commands)
    raw = (archive / "opml.xml").read_bytes()
    outlines = attributes(etree.fromstring(raw), "body/outline")
    assert [(one["text"], one["xmlUrl"]) for one in outlines] == [
        ("乙 & more", f"{BASE}b-1/feed.xml"),
        ("甲", f"{BASE}a-1/feed.xml"),
    ]
    assert all(one["type"] == "rss" and one["htmlUrl"] == "https://example.org/" for one in outlines)
    put_episode(archive, b"x", "b-1", 2)
    put_episode(archive, b"x", "a-1", 2)
    assert "2 episodes; 1 file written, 1 unchanged." in publish(commands, "b-1").out


def test_what_cannot_be_published_is_told(commands: Commands, archive: Path) -> None:
    put_podcast(archive)
    paths = [put_episode(archive, b"x", number=number) for number in range(1, 6)]
    sidecars = [path.with_name(f"{path.name}.json") for path in paths]
    paths[0].unlink()
    sidecars[1].unlink()
    sidecars[2].write_text("{")
    paths[3].unlink()
    paths[3].symlink_to("/etc/passwd")
    (archive / SHOW / "podcast.json").write_text("{")
    told = publish(commands, status=1).out
    for sentence in (
        "1.Episode 1.mp3: there is a sidecar, but no such file",
        "2.Episode 2.mp3: it has no sidecar",
        "3.Episode 3.mp3: its sidecar cannot be read (Invalid JSON",
        "4.Episode 4.mp3: it is no file",
        "podcast.json: its sidecar cannot be read (Invalid JSON",
    ):
        assert f"left out: {SHOW}/{sentence}" in told
    assert texts(channel(feed_of(archive)), "item/title") == ["Episode 5"]
    assert texts(channel(feed_of(archive)), "title") == [SHOW]


def test_a_sidecar_that_makes_no_sense_leaves_out_its_episode_alone(commands: Commands, archive: Path) -> None:
    put_podcast(archive)
    put_episode(archive, b"x", chapters=[Chapter(1e300), Chapter(float("1e18"), "\x00")])
    put_episode(archive, b"x", number=2, published=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))))
    path = put_episode(archive, b"x", number=3)
    beside = path.with_name(f"{path.name}.json")
    beside.write_text(beside.read_text().replace('"season"', '"x"').replace('"sha256": "', '"sha256": "zz'))
    publish(commands)
    assert set(texts(channel(feed_of(archive)), "item/title")) == {"Episode 1", "Episode 2", "Episode 3"}


def test_the_address_of_a_private_feed_is_not_published(commands: Commands, archive: Path) -> None:
    put_podcast(archive, address="https://example.org/feed/0f8fad5b-d9cb-469f-a165-70867728950e")
    put_episode(archive, b"x")
    publish(commands)
    assert b"0f8fad5b" not in feed_of(archive).read_bytes() + (archive / "opml.xml").read_bytes()


def test_two_that_write_the_same_file_do_not_mix(commands: Commands, archive: Path) -> None:
    put_podcast(archive)
    put_episode(archive, b"x")
    fresh = archive / SHOW / ".feed.xml.new"
    fresh.write_text("left by a process that was killed")
    with fresh.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "Another process is writing feed.xml; run this again" in publish(commands, status=2).err
    publish(commands)
    assert (fresh.exists(), len(items(archive))) == (False, 1)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("", "publish writes feeds (--base-url https://example.com/archive/) and web pages"),
        ("--base-url x --tree {podcast}.{ext}", "x cannot be the address of the archive: it is no address such as"),
        ("--base-url https://e.org --tree {podcast}.{ext}", "which goes with none of these"),
        ("--base-url ftp://example.org/", "it is no address such as https://example.com/archive/"),
        ("--base-url https://a:b@example.org/", "it has a login, which everybody who reads the feeds would have"),
        ("--base-url https://example.org/?a=b", "so it can have no ? and no #"),
        ("--base-url https://example.org:x/", "it is no address such as"),
        (
            "--base-url https://example.org/ show-0a1b2c3e",
            f"did you mean {SHOW}?",
        ),
        ("--base-url https://example.org/ -s FILES_STORE=nowhere", "There is no archive in nowhere"),
        ("--base-url https://example.org/ -s FILES_STORE=s3://bucket", "The store s3://bucket is no folder"),
        ("--base-url https://example.org/ --to archive/opml.xml", "archive/opml.xml cannot be used (File exists)"),
    ],
)
def test_wrong_use_ends_in_a_sentence(commands: Commands, archive: Path, words: str, sentence: str) -> None:
    put_podcast(archive)
    (archive / "opml.xml").touch()
    ended = commands.run("publish", *words.split())
    assert (ended.status, sentence in ended.err, "Traceback" in ended.err) == (2, True, False), ended.err


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("https://例子.example:8080", "https://xn--fsqu00a.example:8080/"),
        ("http://[::1]/播客/a b%20c", "http://[::1]/"),
        ("https://example.org/播客/a%20b///", "https://example.org/%E6%92%AD%E5%AE%A2/a%20b/"),
    ],
)
def test_addresses_are_ascii(commands: Commands, archive: Path, base: str, expected: str) -> None:
    put_podcast(archive)
    put_episode(archive, b"x", title="標 題")
    if " " in base:
        assert commands.run("publish", "--base-url", base).status == 2
        return
    publish(commands, base=base)
    assert attributes(items(archive)[0], "enclosure")[0]["url"] == f"{expected}{SHOW}/1.%E6%A8%99%20%E9%A1%8C.mp3"


def test_a_podcast_that_is_gone_has_no_feed_and_what_is_somebody_elses_stays(commands: Commands, archive: Path) -> None:
    put_podcast(archive)
    path = put_episode(archive, b"x")
    (archive / "notes").mkdir()
    (archive / "notes" / "feed.xml").write_text("mine")
    publish(commands)
    path.unlink()
    path.with_name(f"{path.name}.json").unlink()
    publish(commands)
    assert sorted(str(one.relative_to(archive)) for one in archive.rglob("*.xml")) == ["notes/feed.xml", "opml.xml"]
    assert attributes(etree.parse(str(archive / "opml.xml")), "body/outline") == []


def test_a_folder_that_cannot_be_written_is_named(commands: Commands, archive: Path) -> None:
    put_podcast(archive)
    put_episode(archive, b"x")
    with small_disk(commands.folder / "web", 100_000) as web:
        filler = fill(web)
        assert f"web/{SHOW}" in publish(commands, "--to", "web", status=2).err
        filler.write_bytes(bytes(filler.stat().st_size - 16_384))
        (web / SHOW).mkdir(exist_ok=True)
        put_podcast(archive, description="x" * 100_000)
        told = publish(commands, "--to", "web", status=2).err
        assert f"web/{SHOW}/feed.xml cannot be written, because its disk is full; free some space" in told
        assert list((web / SHOW).iterdir()) == [], "no part of a file is left"


def test_files_without_sidecars_are_told_in_one_line(commands: Commands, archive: Path) -> None:
    for number in range(1, 4):
        path = put_episode(archive, b"x", number=number)
        path.with_name(f"{path.name}.json").unlink()
    told = publish(commands, status=1).out
    assert f"left out: {SHOW}/1.Episode 1.mp3 and 2 more: they have no sidecars\n" in told
    assert not list(archive.glob(f"{SHOW}/*.xml"))
