"""``merge``: two podcasts become one by the user's word."""

import json
from collections.abc import Iterator

import pytest

from podcrawler.library.catalog import Catalog
from tests.archives import assert_described
from tests.changing_web import AUDIO, Web, changing_web, feed
from tests.conftest import Client, Commands
from tests.stand_in import Page

OLD, NEW = "http://old.example/private/feed", "http://new.example/feed"


@pytest.fixture
def web(fleet: Commands) -> Iterator[Web]:
    with changing_web() as web:
        fleet.environment["http_proxy"] = web.address
        yield web


def archived(fleet: Commands, redis: Client, *addresses: str) -> list[str]:
    """Archive what is at these addresses; the ids of their podcasts."""
    fleet.run("archive", *addresses, "-s", "PODCRAWLER_RETRY_DELAY=0.01")
    bare = [address.replace("ann:secret@", "") for address in addresses]
    return [redis.hget("{podcrawler}:addresses", address).decode() for address in bare]


def test_a_podcast_becomes_part_of_another(fleet: Commands, redis: Client, web: Web) -> None:
    files = {name: f"http://media.example/{name}.mp3" for name in ("one", "two", "three", "gone")}
    web.pages = {OLD: feed("Old", *(files[name] for name in ("one", "two"))), **dict.fromkeys(files.values(), AUDIO)}
    web.pages[NEW] = feed("New", *(files[name] for name in ("two", "three", "gone")))
    web.pages[files["gone"]] = Page("gone", status=404)
    old, new = archived(fleet, redis, OLD.replace("://", "://ann:secret@"), NEW)
    login = redis.hget("{podcrawler}:logins", old)

    merged = fleet.run("merge", NEW, old)
    assert (merged.status, merged.err) == (0, "")
    assert merged.out == (
        f"{new} is part of {old} now: 1 episode more, 1 file moved; 1 stays, because {old} has these episodes.\n"
    )
    assert set(fleet.files()) == {
        f"{old}/one.one.mp3.mp3", f"{old}/two.two.mp3.mp3", f"{old}/three.three.mp3.mp3", f"{new}/two.two.mp3.mp3"
    }  # fmt: skip
    assert_described(fleet.archive)
    told = {one.sidecar.key for one in Catalog(fleet.archive).files(old) if one.sidecar}
    assert told == {f"{old}/one", f"{old}/two", f"{old}/three"}
    assert (fleet.archive / new / "podcast.json").exists(), "one of its files stays"
    assert set(redis.hkeys(f"{{podcrawler}}:finished:{old}")) == {b"one", b"two", b"three"}
    assert {redis.hget("{podcrawler}:addresses", address) for address in (OLD, NEW)} == {old.encode()}
    assert redis.hget("{podcrawler}:logins", old) == login
    # Nothing of it is left but for the name, which no other podcast gets.
    left = [key.decode() for key in redis.scan_iter() if new in key.decode()]
    assert [key for key in left if not key.startswith("{podcrawler}:visit:")] == []
    assert redis.hkeys("{podcrawler}:podcasts") == [old.encode()]
    assert fleet.run("failed").out == "Nothing has failed.\n"
    assert json.loads(fleet.run("status", "--json").out)["paused"] is False

    # Both addresses are of one podcast from now on, and what was not downloaded yet is.
    web.asked.clear()
    web.pages[files["gone"]] = AUDIO
    assert archived(fleet, redis, NEW, OLD) == [old, old]
    assert web.files() == [files["gone"]]
    again = fleet.run("merge", new, old)
    assert (again.status, f"There is no podcast {new}; " in again.err) == (2, True)


def test_an_address_becomes_one_of_a_podcast(fleet: Commands, redis: Client, web: Web) -> None:
    file = "http://media.example/one.mp3"
    web.pages = {OLD: feed("Show", file), file: AUDIO, NEW: feed("Other title", file)}
    (old,) = archived(fleet, redis, OLD)
    merged = fleet.run("merge", f"{NEW}/", OLD)
    assert merged.out == f"{NEW}/ leads to {old} now.\n"
    assert archived(fleet, redis, NEW) == [old]
    assert web.files() == [file]
    assert fleet.run("merge", NEW, old).err == f"podcrawler: {NEW} and {old} are one podcast already ({old}).\n"


def test_what_cannot_be_done_safely_is_refused(fleet: Commands, redis: Client, web: Web) -> None:
    file = "http://media.example/one.mp3"
    web.pages = {OLD: feed("Show", file), file: AUDIO, NEW: feed("Show", file)}
    old, new = archived(fleet, redis, OLD, NEW)
    before = redis.hgetall("{podcrawler}:addresses")
    redis.zadd("{podcrawler}:podcasts:leases", {"http://other.example/": 2**50})
    busy = fleet.run("merge", new, old)
    assert (busy.status, "Nodes are at work (1 leases)" in busy.err) == (2, True)
    redis.delete("{podcrawler}:podcasts:leases")
    unknown = fleet.run("merge", old, "http://nowhere.example/")
    assert (unknown.status, "is no podcast of this archive" in unknown.err) == (2, True)
    bucket = fleet.run("merge", new, old, FILES_STORE="s3://bucket/here", AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert (bucket.status, "are in a bucket" in bucket.err) == (2, True)
    assert redis.hgetall("{podcrawler}:addresses") == before
    assert not redis.exists("{podcrawler}:paused")
    assert len(fleet.files()) == 2
    assert "needs two podcasts" in fleet.run("merge", old).out + fleet.run("merge", old).err


def test_a_merge_that_was_interrupted_is_completed(fleet: Commands, redis: Client, web: Web) -> None:
    """Its files were linked, and not one record was changed."""
    files = [f"http://media.example/{name}.mp3" for name in ("one", "two")]
    web.pages = {OLD: feed("Old", files[0]), NEW: feed("New", files[1]), **dict.fromkeys(files, AUDIO)}
    old, new = archived(fleet, redis, OLD, NEW)
    (moved,) = (fleet.archive / new).glob("*.mp3")
    (fleet.archive / old / moved.name).hardlink_to(moved)
    assert "1 episode more, 1 file moved." in fleet.run("merge", new, old).out
    assert {path.partition("/")[0] for path in fleet.files()} == {old}
    assert not (fleet.archive / new).exists()
    assert_described(fleet.archive)
