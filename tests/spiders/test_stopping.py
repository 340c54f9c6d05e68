"""How nodes stop: at once with what they have not begun, in a time of grace with what they have, and without a loss."""

import os
import signal
from pathlib import Path

import pytest

from tests.chaos import proxy
from tests.conftest import Client, Commands, until
from tests.origin import RunningOrigin

MB = 1_000_000
QUEUE = "{podcrawler}:episodes:"
THREE = ("-s", "PODCRAWLER_CONCURRENT_EPISODES=3", "-s", "LOG_FILE=node.log")
SIGNALS = pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=["term", "int"])


def stalled(origin: RunningOrigin, episodes: int = 10) -> str:
    """A feed whose media wait for the origin's release."""
    return f"{origin.address}/feed.xml?episodes={episodes}&size={MB}&stall_after=1000"


def asked_for(origin: RunningOrigin) -> int:
    return sum(path.startswith("/bytes/") for path in origin.counts())


def log_of(fleet: Commands) -> str:
    path: Path = fleet.folder / "node.log"
    return path.read_text() if path.exists() else ""


def costs(redis: Client) -> list[dict[bytes, bytes]]:
    """What leases have cost their entries."""
    return [redis.hgetall(QUEUE + "tries"), redis.hgetall(QUEUE + "expiries")]


@SIGNALS
def test_what_is_in_hand_may_end(fleet: Commands, redis: Client, origin: RunningOrigin, how: signal.Signals) -> None:
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
def test_what_does_not_end_in_time_is_handed_back(
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


def test_what_was_not_begun_is_handed_back_before_the_rest_ends(
    fleet: Commands, redis: Client, valkey_url: str, origin: RunningOrigin
) -> None:
    """Far from Redis a node takes leases ahead: nobody shall wait for those."""
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


def test_what_was_taken_ahead_and_is_not_begun_goes_back(
    fleet: Commands, redis: Client, valkey_url: str, origin: RunningOrigin
) -> None:
    """Small files promised that these would be begun soon; now other nodes may do so."""
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
def test_a_list_node_hands_its_pages_back(
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
def test_an_archive_lets_what_is_in_hand_end(commands: Commands, origin: RunningOrigin, how: signal.Signals) -> None:
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
    # Nothing is left to run out, which would take longer than this may.
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
