"""What Redis keeps of a whole archive, on every server that it must work on."""

import json
import time
from collections.abc import Iterable
from dataclasses import replace
from uuid import uuid4

import pytest

from podcrawler.exceptions import RedisError
from podcrawler.logins import Login
from podcrawler.queue.archive import Archive
from podcrawler.queue.keys import Keys
from podcrawler.queue.overview import REPORT_SECONDS, InHand, Report
from tests.builders import NOW, episode, fail, finish, lease_one, make_broker, retry
from tests.conftest import Client


@pytest.fixture
def redis(every_redis: Client) -> Client:
    return every_redis


@pytest.fixture
def archive(redis: Client) -> Archive:
    return Archive(redis, Keys())


def test_a_login_is_found_under_each_of_its_names(archive: Archive) -> None:
    login = Login("https://h:443", "user", "password")
    archive.keep_login(["show", "https://h/feed.xml"], login)
    assert archive.login("show") == archive.login("https://h/feed.xml") == login
    assert archive.login("other") is None


def test_a_paused_archive_grants_no_leases(archive: Archive, redis: Client) -> None:
    queue = make_broker(redis)
    queue.push_many([episode(1)])
    archive.pause()
    assert archive.is_paused()
    assert queue.lease(queue.new_tokens(1), NOW).leases == []
    assert archive.resume()
    assert not archive.is_paused()
    assert not archive.resume()
    assert lease_one(queue).key == "show/1"


def test_an_archive_of_another_schema_is_refused(archive: Archive, redis: Client) -> None:
    archive.check_schema()
    assert not redis.keys()
    archive.check_schema(mark=True)
    archive.check_schema(mark=True)
    assert redis.get("{podcrawler}:schema") == b"1"
    redis.set("{podcrawler}:schema", 2)
    with pytest.raises(RedisError, match="has schema 2, and this podcrawler works with 1"):
        archive.check_schema(mark=True)


def report(name: str, seen: float = 1000.0) -> Report:
    in_hand = (InHand("show/1", "One", 1, None, 0.5),)
    return Report(name, "episodes", 1, "attic", seen - 60, seen, finished=3, failed=0, bytes=4, in_hand=in_hand)


def without_times(reports: Iterable[Report]) -> list[Report]:
    return [replace(report, started=0, seen=0, age=0) for report in reports]


def test_the_reports_of_nodes_that_are_alive_are_read(archive: Archive, redis: Client) -> None:
    alive = [report("a-1"), report("b-1")]
    for written in (report("gone-1"), *reversed(alive)):
        archive.write_report(written)
    redis.zincrby("{podcrawler}:nodes", -REPORT_SECONDS, "gone-1")
    assert without_times(archive.reports()) == without_times(alive)
    assert 0 < redis.ttl("{podcrawler}:node:a-1") <= REPORT_SECONDS
    archive.remove_report("a-1")
    assert without_times(archive.reports()) == without_times(alive[1:])
    archive.write_report(alive[1])
    assert redis.zrange("{podcrawler}:nodes", 0, -1) == [b"b-1"]


@pytest.mark.parametrize("ahead", [-3600, 0, 3600], ids=["behind", "right", "ahead"])
def test_the_clock_of_redis_says_when_a_node_reported(archive: Archive, redis: Client, ahead: float) -> None:
    archive.write_report(report("a-1", time.time() + ahead))
    (read,) = archive.reports()
    seconds, _ = redis.time()
    assert read.seen == pytest.approx(seconds, abs=5)
    assert read.seen - read.started == pytest.approx(60, abs=0.01)
    assert 0 <= read.age < 5


def test_a_clock_that_was_set_back_keeps_no_node_alive(archive: Archive, redis: Client) -> None:
    archive.write_report(report("gone-1"))
    redis.persist("{podcrawler}:node:gone-1")
    redis.zincrby("{podcrawler}:nodes", 3600, "gone-1")
    assert archive.reports() == []
    archive.write_report(report("a-1"))
    assert redis.zrange("{podcrawler}:nodes", 0, -1) == [b"a-1"]


def test_a_report_may_be_written_again(archive: Archive) -> None:
    """A node repeats a call whose answer did not arrive."""
    written = report("a-1")
    archive.write_report(written)
    archive.write_report(written)
    assert written == report("a-1")
    assert without_times(archive.reports()) == without_times([written])


def test_fields_of_a_later_version_are_left_out(archive: Archive, redis: Client) -> None:
    written = report("later")
    archive.write_report(written)
    in_hand = {"key": "show/1", "title": "One", "received": 1, "expected": None, "rate": 0.5, "mood": "good"}
    redis.hset("{podcrawler}:node:later", mapping={"mood": '"good"', "in_hand": json.dumps([in_hand])})
    assert without_times(archive.reports()) == without_times([written])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seen", b"1e400"),
        ("seen", b"NaN"),
        ("started", b'"then"'),
        ("bytes", b"1" + b"0" * 400),
        ("bytes", b"-1"),
        ("spider", b'"\\ud800"'),
        ("spider", b'"\xff"'),
        ("in_hand", b"[" * 100_000),
        ("in_hand", b'[{"key": "show/1"}]'),
        ("state", b'"asleep"'),
        ("holds_off", b'"' + b"x" * 1_000_000 + b'"'),
        ("pid", b""),
    ],
)
def test_a_report_that_cannot_be_read_is_left_out_and_told_once(
    archive: Archive, redis: Client, caplog: pytest.LogCaptureFixture, field: str, value: bytes
) -> None:
    name = f"bad-{uuid4()}"
    for each in ("a-1", name):
        archive.write_report(report(each))
    redis.hset(f"{{podcrawler}}:node:{name}", field, value)
    for _ in range(2):
        assert [read.name for read in archive.reports()] == ["a-1"]
    (told,) = caplog.messages
    assert name in told
    assert len(told) < 400


def test_a_report_of_another_type_is_left_out(archive: Archive, redis: Client) -> None:
    archive.write_report(report("a-1"))
    redis.set("{podcrawler}:node:odd", "text")
    redis.zadd("{podcrawler}:nodes", {"odd": redis.time()[0], b"\xff\x1b": redis.time()[0]})
    assert [read.name for read in archive.reports()] == ["a-1"]


def test_events_are_read_from_the_last_one_on(archive: Archive, redis: Client) -> None:
    queue = make_broker(redis)
    assert archive.last_event_id() == "0"
    assert archive.events_since("0") == []
    queue.push_many(episode(number) for number in range(3))
    finish(queue, lease_one(queue), size=7, path="show/0.x.mp3")
    last = archive.last_event_id()
    retry(queue, lease_one(queue), "timeout", "Slow.", NOW)
    fail(queue, lease_one(queue), "http-404", "Not there.", NOW)
    finished, delayed, failed = archive.events_since("0")
    assert (finished.id, finished.state, finished.key, finished.group) == (last, "finished", "show/0", "show")
    assert (finished.size, finished.path) == (7, "show/0.x.mp3")
    assert (delayed.state, delayed.kind, delayed.reason) == ("delayed", "timeout", "Slow.")
    assert (failed.state, failed.kind, failed.size) == ("failed", "http-404", 0)
    assert archive.events_since(last) == [delayed, failed]
    assert archive.events_since(failed.id) == []
