"""The record of a podcast tells the subscription to it, and ``import`` restores it from there."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.archives import put_podcast
from tests.changing_web import AUDIO, Web, feed
from tests.conftest import Client, Commands
from tests.origin import RunningOrigin

FEED = "http://show.example/feed.xml"
FILES = [f"http://media.example/{name}.mp3" for name in ("three", "two", "one")]
#: What the user wants.
WANTED = ("--latest", "2", "--keep", "10", "--group", "News/World")


@pytest.fixture
def show(web: Web) -> Web:
    web.pages = {FEED: feed("Show", *FILES), **dict.fromkeys(FILES, AUDIO)}
    return web


def record(fleet: Commands) -> Path:
    (found,) = fleet.archive.glob("*/podcast.json")
    return found


def followed(fleet: Commands) -> dict[str, Any] | None:
    """What the record of the podcast tells of the subscription."""
    told = json.loads(record(fleet).read_text(encoding="utf-8")).get("subscription")
    assert told is None or isinstance(told, dict)
    return told


def subscriptions(redis: Client) -> dict[str, Any]:
    """By address: what Redis has of each, but for the time."""
    found = redis.hgetall("{podcrawler}:subscriptions")
    told = {address.decode(): json.loads(value) for address, value in found.items()}
    for one in told.values():
        del one["since"]
    return told


def test_an_archive_that_lost_its_redis_is_followed_again(fleet: Commands, redis: Client, show: Web) -> None:
    assert fleet.run("subscribe", FEED, *WANTED).status == 0
    assert fleet.run("archive").status == 0
    assert len(fleet.files()) == 2
    assert followed(fleet) == {
        "address": FEED,
        "groups": ["News", "World"],
        "options": {"latest": 2},
        "keep": "10",
    }
    before = subscriptions(redis)
    redis.flushall()
    assert fleet.run("import", "archive").status == 0
    assert subscriptions(redis) == before
    show.asked.clear()
    assert fleet.run("archive").status == 0
    assert [address for address, _ in show.asked] == [FEED]
    assert fleet.run("keep").status == 0


@pytest.mark.usefixtures("show")
def test_the_record_is_changed_with_the_subscription(fleet: Commands) -> None:
    assert fleet.run("archive", FEED).status == 0
    assert followed(fleet) is None
    podcast_id = record(fleet).parent.name
    assert fleet.run("subscribe", podcast_id, *WANTED).status == 0
    assert (followed(fleet) or {})["keep"] == "10"
    assert fleet.run("subscribe", podcast_id, "--keep", "30d").status == 0
    assert (followed(fleet) or {})["keep"] == "30d"
    assert fleet.run("unsubscribe", FEED).status == 0
    assert followed(fleet) is None


@pytest.mark.usefixtures("show")
def test_a_subscription_that_there_is_stays_as_it_is(fleet: Commands, redis: Client) -> None:
    fleet.run("archive", FEED)
    fleet.run("subscribe", FEED, *WANTED)
    kept = record(fleet).read_bytes()
    fleet.run("subscribe", FEED, "--keep", "30d")
    record(fleet).write_bytes(kept)
    assert fleet.run("import", "archive").status == 0
    assert subscriptions(redis)[FEED]["keep"] == "30d"


@pytest.mark.parametrize("secret", ["ann:s3cr3t@show.example/feed.xml", "show.example/feed.xml?auth=s3cr3t"])
def test_no_secret_is_written_and_none_is_missed_in_silence(
    fleet: Commands, redis: Client, show: Web, secret: str
) -> None:
    address = f"http://{secret}"
    show.pages[address] = show.pages[FEED]
    assert fleet.run("subscribe", address, *WANTED).status == 0
    assert fleet.run("archive").status == 0
    assert b"s3cr3t" not in record(fleet).read_bytes()
    assert (followed(fleet) or {})["lacks_secret"] is True
    redis.flushall()
    result = fleet.run("import", "archive")
    assert result.status == 0
    assert (
        f"{record(fleet).parent.name}: it was followed by an address with a login or a token, which is not in its "
        f"record: follow it again with `podcrawler subscribe {FEED}`, with the whole address."
    ) in result.out
    assert subscriptions(redis) == {}


@pytest.mark.parametrize(
    "subscription",
    [
        {"address": "ftp://show.example/feed.xml"},
        {"address": FEED, "options": {"nonsense": 1}},
        {"address": FEED, "options": {"latest": [[]]}},
        {"address": FEED, "keep": "all of them"},
        {},
    ],
)
def test_a_record_that_means_nothing_is_told(fleet: Commands, redis: Client, subscription: dict[str, Any]) -> None:
    put_podcast(fleet.archive)
    told = json.loads(record(fleet).read_text(encoding="utf-8"))
    record(fleet).write_text(json.dumps({**told, "subscription": subscription}), encoding="utf-8")
    result = fleet.run("import", "archive")
    assert "what its record tells of the subscription means nothing" in result.out
    assert ("Traceback" in result.err, subscriptions(redis)) == (False, {})


def test_a_record_gives_no_host(fleet: Commands, origin: RunningOrigin) -> None:
    """Who writes into an archive sends podcrawler to no address of this network."""
    put_podcast(fleet.archive)
    told = json.loads(record(fleet).read_text(encoding="utf-8"))
    told["subscription"] = {"address": f"{origin.address}/feed.xml"}
    record(fleet).write_text(json.dumps(told), encoding="utf-8")
    fleet.run("import", "archive")
    result = fleet.run("archive", "-s", "PODCRAWLER_RETRY_DELAY=0.01")
    assert (result.status, origin.requests()) == (2, [])
    assert "[private-address" in result.out
