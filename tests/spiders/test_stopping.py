"""How nodes stop: they release what they have not begun, and finish what they have, within a grace period."""

import os
import signal
from pathlib import Path

import pytest

from tests.chaos import proxy
from tests.conftest import Client, Commands, until
from tests.origin import RunningOrigin

pytestmark = pytest.mark.fresh

MB = 1_000_000
QUEUE = "{podcrawler}:episodes:"
THREE = ("-s", "PODCRAWLER_CONCURRENT_EPISODES=3", "-s", "LOG_FILE=node.log")
SIGNALS = pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=["term", "int"])


def stalled(origin: RunningOrigin, episodes: int = 10) -> str:
    """The address of a feed whose media stall until the origin's release."""
    return f"{origin.address}/feed.xml?episodes={episodes}&size={MB}&stall_after=1000"


def asked_for(origin: RunningOrigin) -> int:
    return sum(path.startswith("/bytes/") for path in origin.counts())


def log_of(fleet: Commands) -> str:
    path: Path = fleet.folder / "node.log"
    return path.read_text() if path.exists() else ""


def costs(redis: Client) -> list[dict[bytes, bytes]]:
    """The tries and expiries counted against entries."""
    return [redis.hgetall(QUEUE + "tries"), redis.hgetall(QUEUE + "expiries")]


@SIGNALS
def test_transfers_may_finish_within_the_grace_period(
    fleet: Commands, redis: Client, origin: RunningOrigin, how: signal.Signals
) -> None:
    redis.lpush("episodes:start_urls", stalled(origin))
    with fleet.start("crawl", "episodes", *THREE) as node:
        until(lambda: asked_for(origin) == 3)
        node.send_signal(how)
        until(lambda: "shutting down gracefully" in log_of(fleet))
        origin.release()
        assert node.wait(20) == 130
    assert list(fleet.files().values()) == [MB] * 3
    assert [redis.hlen(key) for key in redis.scan_iter("{podcrawler}:finished:*")] == [3]
    assert (redis.zcard(QUEUE + "leases"), redis.zcard(QUEUE + "pending:127.0.0.1")) == (0, 7)
    assert costs(redis) == [{}, {}]
    assert asked_for(origin) == 3
    assert "Traceback" not in log_of(fleet)


@SIGNALS
def test_transfers_that_outlast_the_grace_period_are_released(
    fleet: Commands, redis: Client, origin: RunningOrigin, how: signal.Signals
) -> None:
    redis.lpush("episodes:start_urls", stalled(origin))
    with fleet.start("crawl", "episodes", *THREE, "-s", "PODCRAWLER_SHUTDOWN_GRACE=1") as node:
        until(lambda: asked_for(origin) == 3)
        node.send_signal(how)
        assert node.wait(20) == 130
    assert {Path(path).suffix for path in fleet.files()} <= {".part"}
    assert (redis.zcard(QUEUE + "leases"), redis.zcard(QUEUE + "pending:127.0.0.1")) == (0, 10)
    assert costs(redis) == [{}, {}]
    assert "Traceback" not in log_of(fleet)


def test_prefetched_leases_are_released_before_the_transfers_finish(
    fleet: Commands, redis: Client, valkey_url: str, origin: RunningOrigin
) -> None:
    """Far from Redis a node prefetches leases, which other nodes need not wait for."""
    with proxy.running(valkey_url, delay=0.1) as link:
        redis.lpush("episodes:start_urls", f"{origin.address}/short/feed.xml?episodes=60&size=1000&title=Short")
        with fleet.start("crawl", "episodes", *THREE, REDIS_URL=link.url) as node:
            until(lambda: asked_for(origin) == 60)
            redis.lpush("episodes:start_urls", stalled(origin, 30))
            until(lambda: asked_for(origin) == 63)
            until(lambda: redis.zcard(QUEUE + "leases") > 3)
            node.terminate()
            until(lambda: redis.zcard(QUEUE + "leases") == 3)
            assert node.poll() is None
            origin.release()
            assert node.wait(20) == 130
    assert (redis.zcard(QUEUE + "leases"), redis.zcard(QUEUE + "pending:127.0.0.1")) == (0, 27)
    assert costs(redis) == [{}, {}]


