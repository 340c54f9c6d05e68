"""What a node fetches beside the media files that it archives."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from podcrawler.details import Chapter
from tests.archives import assert_described, events_of
from tests.builders import seed
from tests.changing_web import AUDIO, Web, changing_web
from tests.conftest import Client, Commands, Result, until
from tests.media.beside import (
    ALL,
    CHAPTERS,
    PICTURE,
    TRANSCRIPT,
    asked,
    beside,
    chapters,
    cover,
    everything,
    feed_of,
    item,
    serving,
    told,
    transcript,
)
from tests.origin import RunningOrigin
from tests.stand_in import Page
from tests.store.record_files import FILES


@pytest.fixture
def web() -> Iterator[Web]:
    with changing_web() as web:
        yield web


def drain(fleet: Commands, redis: Client, web: Web, *items: str, options: tuple[str, ...] = ALL) -> Result:
    """Archive a feed of these items."""
    if items:
        web.pages["/feed.xml"] = feed_of(*items)
        seed(redis, f"{web.address}/feed.xml")
    ended = fleet.drain("-s", "PODCRAWLER_RETRY_DELAY=0.01", *options)
    assert ended.status == 0, ended.err
    return ended


@pytest.mark.parametrize("size", [20_000, 2_000_000])
def test_a_node_fetches_what_the_feed_names_beside_a_file(fleet: Commands, redis: Client, web: Web, size: int) -> None:
    audio = (AUDIO.body * (size // len(AUDIO.body) + 1))[:size]
    assert isinstance(audio, bytes)
    drain(fleet, redis, web, everything(web, audio))
    assert_described(fleet.archive)
    found = beside(fleet)
    assert found == {
        "one.One more.jpg": PICTURE,
        "one.One more.zh-Hant.vtt": TRANSCRIPT,
        "one.One more.zh-Hant.2.vtt": TRANSCRIPT + b"\n",
        "one.One more.srt": web.pages["/one.srt"].body,
        "one.One more.html.txt": web.pages["/one.html"].body,
        "one.One more.chapters.json": CHAPTERS,
    }
    sidecar = told(fleet)
    assert sidecar.absent == []
    assert [(one.kind, one.name, one.url, one.type, one.language) for one in sidecar.beside] == [
        (kind, f"one.One more.{ending}", f"{web.address}{path}", media_type, language)
        for kind, ending, path, media_type, language in (
            ("cover", "jpg", "/one.jpg", "image/jpeg", ""),
            ("transcript", "zh-Hant.vtt", "/zh.vtt", "text/vtt", "zh-Hant"),
            ("transcript", "zh-Hant.2.vtt", "/zh2.vtt", "text/vtt", "zh-Hant"),
            ("transcript", "srt", "/one.srt", "application/x-subrip", ""),
            ("transcript", "html.txt", "/one.html", "text/html", ""),
            ("chapters", "chapters.json", "/one.json", "application/json+chapters", ""),
        )
    ]
    (folder,) = (path.parent for path in fleet.archive.glob("[!.]*/events.jsonl"))
    assert [event["file"] for event in events_of(folder)] == [sidecar.file.name, *(one.name for one in sidecar.beside)]
    assert {event["event"] for event in events_of(folder)} == {"captured"}
    assert list(fleet.archive.rglob("*.part")) == []


def test_without_the_setting_nothing_is_fetched(fleet: Commands, redis: Client, web: Web) -> None:
    """Nor later, for what was finished without it."""
    drain(fleet, redis, web, everything(web), options=())
    drain(fleet, redis, web, everything(web))
    assert asked(web) == ["/one.mp3"]
    assert beside(fleet) == {}


def test_each_kind_is_for_whoever_wants_it(fleet: Commands, redis: Client, web: Web) -> None:
    drain(fleet, redis, web, everything(web), options=("-s", "PODCRAWLER_BESIDE=Chapters, cover"))
    assert sorted(asked(web)) == ["/one.jpg", "/one.json", "/one.mp3"]


def test_what_cannot_be_had_is_told_and_never_fails_the_episode(fleet: Commands, redis: Client, web: Web) -> None:
    at = web.address
    wrong = {
        "/page.jpg": b"<!doctype html><title>Sorry</title>",
        "/picture.svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        "/page.vtt": b"<!doctype html><title>Sorry</title>",
        "/list.json": b"[1, 2]",
    }
    web.pages |= {
        "/one.mp3": AUDIO,
        "/two.mp3": AUDIO,
        **{path: Page(body, "image/jpeg") for path, body in wrong.items()},
    }
    refused = ["http://10.0.0.1/cover.jpg", f"{at}/gone.vtt", f"{at}/page.vtt", f"{at}/list.json"]
    more = cover(refused[0]) + "".join(map(transcript, refused[1:3])) + chapters(refused[3])
    log = drain(fleet, redis, web, item("One", f"{at}/one.mp3", more)).err
    sidecar = told(fleet)
    assert (sidecar.beside, beside(fleet)) == ([], {})
    assert [one.url for one in sidecar.absent] == refused
    private, gone, page, listed = (one.reason for one in sidecar.absent)
    assert "PODCRAWLER_ALLOW_HOSTS=10.0.0.1" in private
    assert "404 Not Found" in gone
    assert page == "127.0.0.1 sent a web page instead of a transcript."
    assert listed.startswith("127.0.0.1 sent another JSON document")
    assert all(
        f"archived without its {what}: {reason}" in log for what, reason in (("cover", private), ("transcript", gone))
    )
    assert "'podcrawler/beside_absent': 4" in log
    (folder,) = (path.parent for path in fleet.archive.glob("[!.]*/events.jsonl"))
    for path in folder.iterdir():
        path.unlink()
    redis.flushall()
    drain(fleet, redis, web, item("Two", f"{at}/two.mp3", cover(f"{at}/page.jpg") + cover(f"{at}/picture.svg")))
    assert [one.url for one in told(fleet).absent] == [f"{at}/page.jpg"]
    assert beside(fleet) == {}


@pytest.mark.parametrize(
    ("trouble", "words"), [({"fail_first": 1}, "answered 503"), ({"truncate": 99, "only_first": 1}, "and sent 99;")]
)
def test_what_may_be_had_later_is_tried_again_without_the_rest(
    fleet: Commands, redis: Client, web: Web, origin: RunningOrigin, trouble: dict[str, Any], words: str
) -> None:
    web.pages["/one.vtt"] = Page(TRANSCRIPT, "text/vtt")
    audio = f"{origin.address}/bytes/20000.mp3"
    busy = serving(origin, PICTURE, **trouble)
    more = cover(busy) + transcript(f"{web.address}/one.vtt") + transcript(f"{web.address}/gone.vtt")
    log = drain(fleet, redis, web, item("One", audio, more)).err
    assert re.search(f"The media file is archived; its cover is not yet: 127.0.0.1 .*{words}", log)
    # It is no file that was there before.
    assert ("already there" in log, "'podcrawler/finished': 1" in log) == (False, True)
    assert beside(fleet) == {"one.One.jpg": PICTURE, "one.One.vtt": TRANSCRIPT}
    assert_described(fleet.archive)
    assert asked(web) == ["/one.vtt", "/gone.vtt"]
    assert origin.counts() == {"/bytes/20000.mp3": 1, busy.removeprefix(origin.address): 2}
    assert [one.url for one in told(fleet).absent] == [f"{web.address}/gone.vtt"]


def test_with_the_last_try_the_episode_is_finished_without(
    fleet: Commands, redis: Client, web: Web, origin: RunningOrigin
) -> None:
    web.pages["/one.mp3"] = AUDIO
    busy = serving(origin, PICTURE, status=500)
    log = drain(
        fleet,
        redis,
        web,
        item("One", f"{web.address}/one.mp3", cover(busy)),
        options=(*ALL, "-s", "PODCRAWLER_MAX_TRIES=2"),
    ).err
    assert "will be tried again" in log
    (absent,) = told(fleet).absent
    assert "answered 500" in absent.reason
    assert (list(origin.counts().values()), web.files()) == ([2], ["/one.mp3"])


@pytest.mark.fresh
def test_a_node_that_is_killed_leaves_nothing_half_done(
    fleet: Commands, redis: Client, web: Web, origin: RunningOrigin
) -> None:
    """In the middle of a transcript; the next node fetches the rest of that, and nothing that is there."""
    words = TRANSCRIPT + b"Never the same word again.\n" * 100_000
    slow = serving(origin, words, stall_after=2_000_000, etag='"1"')
    web.pages |= {"/one.mp3": AUDIO, "/one.jpg": Page(PICTURE, "image/jpeg")}
    # The address is longer than one in a feed may be.
    web.pages["/one.vtt"] = Page("", status=302, headers={"Location": slow})
    more = cover(f"{web.address}/one.jpg") + transcript(f"{web.address}/one.vtt")
    web.pages["/feed.xml"] = feed_of(item("One", f"{web.address}/one.mp3", more))
    seed(redis, f"{web.address}/feed.xml")
    leases = ("-s", "PODCRAWLER_LEASE_TIME=1", "-s", "PODCRAWLER_HEARTBEAT=0.3")
    with fleet.start("crawl", "episodes", *ALL, *leases) as node:
        until(lambda: origin.requests() and list(fleet.archive.rglob("*[!w].json.part")))
        node.kill()
        node.wait()
    assert [one.name for one in told(fleet).beside] == ["one.One.jpg"]
    origin.release()
    drain(fleet, redis, web, options=(*ALL, *leases))
    assert beside(fleet) == {"one.One.jpg": PICTURE, "one.One.vtt": words}
    assert_described(fleet.archive)
    assert asked(web) == ["/one.mp3", "/one.jpg", "/one.vtt", "/one.vtt"]
    first, second = origin.requests()
    assert "range" not in first.headers
    assert int(second.headers["range"].removeprefix("bytes=").removesuffix("-")) > 1_000_000
    assert list(fleet.archive.rglob("*.part")) == []


@pytest.mark.parametrize("is_told", [True, False])
def test_a_node_that_died_between_a_file_and_its_sidecar_is_made_up_for(
    fleet: Commands, redis: Client, web: Web, is_told: bool
) -> None:
    """``is_told``: the sidecar tells of a file that has no name yet; else there is a file of which nothing tells."""
    drain(fleet, redis, web, everything(web))
    before, files = told(fleet), beside(fleet)
    (path,) = fleet.archive.glob("[!.]*/one.One more.jpg")
    if is_told:
        path.unlink()
    else:
        sidecar = path.with_name("one.One more.mp3.json")
        raw = json.loads(sidecar.read_text(encoding="utf-8"))
        raw["beside"] = [one for one in raw["beside"] if one["kind"] != "cover"]
        sidecar.write_text(json.dumps(raw), encoding="utf-8")
        manifest = path.with_name("manifest-sha256.txt")
        lines = manifest.read_text(encoding="utf-8").splitlines(keepends=True)
        manifest.write_text("".join(line for line in lines if ".jpg" not in line), encoding="utf-8")
    web.asked.clear()
    redis.flushall()
    drain(fleet, redis, web, everything(web))
    assert asked(web) == ["/one.jpg"]
    assert beside(fleet) == files
    assert sorted(map(str, told(fleet).beside)) == sorted(map(str, before.beside))
    assert_described(fleet.archive)


def test_a_file_of_somebody_else_stays(fleet: Commands, redis: Client, web: Web) -> None:
    drain(fleet, redis, web, everything(web), options=())
    (path,) = fleet.archive.glob("[!.]*/one.One more.mp3")
    path.with_suffix(".jpg").write_bytes(b"mine")
    redis.flushall()
    drain(fleet, redis, web, everything(web), options=("-s", "PODCRAWLER_BESIDE=cover"))
    assert beside(fleet) == {"one.One more.jpg": b"mine", "one.One more.2.jpg": PICTURE}
    assert_described(fleet.archive)


def test_a_login_is_sent_and_told_to_nobody(fleet: Commands, redis: Client) -> None:
    with changing_web() as web:
        fleet.environment["http_proxy"] = web.address
        signed = "http://media.example/one.jpg?token=s3cr3t&size=1"
        enclosure = "http://media.example/one.mp3"
        web.pages = {enclosure: AUDIO, signed: Page(PICTURE, "image/jpeg")}
        address = "http://media.example/feed.xml"
        elsewhere = transcript("http://other.example/one.vtt")
        web.pages[address] = feed_of(item("One", enclosure, cover(signed) + elsewhere))
        seed(redis, address.replace("media", "ann:s3cr3t@media"))
        assert fleet.drain(*ALL).status == 0
        assert web.logins() == {"ann:s3cr3t": {address, enclosure, signed}}
        assert told(fleet).beside[0].url == "http://media.example/one.jpg?size=1"


def test_a_host_gets_no_more_connections_than_it_may_have(
    fleet: Commands, redis: Client, web: Web, origin: RunningOrigin
) -> None:
    """Of all leases together: the pictures of three episodes come from one host, and their audio from another."""
    at = origin.address.replace("127.0.0.1", "localhost")
    slow = [serving(origin, PICTURE, f"{number}.bin", rate=10_000).replace(origin.address, at) for number in range(3)]
    web.pages |= {f"/{number}.mp3": AUDIO for number in range(3)}
    items = [item(f"e{number}", f"{web.address}/{number}.mp3", cover(address)) for number, address in enumerate(slow)]
    hosts = fleet.folder / "hosts.toml"
    hosts.write_text("[localhost]\nconnections = 1\n", encoding="utf-8")
    drain(fleet, redis, web, *items, options=(*ALL, "-s", f"PODCRAWLER_HOSTS={hosts}"))
    assert len(list(fleet.archive.glob("[!.]*/*.jpg"))) == 3
    assert origin.most_at_host() == {"localhost": 1}


@pytest.mark.parametrize(("name", "padding"), [("chapters.mp3", 0), ("chapters.m4a", 2_000_000)])
def test_chapters_of_the_file_and_of_the_feed_are_told(
    fleet: Commands, redis: Client, web: Web, name: str, padding: int
) -> None:
    """Those of the file are read for whoever wants chapters; also after a node that died before it could tell them."""
    chaptered = (FILES / name).read_bytes() + bytes(padding)
    web.pages[f"/{name}"] = Page(chaptered, "audio/mpeg")
    simple = '<psc:chapters xmlns:psc="http://podlove.org/simple-chapters" version="1.2">'
    simple += '<psc:chapter start="00:00:05" title="Podlove" href="https://example.org/"/></psc:chapters>'
    items = [item("One", f"{web.address}/{name}", simple)]

    def starts(*options: str) -> list[tuple[float, str]]:
        drain(fleet, redis, web, *items, options=options)
        sidecar = told(fleet)
        assert sidecar.episode.chapters == [Chapter(5.0, "Podlove", "https://example.org/")]
        (path,) = fleet.archive.glob("[!.]*/one*.json")
        path.unlink()
        redis.flushall()
        return [(chapter.start, chapter.title) for chapter in sidecar.chapters]

    found = [(0.0, "Beginning"), (0.1, "第二章"), (0.25, "End")]
    assert starts() == []
    assert starts(*ALL) == found
    assert len(web.files()) <= 1
    for path in fleet.archive.glob("[!.]*/*"):
        path.unlink()
    assert starts(*ALL) == found


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-s", "PODCRAWLER_SIDECARS=0"), "PODCRAWLER_BESIDE needs sidecars"),
        (("-s", "PODCRAWLER_BESIDE=cover,songs"), "PODCRAWLER_BESIDE cannot be"),
    ],
)
def test_what_makes_no_sense_is_refused(fleet: Commands, options: tuple[str, ...], words: str) -> None:
    ended = fleet.run("crawl", "episodes", *ALL, *options)
    assert ended.status == 2
    assert words in ended.err
    assert "Traceback" not in ended.err
