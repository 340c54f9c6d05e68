"""Transfers that break off with their node, and go on with another one."""

import json
from pathlib import Path

import pytest

from tests.builders import AT_ONCE, file_sha256, sha256
from tests.conftest import Client, Commands, until
from tests.origin import RunningOrigin

MB = 1024 * 1024
SIZE = 150_000_000
HALF = SIZE // 2
#: What a node may still have in hand when it is killed, and has to be fetched again.
SLACK = SIZE // 100


@pytest.fixture(autouse=True)
def _half(redis: Client, origin: RunningOrigin) -> None:
    """An episode whose transfer stalls at its half, once."""
    address = f"{origin.address}/feed.xml?episodes=1&size={SIZE}&stall_after={HALF}&only_first=1"
    redis.lpush("episodes:start_urls", address)


def part(fleet: Commands) -> Path | None:
    """The one transfer under way."""
    return next((path for path in fleet.archive.glob("*/*.part") if path.name.count(".") == 2), None)


def checkpoint_file(fleet: Commands) -> Path:
    (found,) = fleet.archive.glob("*/*.json.part")
    return found


def is_at_half(fleet: Commands) -> bool:
    found = part(fleet)
    return found is not None and found.stat().st_size > HALF - SLACK


def sent(origin: RunningOrigin) -> int:
    return sum(count for path, count in origin.sent().items() if path.startswith("/bytes/"))


def assert_whole(fleet: Commands) -> None:
    (path,) = fleet.files()
    expected = sha256(SIZE, 1)
    assert file_sha256(fleet.archive / path) == expected
    exported = [json.loads(line) for line in (fleet.folder / "episodes.jsonl").read_text().splitlines()]
    assert [episode["sha256"] for episode in exported] == [expected]


def ranges(origin: RunningOrigin) -> list[str | None]:
    return [request.headers.get("range") for request in origin.requests() if request.path.startswith("/bytes/")]


@pytest.mark.fresh
def test_a_killed_transfer_goes_on_where_it_was(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    with fleet.start("crawl", "episodes", "-s", "PODCRAWLER_LEASE_TIME=2") as node:
        until(lambda: is_at_half(fleet))
        node.kill()
        node.wait()
    assert fleet.drain("-O", "episodes.jsonl").status == 0
    assert_whole(fleet)
    assert SIZE <= sent(origin) <= SIZE + SLACK
    assert len(ranges(origin)) == 2
    assert redis.hgetall("{podcrawler}:episodes:tries") == {}


def test_a_stopped_transfer_goes_on_where_it_was(fleet: Commands, origin: RunningOrigin) -> None:
    with fleet.start("crawl", "episodes", *AT_ONCE) as node:
        until(lambda: is_at_half(fleet))
        node.terminate()
        assert node.wait(60) == 130
    assert fleet.drain("-O", "episodes.jsonl").status == 0
    assert_whole(fleet)
    # What the kernel had, and the node not yet, is lost.
    assert SIZE <= sent(origin) <= SIZE + SLACK


@pytest.mark.fresh
def test_a_node_of_another_machine_goes_on_from_what_is_on_the_disk(fleet: Commands, origin: RunningOrigin) -> None:
    with fleet.start("crawl", "episodes", "-s", "PODCRAWLER_LEASE_TIME=2") as node:
        until(lambda: is_at_half(fleet))
        until(lambda: json.loads(checkpoint_file(fleet).read_text())["synced"] > 0)
        node.kill()
        node.wait()
    checkpoint = json.loads(checkpoint_file(fleet).read_text())
    checkpoint_file(fleet).write_text(json.dumps({**checkpoint, "boot": "that of another machine"}))
    assert fleet.drain("-O", "episodes.jsonl").status == 0
    assert_whole(fleet)
    assert ranges(origin) == [None, f"bytes={checkpoint['synced']}-"]


def test_a_host_that_breaks_off_again_and_again_is_gone_on_with(
    fleet: Commands, redis: Client, origin: RunningOrigin
) -> None:
    redis.delete("episodes:start_urls")
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=1&size={10 * MB}&truncate={3 * MB // 2}")
    options = ("-s", "PODCRAWLER_RETRY_DELAY=0.01", "-s", "PODCRAWLER_MAX_TRIES=2")
    assert fleet.drain(*options, "-O", "episodes.jsonl").status == 0
    assert list(fleet.files().values()) == [10 * MB]
    assert sent(origin) == 10 * MB
    assert len(ranges(origin)) == 7


def test_a_host_that_breaks_off_and_has_another_file_each_time_is_not(
    fleet: Commands, redis: Client, origin: RunningOrigin
) -> None:
    redis.delete("episodes:start_urls")
    address = f"{origin.address}/feed.xml?episodes=1&size={10 * MB}&truncate={3 * MB // 2}&changes=1"
    redis.lpush("episodes:start_urls", address)
    assert fleet.drain("-s", "PODCRAWLER_RETRY_DELAY=0.01", "-s", "PODCRAWLER_MAX_TRIES=2").status == 1
    (failed,) = redis.hvals("{podcrawler}:episodes:failed")
    assert json.loads(failed)["kind"] == "length-mismatch"
    # The first left something where there was nothing; the others found another file, and asked for the whole of it.
    assert len(ranges(origin)) == 1 + 2 + 2


def test_a_host_that_breaks_off_is_not_asked_for_ever_where_nothing_stays(
    fleet: Commands, redis: Client, origin: RunningOrigin
) -> None:
    redis.delete("episodes:start_urls")
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=1&size={100 * MB}&truncate={3 * MB // 2}")

    def has_failed_by_now() -> bool:
        for path in fleet.archive.glob("*/*.part"):
            path.unlink(missing_ok=True)
        return bool(redis.hlen("{podcrawler}:episodes:failed"))

    options = ("-s", "PODCRAWLER_RETRY_DELAY=0.5", "-s", "PODCRAWLER_MAX_TRIES=2")
    with fleet.start("crawl", "episodes", *options, *AT_ONCE) as node:
        until(has_failed_by_now, 30)
        node.terminate()
        node.wait(60)


def test_a_host_that_refused_a_range_is_not_asked_for_another_for_a_while(
    fleet: Commands, redis: Client, origin: RunningOrigin
) -> None:
    redis.delete("episodes:start_urls")
    address = (
        f"{origin.address}/feed.xml?episodes=2&size={2 * MB}&truncate={3 * MB // 2}&only_first=1&refuse_ranges=403"
    )
    redis.lpush("episodes:start_urls", address)
    assert fleet.drain("-s", "PODCRAWLER_RETRY_DELAY=0.01", "-s", "PODCRAWLER_CONCURRENT_EPISODES=1").status == 0
    asked = [request for request in origin.requests() if request.path.startswith("/bytes/")]
    first = [request.headers.get("range") for request in asked if request.path == asked[0].path]
    other = [request.headers.get("range") for request in asked if request.path != asked[0].path]
    assert len(first) + len(other) == 5
    assert sorted(len(ranges) - ranges.count(None) for ranges in (first, other)) == [0, 1]
    (key,) = redis.keys("{podcrawler}:no-ranges:*")
    assert redis.smembers(key) == {b"127.0.0.1"}
    assert 0 < redis.ttl(key) <= 24 * 3600
