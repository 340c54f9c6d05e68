"""``import --from``: the archive of another program becomes one of podcrawler's, and stays what it is."""

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.archives import assert_described, events_of
from tests.builders import file_sha256
from tests.changing_web import Web
from tests.conftest import Client, Commands, media_in
from tests.library.rivals import FEED, SHOW, TITLE, Left, pages
from tests.stand_in import Page
from tests.store.record_files import FILES

ANOTHER_DISK = Path("/dev/shm")


@pytest.fixture
def show(web: Web) -> Web:
    web.pages = pages()
    return web


def state_of(folder: Path) -> dict[str, tuple[str, int, int]]:
    """By path: what is in each file, its time, and how many names it has."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            told = path.stat()
            found[str(path.relative_to(folder))] = file_sha256(path), told.st_mtime_ns, told.st_nlink
    return found


def adopt(fleet: Commands, program: str, *more: str) -> str:
    """What ``import`` says of the folder ``old``."""
    result = fleet.run("import", "old", "--from", program, *more)
    assert (result.status, result.err) == (0, "")
    return result.out


@pytest.mark.parametrize(
    ("record", "missing"),
    [
        # Two downloads of one name at the same time: podcast-archiver keeps neither.
        ("podcast-archiver", {13, 14}),
        ("podcast-archiver-info", {13, 14}),
        ("gpodder", set()),
        # It keeps the one that the feed has first.
        ("podcast-dl", {13}),
        ("podcast-dl-meta", {13}),
    ],
)
def test_what_another_program_has_is_not_downloaded(
    fleet: Commands, show: Web, redis: Client, record: str, missing: set[int]
) -> None:
    program = record.removesuffix("-info").removesuffix("-meta")
    Left.load(record).unpack(fleet.folder / "old")
    before = state_of(fleet.folder / "old")
    addresses = [] if program == "gpodder" else [FEED]
    count = len(SHOW) - len(missing)
    assert f"{count} media files, {count} would be adopted (--dry-run); 0 files left out" in adopt(
        fleet, program, *addresses, "--dry-run"
    )
    assert (fleet.files(), redis.dbsize()) == ({}, 0)

    assert f"{count} adopted, {count} recorded as finished; 0 files left out." in adopt(fleet, program, *addresses)
    assert show.files() == []
    assert fleet.run("archive", FEED).status == 0
    assert sorted(show.files()) == sorted(told.url for told in SHOW if told.number in missing)
    assert {file_sha256(path) for path in media_in(fleet.archive)} == {told.sha256 for told in SHOW}
    assert_described(fleet.archive)
    (folder,) = fleet.archive.glob("night-*")
    assert [event["event"] for event in events_of(folder)].count("adopted") == count
    after = state_of(fleet.folder / "old")
    assert {path: told[:2] for path, told in after.items()} == {path: told[:2] for path, told in before.items()}
    assert {told[2] for path, told in after.items() if path.endswith(".mp3")} == {2}
    assert len(fleet.run("podcasts").out.splitlines()) == 1
    assert f"{count} were recorded before" in adopt(fleet, program, *addresses)


def test_a_podcast_that_is_there_gets_what_it_lacks(fleet: Commands, show: Web) -> None:
    Left.load("gpodder").unpack(fleet.folder / "old")
    assert fleet.run("archive", FEED, "--latest", "3").status == 0
    show.asked.clear()
    assert "11 adopted, 11 recorded as finished; 3 were recorded before" in adopt(fleet, "gpodder")
    assert fleet.run("archive", FEED).status == 0
    assert show.files() == []
    assert len(list(fleet.archive.glob("night-*"))) == 1
    assert_described(fleet.archive)


def test_episodes_are_known_again_when_the_feed_has_changed(fleet: Commands, show: Web) -> None:
    Left.load("gpodder").unpack(fleet.folder / "old")
    adopt(fleet, "gpodder")
    (podcast,) = map(json.loads, fleet.run("podcasts", "--json").out.splitlines())
    assert (podcast["title"], podcast["address"], podcast["episodes"]["finished"]) == (TITLE, FEED, 14)
    feed = show.pages[FEED].body
    assert isinstance(feed, str)
    show.pages[FEED] = Page(feed.replace(">ep-1<", ">renamed<"), "application/rss+xml")
    show.asked.clear()
    assert fleet.run("archive", FEED).status == 0
    assert show.files() == []


def test_the_record_of_redis_may_be_lost(fleet: Commands, show: Web, redis: Client) -> None:
    Left.load("gpodder").unpack(fleet.folder / "old")
    adopt(fleet, "gpodder")
    before = state_of(fleet.archive)
    redis.flushall()
    # One was linked, and not described, when the command was killed.
    described = next(fleet.archive.rglob("ep-3.*.json"))
    described.unlink()
    assert "14 adopted, 14 recorded as finished" in adopt(fleet, "gpodder")
    new = {path for path, told in state_of(fleet.archive).items() if before.get(path) != told}
    assert {Path(path).name for path in new} == {described.name, "events.jsonl"}
    assert_described(fleet.archive)
    redis.flushall()
    assert fleet.run("import", "archive").status == 0
    assert fleet.run("archive", FEED).status == 0
    assert show.files() == []


@pytest.mark.usefixtures("show")
def test_a_file_keeps_its_time_and_tells_its_chapters(fleet: Commands) -> None:
    Left.load("podcast-dl").unpack(fleet.folder / "old")
    path = next((fleet.folder / "old").rglob("*A length that is wrong.mp3"))
    path.write_bytes((FILES / "chapters.mp3").read_bytes())
    before = path.stat().st_mtime_ns
    adopt(fleet, "podcast-dl", FEED, "-s", "PODCRAWLER_BESIDE=chapters", "-s", "PODCRAWLER_MTIME=published")
    assert path.stat().st_mtime_ns == before
    sidecar = next(fleet.archive.rglob("ep-9.*.json"))
    assert json.loads(sidecar.read_text(encoding="utf-8"))["chapters"]


@pytest.mark.usefixtures("show")
def test_what_is_doubtful_is_told_and_left_out(fleet: Commands) -> None:
    Left.load("podcast-dl").unpack(fleet.folder / "old")
    (folder,) = (fleet.folder / "old").iterdir()
    (folder / "20240308-Two of one size_ A.mp3").rename(folder / "no name.mp3")
    shutil.copy(folder / "20240303-First light.mp3", folder / "once more.mp3")
    page = folder / "20240312-A length that is unknown.mp3"
    page.write_text("<!DOCTYPE html><title>Sorry</title>")
    cut = folder / "20240311-A length that is wrong.mp3"
    cut.write_bytes((FILES / "audio.m4a").read_bytes()[:-9])
    outside = fleet.folder / "outside.mp3"
    (folder / "20240307-Same title.mp3").rename(outside)
    (folder / "20240307-Same title.mp3").symlink_to(outside)
    (folder / "begun.mp3.part").write_bytes(b"\0")
    (folder / "mine.mp3").write_bytes(SHOW[0].body * 50)
    out = adopt(fleet, "podcast-dl", FEED)
    told = {
        "no name.mp3": "it may be one of several episodes, and nothing tells which",
        "once more.mp3": "another file may be the same episode, and nothing tells which is",
        "20240303-First light.mp3": "another file may be the same episode, and nothing tells which is",
        page.name: "no media by its first bytes, or its end is missing",
        cut.name: "no media by its first bytes, or its end is missing",
        "20240307-Same title.mp3": "empty, or no file",
        "begun.mp3.part": "a transfer that was broken off",
        "mine.mp3": "no feed that was read lists it",
    }
    left_out = [f"left out: old/{folder.name}/{name} ({why})" for name, why in told.items()]
    assert sorted(line for line in out.splitlines() if line.startswith("left out")) == sorted(left_out)
    assert outside.stat().st_nlink == 1
    assert fleet.run("archive", FEED).status == 0
    assert {file_sha256(path) for path in media_in(fleet.archive)} == {told.sha256 for told in SHOW}


def test_a_file_that_was_changed_since_is_taken_by_the_users_word(fleet: Commands, show: Web) -> None:
    Left.load("gpodder").unpack(fleet.folder / "old")
    changed = next((fleet.folder / "old").rglob("3.mp3"))
    changed.write_bytes(b"ID3\4\0\0\0\0\0\n" + bytes(10) + changed.read_bytes())
    out = adopt(fleet, "gpodder")
    assert f"left out: {changed.relative_to(fleet.folder)} (it has another size than the program has written" in out
    assert "1 adopted, 1 recorded" in adopt(fleet, "gpodder", "--keep-changed")
    assert show.files() == []


@pytest.mark.skipif(not ANOTHER_DISK.is_dir(), reason="needs another disk")
@pytest.mark.usefixtures("show")
def test_files_are_copied_to_another_disk(fleet: Commands) -> None:
    Left.load("gpodder").unpack(fleet.folder / "old")
    before = state_of(fleet.folder / "old")
    store = ANOTHER_DISK / f"podcrawler-{os.getpid()}"
    fleet.environment["FILES_STORE"] = str(store)
    try:
        adopt(fleet, "gpodder")
        times = {path.stat().st_mtime_ns for path in media_in(store)}
        assert state_of(fleet.folder / "old") == before
        assert times <= {told[1] for told in before.values()}
        assert {file_sha256(path) for path in media_in(store)} == {told.sha256 for told in SHOW}
        assert_described(store)
    finally:
        shutil.rmtree(store)


def test_a_feed_that_is_gone_is_told(fleet: Commands, show: Web) -> None:
    Left.load("gpodder").unpack(fleet.folder / "old")
    show.pages[FEED] = Page("gone", status=410)
    result = fleet.run("import", "old", "--from", "gpodder")
    assert result.status == 1
    assert f"cannot be read: {FEED} [http-410]" in result.err
    assert "14 media files, 0 adopted, 0 recorded as finished; 14 files left out." in result.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("old", "--from", "podcast-archiver"), "tells the addresses of feeds: give them behind the folder"),
        (("old", "--from", "podcast-dl", FEED, "--database", "x"), "podcast-dl keeps no database"),
        (("old", "--from", "gpodder"), "give gPodder's folder, which is ~/gPodder"),
        (("old", "--from", "gpodder", "--database", "old/mine.mp3"), "is no database of SQLite"),
        (("none", "--from", "podcast-dl", FEED), "is no folder that can be read"),
        (("old", "--from", "itunes"), "invalid choice: 'itunes'"),
        (("old", "--from", "gpodder", "--podcast", "show"), "its feeds tell which podcasts these are"),
        (("old", "--database", "x"), "--database is for --from"),
        (("old", FEED), "import takes no such argument: http"),
        (("old", "--from", "podcast-dl", FEED, "-s", "FILES_STORE=s3://bucket"), "is no folder, and this command"),
    ],
)
def test_what_a_user_gets_wrong_is_one_sentence(fleet: Commands, arguments: tuple[str, ...], sentence: str) -> None:
    (fleet.folder / "old").mkdir()
    (fleet.folder / "old" / "mine.mp3").write_bytes(SHOW[0].body)
    result = fleet.run("import", *arguments)
    assert (result.status, "Traceback" in result.err) == (2, False)
    assert sentence in result.err
