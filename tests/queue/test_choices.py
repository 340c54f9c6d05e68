"""What is left out, in Redis: it takes the place of a state, and gives way to one."""

import json

import pytest

from podcrawler.queue import choices
from podcrawler.queue.choices import Choices
from podcrawler.queue.inventory import Inventory
from podcrawler.queue.keys import Keys
from podcrawler.queue.records import Records
from podcrawler.sites.wanted import Latest
from tests.builders import NOW, episode, fail, finish, lease_one, make_broker, retry
from tests.conftest import Client

WHY = json.dumps({"title": "One", "reason": "before 2026-01-01"})


@pytest.fixture
def redis(every_redis: Client) -> Client:
    return every_redis


def states(redis: Client) -> dict[str, str]:
    found = list(Inventory(redis, Keys()).episodes("show"))
    assert len(found) == len({one.id for one in found})
    return {one.id: one.state for one in found}


def test_what_is_not_leased_or_finished_is_left_out(redis: Client) -> None:
    queue, chosen = make_broker(redis), Choices(redis, Keys())
    queue.push_many(map(episode, range(5)))
    finish(queue, lease_one(queue), size=7, path="show/0.x.mp3")
    fail(queue, lease_one(queue), "http-404", "Not there.", NOW)
    retry(queue, lease_one(queue), "timeout", "Slow.", NOW)
    lease_one(queue)
    told = dict.fromkeys(map(str, range(6)), WHY)
    for dropped in (2, 0):
        assert chosen.leave_out("show", told) == dropped
        assert states(redis) == {
            "0": "finished",
            "3": "leased",
            **dict.fromkeys(("1", "2", "4", "5"), "left out"),
        }
    assert queue.open_entries(["show"]) == 1
    (one,) = (one for one in Inventory(redis, Keys()).episodes("show") if one.id == "5")
    assert (one.title, one.reason) == ("One", "before 2026-01-01")
    assert chosen.among("show", ["0", "1", "9"]) == {"1"}


def test_what_is_queued_recorded_or_forgotten_is_not_left_out_any_more(redis: Client) -> None:
    queue, chosen = make_broker(redis), Choices(redis, Keys())
    assert chosen.leave_out("show", dict.fromkeys("1234", WHY)) == 0
    assert queue.push_many([episode(1)]).added == 1
    assert queue.record([("show", "2", 7)]) == 1
    assert Records(redis, Keys()).forget(["show/3", "show/9"]) == [True, None]
    expected = {"1": "pending", "2": "finished", "3": "removed", "4": "left out"}
    assert states(redis) == expected
    chosen.leave_out("show", {"3": WHY})
    assert states(redis) == expected
    chosen.forget("show")
    assert "4" not in states(redis)


def test_only_so_many_are_kept(redis: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choices, "MOST_LEFT_OUT", 3)
    queue, chosen = make_broker(redis), Choices(redis, Keys())
    queue.push_many([episode(7)])
    assert chosen.leave_out("show", dict.fromkeys("12347", WHY)) == 1
    assert states(redis) == dict.fromkeys("123", "left out")


def test_a_look_tells_states_and_changes_nothing(redis: Client) -> None:
    queue, chosen = make_broker(redis), Choices(redis, Keys())
    queue.push_many(episode(number, version="v") for number in range(3))
    finish(queue, lease_one(queue), size=7, path="show/0.x.mp3")
    fail(queue, lease_one(queue), "http-404", "Not there.", NOW)
    Records(redis, Keys()).forget(["show/2"])
    queue.push_many([episode(3)])
    before = {key: redis.dump(key) for key in redis.scan_iter()}
    found = chosen.states("show", dict.fromkeys("01234", "v"))
    assert {name: state for name, (state, _) in found.items()} == {
        "0": "finished",
        "1": "failed",
        "2": "removed",
        "3": "pending",
        "4": "",
    }
    failure = found["1"][1]
    assert failure is not None
    assert (failure.kind, failure.reason) == ("http-404", "Not there.")
    assert chosen.states("show", {"1": "other"}) == {"1": ("", None)}
    assert {key: redis.dump(key) for key in redis.scan_iter()} == before


def test_the_latest_keep_their_order(redis: Client) -> None:
    chosen = Choices(redis, Keys())
    latest = {"9": Latest(9.5, "Nine"), "8": Latest(8.0, "Eight")}
    for _ in range(2):
        chosen.keep_latest("show", latest, seconds=100)
        assert list(chosen.latest("show").items()) == list(latest.items())
    assert 0 < redis.ttl("{podcrawler}:latest:show") <= 100
