"""The process that writes a node's small files: it lives as long as its node, and nothing is lost with it."""

import os
import signal
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.builders import finished_episodes
from tests.conftest import Client, Commands, until
from tests.origin import RunningOrigin

pytestmark = pytest.mark.fresh

EPISODES = 600
SIZE = 20_000
DONE = ("-s", "PODCRAWLER_EXIT_WHEN_DONE=1")


def writers(node: int) -> list[psutil.Process]:
    """The processes of a node that write files."""
    found = []
    for child in psutil.Process(node).children():
        # One that has ended has no command line any more.
        with suppress(psutil.Error):
            found += [child] if any("store.writer" in argument for argument in child.cmdline()) else []
    return found


@pytest.fixture
def address(origin: RunningOrigin) -> str:
    return f"address={origin.address}/feed.xml?episodes={EPISODES}&size={SIZE}"


def test_it_may_be_killed(fleet: Commands, redis: Client, address: str) -> None:
    with fleet.start("crawl", "episodes", "-a", address, *DONE) as node:
        killed: set[int] = set()
        for part in range(1, 4):
            until(lambda part=part: finished_episodes(redis) > part * EPISODES / 6)  # type: ignore[misc]
            (writer,) = writers(node.pid)
            writer.kill()
            killed.add(writer.pid)
        _, log = node.communicate(timeout=60)
    assert node.returncode == 0
    assert 1 <= log.count("it ended with status -9") <= len(killed)
    assert not [word for word in ("Traceback", "cannot be used", "tried again") if word in log]
    assert list(fleet.files().values()) == [SIZE] * EPISODES
    assert not [path for path in fleet.files() if path.endswith(".part")]


def test_it_ends_with_a_node_that_is_killed(fleet: Commands, redis: Client, address: str) -> None:
    lease_time = ("-s", "PODCRAWLER_LEASE_TIME=2")
    with fleet.start("crawl", "episodes", "-a", address, *lease_time) as node:
        until(lambda: finished_episodes(redis) > 50)
        (writer,) = writers(node.pid)
        node.kill()
        node.wait()
    writer.wait(20)
    assert fleet.drain(*lease_time).status == 0
    assert list(fleet.files().values()) == [SIZE] * EPISODES


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_node_that_is_stopped_ends_it_last(
    fleet: Commands, redis: Client, address: str, number: signal.Signals, tmp_path: Path
) -> None:
    """A service manager tells all processes of a service at once."""
    log = tmp_path / "log"
    with fleet.start("crawl", "episodes", "-a", address, "-s", f"LOG_FILE={log}") as node:
        until(lambda: finished_episodes(redis) > 50)
        (writer,) = writers(node.pid)
        writer.send_signal(number)
        os.killpg(node.pid, number)
        node.wait(60)
    assert not writer.is_running()
    assert "it ended with status" not in log.read_text()
    assert set(fleet.files().values()) == {SIZE}
    assert len(fleet.files()) == finished_episodes(redis)
