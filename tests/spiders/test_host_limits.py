"""Hosts that are limited or rest hold up nobody else's work, as seen by a server with two names."""

import json
from pathlib import Path

from tests.builders import AT_ONCE, finished_episodes
from tests.conftest import Client, Commands, until
from tests.origin import Request, RunningOrigin


def at(origin: RunningOrigin, host: str) -> list[Request]:
    """The requests for media that named the host."""
    return [request for request in origin.requests() if request.host == host and request.path.startswith("/bytes/")]


def hosts_file(fleet: Commands, text: str) -> tuple[str, ...]:
    """The options that name a file with this text."""
    path = Path(fleet.folder, "hosts.toml")
    path.write_text(text)
    return ("-s", f"PODCRAWLER_HOSTS={path}")


def push_feeds(redis: Client, origin: RunningOrigin, **parameters: str) -> None:
    """A feed of ten episodes of each host; by host, with more parameters."""
    for host, more in parameters.items():
        address = origin.address.replace("127.0.0.1", "localhost") if host == "localhost" else origin.address
        redis.lpush("episodes:start_urls", f"{address}/feed.xml?title={host}&episodes=10&size=100000{more}")


def test_a_host_with_one_connection_holds_up_no_other(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    """Its transfers take turns, and the first of them stalls; two slots would both wait for it."""
    options = hosts_file(fleet, '["localhost"]\nconnections = 1\n')
    push_feeds(redis, origin, localhost="&stall_after=10", direct="")
    slots = ("-s", "PODCRAWLER_CONCURRENT_EPISODES=2", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1")
    with fleet.start("crawl", "episodes", *slots, *options) as node:
        until(lambda: finished_episodes(redis) == 10)
        assert len(at(origin, "localhost")) == 1
        status = fleet.run("status", *options)
        assert "localhost has all of its 1 connections" in status.out
        assert "; 9 episodes wait for it" in status.out
        origin.release()
        assert node.wait(60) == 0
    assert finished_episodes(redis) == 20
    assert origin.most_at_host()["localhost"] == 1


def test_a_pause_that_one_node_is_asked_for_holds_for_all_and_for_that_host_alone(
    fleet: Commands, redis: Client, origin: RunningOrigin
) -> None:
    push_feeds(redis, origin, localhost="&status=429&retry_after=3000")
    slots = ("-s", "PODCRAWLER_CONCURRENT_EPISODES=2", *AT_ONCE)
    with fleet.start("crawl", "episodes", *slots) as first:
        until(lambda: redis.zcard("{podcrawler}:episodes:resting") == 1)
        push_feeds(redis, origin, direct="")
        until(lambda: finished_episodes(redis) == 10)
        asked = len(at(origin, "localhost"))
        assert 1 <= asked <= 2, "what was begun already"
        first.terminate()
        _, log = first.communicate(timeout=60)
    assert "will be tried again in 50 min: " in log
    push_feeds(redis, origin, direct="&title=More")
    with fleet.start("crawl", "episodes", *slots) as second:
        until(lambda: finished_episodes(redis) == 20)
        second.terminate()
        second.wait(60)
    assert len(at(origin, "localhost")) == asked
    status = fleet.run("status").out
    assert "localhost asked for a pause until " in status
    assert f" (429, Retry-After); {10 - asked} episodes wait for it" in status
    (told,) = json.loads(fleet.run("status", "--json").out)["hosts"]
    assert told["host"] == "localhost"
    assert told["pending"] == 10 - asked
    assert told["asked_by"] == "http-429"


def test_a_delay_keeps_the_transfers_of_all_nodes_apart(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    options = hosts_file(fleet, '["127.0.0.1"]\ndelay = 0.4\n')
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=6&size=10")
    done = ("-s", "PODCRAWLER_EXIT_WHEN_DONE=1")
    with (
        fleet.start("crawl", "episodes", *done, *options) as one,
        fleet.start("crawl", "episodes", *done, *options) as two,
    ):
        assert (one.wait(60), two.wait(60)) == (0, 0)
    begun = sorted(request.at for request in at(origin, "127.0.0.1"))
    # Redis's clock sets them apart, and that of the origin measures.
    assert len(begun) == 6
    assert begun[-1] - begun[0] > 4 * 0.4


def test_archive_tells_once_which_host_asked_for_a_pause(fleet: Commands, origin: RunningOrigin) -> None:
    address = f"{origin.address}/feed.xml?episodes=5&size=10&fail_first=1&retry_after=1"
    ended = fleet.run("archive", address, "-s", "PODCRAWLER_RETRY_DELAY=0.01")
    assert ended.status == 0
    assert "will be tried again in 1 s: " in ended.err
    assert "127.0.0.1 asked for a pause until " in ended.err
    assert " (503, Retry-After)" in ended.err
