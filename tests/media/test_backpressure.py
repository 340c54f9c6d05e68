"""A disk without room, or one that is away: nothing fails for it, and the node goes on when it can."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders import AT_ONCE, media_requested
from tests.conftest import Client, Commands, until
from tests.disks import small_disk
from tests.origin import RunningOrigin

MB = 1_000_000
DISK = 16 * MB


@pytest.fixture(name="small_disk")
def _small_disk(tmp_path: Path) -> Iterator[Path]:
    """An empty disk of 16 MB."""
    with small_disk(tmp_path / "disk", DISK) as folder:
        yield folder


def seed(redis: Client, origin: RunningOrigin, *, episodes: int, size: int, more: str = "") -> None:
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes={episodes}&size={size}{more}")


def media(disk: Path) -> list[int]:
    return [path.stat().st_size for path in disk.glob("*/*.mp3")]


@pytest.mark.parametrize(
    ("more", "min_free"),
    [
        # Found out before the transfer, for the length is announced.
        ("", 4 * MB),
        # Found out by the disk itself, in the middle of a transfer.
        ("&chunked=1", 0),
    ],
    ids=["reserve", "full"],
)
def test_a_node_waits_for_room_and_loses_nothing(
    fleet: Commands, redis: Client, origin: RunningOrigin, small_disk: Path, more: str, min_free: int
) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(bytes(6 * MB))
    seed(redis, origin, episodes=2, size=5 * MB, more=more)
    log = fleet.folder / "node.log"
    options = ("-s", f"FILES_STORE={small_disk}", "-s", f"PODCRAWLER_MIN_FREE={min_free}", "-s", f"LOG_FILE={log}")
    with fleet.start("crawl", "episodes", *options, "-s", "PODCRAWLER_EXIT_WHEN_DONE=1") as node:
        until(lambda: "takes nothing up for now" in log.read_text() if log.exists() else False)
        # Whatever it could not work on is another node's to take.
        until(lambda: redis.zcard("{podcrawler}:episodes:leases") == 0)
        assert node.poll() is None
        until(lambda: "it takes nothing up for now: " in fleet.run("status").out)
        filler.unlink()
        assert node.wait(60) == 0
    assert media(small_disk) == [5 * MB] * 2
    assert list(small_disk.glob("*/*.part")) == []
    lines = log.read_text()
    assert lines.count("takes nothing up for now") == 1 or not min_free
    assert "There is room on the disk of" in lines
    assert "will be tried again" not in lines
    assert "Traceback" not in lines
    assert redis.hgetall("{podcrawler}:episodes:tries") == {}


def test_what_came_before_the_last_bytes_found_no_room_is_gone_on_with(
    fleet: Commands, redis: Client, origin: RunningOrigin, small_disk: Path
) -> None:
    mib = 1024 * 1024
    filler = small_disk / "filler"
    filler.write_bytes(bytes(os.statvfs(small_disk).f_bavail * os.sysconf("SC_PAGE_SIZE") - 5 * mib - mib // 4))
    seed(redis, origin, episodes=1, size=5 * mib + mib // 2, more="&chunked=1")
    log = fleet.folder / "node.log"
    options = ("-s", f"FILES_STORE={small_disk}", "-s", "PODCRAWLER_MIN_FREE=0", "-s", f"LOG_FILE={log}")
    with fleet.start("crawl", "episodes", *options, "-s", "PODCRAWLER_EXIT_WHEN_DONE=1") as node:
        until(lambda: "takes nothing up for now" in log.read_text() if log.exists() else False)
        until(lambda: redis.zcard("{podcrawler}:episodes:leases") == 0)
        filler.unlink()
        assert node.wait(60) == 0
    assert media(small_disk) == [5 * mib + mib // 2]
    first, *others = (request for request in origin.requests() if request.path.startswith("/bytes/"))
    assert "range" not in first.headers
    assert others
    assert all("range" in request.headers for request in others)
    assert "Traceback" not in log.read_text()


def test_a_node_that_waits_for_room_can_be_stopped(
    fleet: Commands, redis: Client, origin: RunningOrigin, small_disk: Path
) -> None:
    seed(redis, origin, episodes=1, size=20 * MB)
    log = fleet.folder / "node.log"
    options = ("-s", f"FILES_STORE={small_disk}", "-s", "PODCRAWLER_MIN_FREE=0", "-s", f"LOG_FILE={log}")
    with fleet.start("crawl", "episodes", *options) as node:
        until(lambda: "takes nothing up for now" in log.read_text() if log.exists() else False)
        node.terminate()
        assert node.wait(60) == 130
    assert "Traceback" not in log.read_text()


def test_a_node_waits_for_a_store_that_is_away_and_loses_nothing(
    fleet: Commands, redis: Client, origin: RunningOrigin
) -> None:
    store, away, log = fleet.folder / "store", fleet.folder / "away", fleet.folder / "node.log"
    options = ("-s", f"FILES_STORE={store}", "-s", "PODCRAWLER_MAX_TRIES=1", "-s", f"LOG_FILE={log}")
    seed(redis, origin, episodes=3, size=2 * MB, more="&stall_head=1")
    with fleet.start("crawl", "episodes", *options, "-s", "PODCRAWLER_EXIT_WHEN_DONE=1") as node:
        until(lambda: media_requested(origin) == 3)
        store.rename(away)
        origin.release()
        until(lambda: "it takes nothing up for now: The store" in fleet.run("status").out)
        assert not store.exists()
        assert redis.zcard("{podcrawler}:episodes:leases") == 0
        away.rename(store)
        assert node.wait(60) == 0
    assert media(store) == [2 * MB] * 3
    lines = log.read_text()
    assert f"The store {store} cannot be written to (No such file or directory)" in lines
    assert "The store can be written to again: this node goes on." in lines
    assert "Traceback" not in lines


def test_another_node_takes_what_finds_no_room(
    fleet: Commands, redis: Client, origin: RunningOrigin, small_disk: Path
) -> None:
    """And the one that waits ends with the work, although its disk stays full."""
    (small_disk / "filler").write_bytes(bytes(DISK - 4 * os.sysconf("SC_PAGE_SIZE")))
    seed(redis, origin, episodes=3, size=MB)
    log = fleet.folder / "node.log"
    done = ("-s", "PODCRAWLER_EXIT_WHEN_DONE=1")
    options = ("-s", f"FILES_STORE={small_disk}", "-s", "PODCRAWLER_MIN_FREE=0", "-s", f"LOG_FILE={log}")
    with fleet.start("crawl", "episodes", *options, *done) as waiting:
        until(lambda: "takes nothing up for now" in log.read_text() if log.exists() else False)
        assert fleet.drain().status == 0
        assert waiting.wait(60) == 0
    assert list(fleet.files().values()) == [MB] * 3


@pytest.mark.fresh
def test_archive_tells_what_it_waits_for(commands: Commands, origin: RunningOrigin) -> None:
    address = f"{origin.address}/feed.xml?episodes=1&size=1000"
    with commands.start("archive", address, "-s", f"PODCRAWLER_MIN_FREE={10**15}", *AT_ONCE) as archive:
        assert isinstance(archive, subprocess.Popen)
        assert archive.stderr is not None
        line = next(line for line in archive.stderr if "taken up for now" in line)
        archive.terminate()
        archive.communicate(timeout=30)
    assert line.startswith("Nothing new is taken up for now: The disk of ")
    assert "free some space and podcrawler goes on by itself" in line
