"""``status``, ``failed``, ``retry``, ``pause`` and ``resume``, as a user runs them."""

import json
import time

from tests.builders import AT_ONCE, media_requested
from tests.conftest import Client, Commands, until
from tests.origin import RunningOrigin


def _expected(fleet: Commands) -> list[int | None]:
    """The announced sizes of what the only node has in hand."""
    (node,) = json.loads(fleet.run("status", "--json").out)["nodes"]
    return [episode["expected"] for episode in node["in_hand"]]


def test_the_status_of_a_fleet_at_work(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=2&size=10&status=404")
    with fleet.start(
        "crawl", "episodes", "-s", "PODCRAWLER_CONCURRENT_EPISODES=3", "-s", "PODCRAWLER_NODE_NAME=one", *AT_ONCE
    ) as node:
        until(lambda: redis.hlen("{podcrawler}:episodes:failed") == 2)
        redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=5&size=1000000&stall_after=10000")
        until(lambda: media_requested(origin) == 5)
        until(lambda: _expected(fleet) == [1_000_000] * 3)
        status = json.loads(fleet.run("status", "--json").out)
        text = fleet.run("status").out
        node.terminate()
        node.wait()
    assert status["queue"] == {"pending": 2, "leased": 3, "delayed": 0, "failed": 2, "finished": 0}
    assert status["failures"] == {"http-404": 2}
    assert status["podcasts"] == 2
    (one,) = status["nodes"]
    assert one["name"] == f"one-{node.pid}"
    assert "episodes: 2 pending, 3 leased, 0 delayed, 2 failed, 0 finished" in text
    assert "failures: 2 http-404" in text
    assert "of 1.0 MB" in text
    assert "no node is running" in fleet.run("status").out


def test_one_machine_is_looked_at_without_a_server_that_runs(commands: Commands, origin: RunningOrigin) -> None:
    assert commands.run("archive", f"{origin.address}/feed.xml?episodes=2&size=10&status=404").status == 1
    status = commands.run("status", "--json")
    assert status.status == 0
    assert json.loads(status.out)["queue"]["failed"] == 2
    assert commands.run("failed").out.count("[1 try]") == 2


def test_without_any_queue_there_is_a_sentence(commands: Commands) -> None:
    status = commands.run("status", "-s", "REDIS_URL=redis://127.0.0.1:1")
    assert status.status == 2
    assert "cannot be reached" in status.err


def test_what_failed_is_queued_again(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=3&size=10&status=404")
    assert fleet.drain().status == 1
    (first, *_) = (json.loads(line)["key"] for line in fleet.run("failed", "--json").out.splitlines())
    assert fleet.run("retry", first).out == "1 queued again.\n"
    assert redis.hlen("{podcrawler}:episodes:failed") == 2
    assert fleet.run("retry", "--all").out == "2 queued again.\n"
    assert redis.zcard("{podcrawler}:episodes:pending:127.0.0.1") == 3
    assert fleet.run("retry", "unknown/1").status == 2
    assert fleet.run("retry").status == 2


def test_what_failed_in_one_way_is_queued_again(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    for status in (404, 403):
        redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=2&size=10&status={status}")
    assert fleet.drain("-s", "PODCRAWLER_RETRY_DELAY=0.01").status == 1
    assert {json.loads(line)["failure_class"] for line in fleet.run("failed", "--json").out.splitlines()} == {
        "blocked",
        "permanent",
    }
    assert fleet.run("retry", "--class", "blocked").out == "2 queued again.\n"
    assert fleet.run("failed", "--json").out.count('"http-404"') == 2
    assert fleet.run("retry", "--class", "blocked").out == "0 queued again.\n"
    assert "invalid choice" in fleet.run("retry", "--class", "unlucky").err


def test_a_pause_and_its_end(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    assert fleet.run("pause").status == 0
    assert json.loads(fleet.run("status", "--json").out)["paused"]
    assert "paused: nodes start nothing new" in fleet.run("status").out
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=2&size=10")
    with fleet.start("crawl", "episodes", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1") as node:
        until(lambda: json.loads(fleet.run("status", "--json").out)["nodes"])
        assert origin.counts() == {}
        assert redis.llen("episodes:start_urls") == 1
        assert fleet.run("resume").out == "Resumed.\n"
        assert node.wait(60) == 0
    assert len(fleet.files()) == 2
    assert fleet.run("resume").out == "Nothing was paused.\n"


def test_nobody_works_a_queue_of_another_schema(fleet: Commands, redis: Client) -> None:
    assert fleet.drain().status == 0
    assert redis.get("{podcrawler}:schema") == b"1"
    redis.set("{podcrawler}:schema", 2)
    for command in (["crawl", "episodes"], ["archive", "http://x/"], ["status"], ["retry", "--all"]):
        ended = fleet.run(*command)
        assert ended.status == 2
        assert "has schema 2, and this podcrawler works with 1" in ended.err
        assert "Traceback" not in ended.err


def test_a_node_of_a_later_version_is_shown_as_far_as_it_is_known(fleet: Commands, redis: Client) -> None:
    now = time.time()
    in_hand = {"key": "show/1", "title": "One", "received": 1, "expected": 2, "rate": 0.5, "mood": "good"}
    report = {"spider": "episodes", "pid": 1, "host": "attic", "started": now, "seen": now, "finished": 3, "failed": 0}
    report |= {"bytes": 4, "in_hand": [in_hand], "mood": "good"}
    redis.hset("{podcrawler}:node:later", mapping={name: json.dumps(value) for name, value in report.items()})
    redis.zadd("{podcrawler}:nodes", {"later": now})
    shown = fleet.run("status").out
    assert "node later (episodes, 0 min): 3 finished (4 bytes), 0 failed, 1 in hand" in shown
    assert "show/1 One: 1 byte of 2 bytes" in shown