def test_prefetched_leases_that_are_not_begun_soon_are_released(
    fleet: Commands, redis: Client, valkey_url: str, origin: RunningOrigin
) -> None:
    """They were leased at the pace of small files, before large ones came; now other nodes may have slots for them."""
    with proxy.running(valkey_url, delay=0.1) as link:
        redis.lpush("episodes:start_urls", f"{origin.address}/short/feed.xml?episodes=60&size=1000&title=Short")
        with fleet.start("crawl", "episodes", *THREE, "-s", "PODCRAWLER_HEARTBEAT=2", REDIS_URL=link.url):
            until(lambda: asked_for(origin) == 60)
            redis.lpush("episodes:start_urls", stalled(origin, 30))
            until(lambda: asked_for(origin) == 63)
            until(lambda: (redis.zcard(QUEUE + "leases"), redis.zcard(QUEUE + "pending:127.0.0.1")) == (3, 27))
            assert redis.hlen(QUEUE + "deliveries") > 3
            assert costs(redis) == [{}, {}]


@SIGNALS
def test_a_second_signal_stops_at_once(
    fleet: Commands, redis: Client, origin: RunningOrigin, how: signal.Signals
) -> None:
    redis.lpush("episodes:start_urls", stalled(origin))
    with fleet.start("crawl", "episodes", *THREE) as node:
        until(lambda: asked_for(origin) == 3)
        node.send_signal(how)
        until(lambda: "shutting down gracefully" in log_of(fleet))
        node.send_signal(how)
        _, err = node.communicate(timeout=10)
        assert node.returncode == 130
    assert "Traceback" not in err + log_of(fleet)
    assert (redis.zcard(QUEUE + "leases"), costs(redis)) == (0, [{}, {}])
    origin.release()
    assert fleet.drain().status == 0
    assert list(fleet.files().values()) == [MB] * 10


@SIGNALS
def test_a_list_node_releases_its_pages(
    fleet: Commands, redis: Client, origin: RunningOrigin, how: signal.Signals
) -> None:
    redis.lpush("podcasts:start_urls", f"{origin.address}/bytes/1000.html?type=text/html&stall_after=10")
    with fleet.start("crawl", "podcasts", "-s", "PODCRAWLER_SHUTDOWN_GRACE=1") as node:
        until(lambda: asked_for(origin) == 1)
        node.send_signal(how)
        assert node.wait(20) == 130
    assert redis.zcard("{podcrawler}:podcasts:leases") == 0
    assert redis.zcard("{podcrawler}:podcasts:pending:127.0.0.1") == 1
    assert redis.hgetall("{podcrawler}:podcasts:tries") == {}


@SIGNALS
def test_an_archive_lets_transfers_finish(commands: Commands, origin: RunningOrigin, how: signal.Signals) -> None:
    with commands.start("archive", stalled(origin), "-s", "PODCRAWLER_CONCURRENT_EPISODES=3") as archive:
        until(lambda: asked_for(origin) == 3)
        os.killpg(archive.pid, how)
        log = commands.archive / ".podcrawler/logs/episodes.log"
        until(lambda: "shutting down gracefully" in log.read_text())
        origin.release()
        _, err = archive.communicate(timeout=30)
    assert archive.returncode == 130
    assert "downloads get 30 s to end" in err
    assert list(commands.files().values()) == [MB] * 3
    # No lease was left to expire: that would take longer than this command may.
    ended = commands.run("archive", stalled(origin))
    assert ended.status == 0
    assert "7 finished" in ended.out
    assert asked_for(origin) == 10


@SIGNALS
def test_an_archive_stops_at_once_at_the_second_signal(
    commands: Commands, origin: RunningOrigin, how: signal.Signals
) -> None:
    with commands.start("archive", stalled(origin), "-s", "PODCRAWLER_CONCURRENT_EPISODES=3") as archive:
        until(lambda: asked_for(origin) == 3)
        os.killpg(archive.pid, how)
        log = commands.archive / ".podcrawler/logs/episodes.log"
        until(lambda: "shutting down gracefully" in log.read_text())
        os.killpg(archive.pid, how)
        _, err = archive.communicate(timeout=20)
    assert archive.returncode == 130
    assert "Traceback" not in err
    origin.release()
    assert commands.run("archive", stalled(origin)).status == 0
    assert list(commands.files().values()) == [MB] * 10
