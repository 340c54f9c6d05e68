"""Imported files: recorded as finished, and found again under the real ids of their episodes."""

import pytest

from podcrawler.items import Episode
from podcrawler.queue.archive import Archive, Imported
from podcrawler.queue.broker import Broker
from podcrawler.queue.keys import Keys
from podcrawler.queue.legacy_ids import Imports, claims
from tests.builders import episode, fail, finish, lease_one, make_broker, retry
from tests.conftest import Client


@pytest.fixture
def queue(redis: Client) -> Broker:
    return make_broker(redis)


@pytest.fixture
def imports(queue: Broker, redis: Client) -> Imports:
    return Imports(queue, Archive(redis, Keys()))


def test_what_is_recorded_is_in_no_other_state(queue: Broker, imports: Imports, redis: Client) -> None:
    queue.push_many(episode(number) for number in range(4))
    fail(queue, lease_one(queue), "http-404", "Not there.")
    retry(queue, lease_one(queue), "timeout", "Slow.")
    leased = lease_one(queue)
    files = [Imported("show", str(number), "title", 7) for number in range(5)]
    assert imports.record(files) == 4
    counts = queue.counts(["show"])
    assert (counts.pending, counts.leased, counts.delayed, counts.failed, counts.finished) == (0, 1, 0, 0, 4)
    assert queue.open_entries(["show"]) == 1
    assert finish(queue, leased, size=1, path="x")
    assert {key for key in redis.scan_iter() if b"episodes:" in key} == {b"{podcrawler}:episodes:order"}


def listed(number: str, title: str) -> Episode:
    return Episode(id=number, podcast_id="rthk-287", title=title, page=f"http://x/{number}")


def claim(imports: Imports, episodes: list[Episode]) -> int:
    """How many of the podcast's imported files are of these episodes."""
    claimed = claims(imports.of("rthk-287"), episodes)
    imports.claim("rthk-287", claimed)
    return len(claimed)


def test_a_longer_id_is_found_by_its_ending_and_its_title(imports: Imports, redis: Client) -> None:
    imports.record([Imported("rthk-287", "23456", "A： B-C", 7), Imported("rthk-287", "34567", "Other", 8)])
    episodes = [listed("123456", "A: B/C"), listed("134567", "Not the other"), listed("199999", "New")]
    assert claim(imports, episodes) == 1
    assert redis.hgetall("{podcrawler}:finished:rthk-287") == {b"123456": b"7", b"34567": b"8"}
    assert claim(imports, episodes) == 0


def test_an_id_of_five_digits_keeps_its_file(imports: Imports, redis: Client) -> None:
    imports.record([Imported("rthk-287", "23456", "A", 7)])
    assert claim(imports, [listed("23456", "A"), listed("123456", "A")]) == 0
    assert redis.hgetall("{podcrawler}:finished:rthk-287") == {b"23456": b"7"}
