"""The record of what is archived, as it is compared with a store, and as episodes are forgotten."""

import pytest

from podcrawler.queue.broker import Broker
from podcrawler.queue.keys import Keys
from podcrawler.queue.records import Change, Records
from tests.builders import NOW, episode, finish, lease_one, make_broker
from tests.conftest import Client

FINISHED = "{podcrawler}:finished:show"


@pytest.fixture
def redis(every_redis: Client) -> Client:
    return every_redis


@pytest.fixture
def queue(redis: Client) -> Broker:
    return make_broker(redis)


@pytest.fixture
def records(redis: Client) -> Records:
    return Records(redis, Keys())


def test_a_node_that_lost_its_lease_does_not_bring_back_what_was_forgotten(
    redis: Client, queue: Broker, records: Records
) -> None:
    queue.push_many([episode(1)])
    late = lease_one(queue, NOW)
    assert records.forget(["show/1"]) == [False]
    queue.lease([], NOW + 61_000)
    assert records.forget(["show/1"]) == [True]
    assert queue.extend([late], NOW + 61_000) == {late.token}
    finish(queue, late, size=5, path="show/1.x.mp3")
    assert not redis.exists(FINISHED, "{podcrawler}:episodes:entries", "{podcrawler}:episodes:open")
    assert queue.push_many([episode(1)]).finished == 1
    assert records.want("show/1")
    assert queue.push_many([episode(1)]).added == 1


def test_what_was_recorded_meanwhile_is_not_changed(redis: Client, records: Records) -> None:
    redis.hset(FINISHED, mapping={"1": "5 12345678", "2": "6", "3": "7 12345678", "4": "many"})
    found = {one.id: one for one in records.finished("show")}
    assert {(one.id, one.size, one.store) for one in found.values()} == {
        ("1", 5, "12345678"), ("2", 6, ""), ("3", 7, "12345678")
    }  # fmt: skip
    redis.hset(FINISHED, "3", "8 12345678")
    gone = [Change(name, found[name].value, "") for name in ("1", "3")]
    assert records.change("show", [*gone, Change("2", b"6", "6 12345678")]) == 2
    assert redis.hgetall(FINISHED) == {b"2": b"6 12345678", b"3": b"8 12345678", b"4": b"many"}
    assert records.change("show", [Change("2", b"6 12345678", "")], on_purpose=True) == 1
    assert redis.hkeys("{podcrawler}:removed:show") == [b"2"]


def test_what_does_not_exist_is_not_forgotten(redis: Client, records: Records) -> None:
    assert records.forget(["show/1"]) == [None]
    assert not records.want("show/1")
    assert records.one("show/1") is None
    assert redis.dbsize() == 0
