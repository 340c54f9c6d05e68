"""An episode whose publisher replaces its file: with ``PODCRAWLER_VERSIONS=keep`` the new one is archived beside it."""

import json
from collections.abc import Iterator
from html import escape

import pytest

from tests.archives import assert_described, events_of, manifest_of
from tests.changing_web import AUDIO, Web, changing_web
from tests.conftest import Client, Commands
from tests.stand_in import Page

#: By bytes: whole files.
SIZES = [417 * frames for frames in (40, 50, 60)]


@pytest.fixture
def web() -> Iterator[Web]:
    with changing_web() as web:
        yield web


def publish(
    web: Web,
    path: str,
    length: int | str = SIZES[0],
    kind: str = "audio/mpeg",
    size: int = SIZES[0],
    title: str = "One",
) -> None:
    """A feed of one episode, and its file of ``size`` bytes."""
    enclosure = f'<enclosure url="{escape(web.address + path)}" type="{kind}" length="{length}"/>'
    item = f"<item><title>{title}</title><guid>one</guid>{enclosure}<pubDate>02 Mar 2026 10:00:00 GMT</pubDate></item>"
    feed = f'<rss version="2.0"><channel><title>Show</title>{item}</channel></rss>'
    web.pages = {"/feed.xml": Page(feed, "application/rss+xml"), path: Page(AUDIO.body[:417] * (size // 417), kind)}


def archive(fleet: Commands, web: Web, versions: str = "keep", *options: str) -> str:
    done = fleet.run("archive", f"{web.address}/feed.xml", *options, PODCRAWLER_VERSIONS=versions)
    assert done.status == 0, done.err
    return done.out


def files(fleet: Commands) -> dict[str, int]:
    return {path.partition("/")[2]: size for path, size in fleet.files().items()}


def age(redis: Client, days: int = 1) -> None:
    """Have what is noted of lengths that were seen once be so much older."""
    for key in redis.scan_iter("{podcrawler}:versions:*"):
        for name, note in redis.hgetall(key).items():
            begin, at, since = note.decode().rpartition("@")
            if at:
                redis.hset(key, name, f"{begin}@{int(since) - days * 86_400_000}")


def podcast(redis: Client) -> str:
    (name,) = redis.hkeys("{podcrawler}:podcasts")
    return str(name.decode())


def test_a_replaced_file_is_archived_beside_the_old_one(fleet: Commands, redis: Client, web: Web) -> None:
    publish(web, "/1.mp3")
    archive(fleet, web)
    publish(web, "/1-corrected.mp3", SIZES[1], size=SIZES[1])
    ahead = archive(fleet, web, "keep", "--dry-run", "--json")
    assert json.loads(ahead.splitlines()[0])["outcome"] == "fetch"
    for _ in range(2):
        archive(fleet, web)
        assert files(fleet) == {"one.One.mp3": SIZES[0], "one.One.v2.mp3": SIZES[1]}
    publish(web, "/1.mp4", SIZES[2], "video/mpeg", SIZES[2], title="Another title")
    archive(fleet, web)
    assert files(fleet) == {
        "one.One.mp3": SIZES[0],
        "one.One.v2.mp3": SIZES[1],
        "one.Another title.v3.mp3": SIZES[2],
    }
    name = podcast(redis)
    (line,) = fleet.run("episodes", name).out.splitlines()
    assert line.endswith("one.One.mp3  one.One.v2.mp3  one.Another title.v3.mp3")
    found = json.loads(fleet.run("episodes", name, "--json").out)
    assert (found["state"], found["version"], found["size"]) == ("finished", 3, SIZES[2])
    assert found["file"] == f"{name}/one.Another title.v3.mp3"
    assert found["earlier_files"] == [f"{name}/one.One.mp3", f"{name}/one.One.v2.mp3"]
    assert sum(address.startswith("/1") for address, _ in web.asked) == 3
    assert_described(fleet.archive)
    events = events_of(fleet.archive / name)
    assert [event["event"] for event in events] == ["captured", "versioned", "versioned"]


def test_nothing_changes_unless_it_is_wanted(fleet: Commands, redis: Client, web: Web) -> None:
    publish(web, "/1.mp3")
    archive(fleet, web, "ignore")
    publish(web, "/2.mp3", SIZES[1], size=SIZES[1])
    archive(fleet, web, "ignore")
    assert files(fleet) == {"one.One.mp3": SIZES[0]}
    assert not list(redis.scan_iter("{podcrawler}:versions:*"))


def test_what_was_archived_before_counts_as_unchanged(fleet: Commands, web: Web) -> None:
    publish(web, "/1.mp3")
    archive(fleet, web, "ignore")
    publish(web, "/2.mp3", SIZES[1], size=SIZES[1])
    archive(fleet, web)
    assert files(fleet) == {"one.One.mp3": SIZES[0]}
    publish(web, "/3.mp3", SIZES[1], size=SIZES[1])
    archive(fleet, web)
    assert files(fleet) == {"one.One.mp3": SIZES[0], "one.One.v2.mp3": SIZES[1]}


def test_tokens_trackers_and_another_host_make_no_version(fleet: Commands, web: Web) -> None:
    publish(web, "/show/1.mp3?token=a")
    archive(fleet, web)
    for path in ("/show/1.mp3?token=b", "/track.example/cdn.example/show/1.mp3"):
        publish(web, path, size=SIZES[1])
        archive(fleet, web)
    publish(web, "/show/1.mp3", kind="", length="")
    archive(fleet, web)
    assert files(fleet) == {"one.One.mp3": SIZES[0]}


def test_lengths_that_vary_at_each_request_make_no_version(fleet: Commands, redis: Client, web: Web) -> None:
    for length in (100_000, 100_001, 100_002, 100_002, 100_000, 100_001, 100_001):
        publish(web, "/1.mp3", length)
        archive(fleet, web)
        age(redis)
    assert files(fleet) == {"one.One.mp3": SIZES[0]}


def test_another_length_that_stays_is_a_version(fleet: Commands, redis: Client, web: Web) -> None:
    publish(web, "/1.mp3")
    archive(fleet, web)
    publish(web, "/1.mp3", SIZES[1], size=SIZES[1])
    for _ in range(2):
        archive(fleet, web)
        assert files(fleet) == {"one.One.mp3": SIZES[0]}, "not on the same day"
    age(redis)
    archive(fleet, web)
    assert files(fleet) == {"one.One.mp3": SIZES[0], "one.One.v2.mp3": SIZES[1]}


def test_a_version_that_is_gone_is_fetched_again_and_no_other_one(fleet: Commands, redis: Client, web: Web) -> None:
    publish(web, "/1.mp3")
    archive(fleet, web)
    publish(web, "/2.mp3", SIZES[1], size=SIZES[1])
    archive(fleet, web)
    both = {"one.One.mp3": SIZES[0], "one.One.v2.mp3": SIZES[1]}
    (fleet.archive / podcast(redis) / "one.One.v2.mp3").unlink()
    archive(fleet, web)
    assert files(fleet) == both
    (fleet.archive / podcast(redis) / "one.One.mp3").unlink()
    archive(fleet, web)
    assert files(fleet) == {"one.One.v2.mp3": SIZES[1]}, "the publisher has it no more"


def test_an_archive_that_redis_has_forgotten_goes_on_with_its_last_version(
    fleet: Commands, redis: Client, web: Web
) -> None:
    publish(web, "/1.mp3")
    archive(fleet, web)
    publish(web, "/2.mp3", SIZES[1], size=SIZES[1])
    archive(fleet, web)
    redis.flushall()
    archive(fleet, web)
    publish(web, "/3.mp3", SIZES[2], size=SIZES[2])
    archive(fleet, web)
    all_three = {"one.One.mp3": SIZES[0], "one.One.v2.mp3": SIZES[1], "one.One.v3.mp3": SIZES[2]}
    assert files(fleet) == all_three
    redis.flushall()
    assert fleet.run("import", str(fleet.archive)).status == 0
    archive(fleet, web)
    publish(web, "/4.mp3", SIZES[0])
    archive(fleet, web)
    assert files(fleet) == {**all_three, "one.One.v4.mp3": SIZES[0]}


def test_an_episode_is_dropped_with_all_of_its_versions(fleet: Commands, redis: Client, web: Web) -> None:
    publish(web, "/1.mp3")
    archive(fleet, web)
    publish(web, "/2.mp3", SIZES[1], size=SIZES[1])
    archive(fleet, web)
    assert "2 files" in fleet.run("keep", podcast(redis), "--keep", "1d").out
    publish(web, "/3.mp3", SIZES[2], size=SIZES[2])
    archive(fleet, web)
    assert files(fleet) == {}
    trash = fleet.archive / ".trash" / podcast(redis)
    moved = ["one.One.mp3", "one.One.v2.mp3"]
    assert sorted(path.name for path in trash.iterdir()) == sorted([*moved, *(f"{name}.json" for name in moved)])
    assert manifest_of(fleet.archive / podcast(redis)) == []
