"""The state folder of ``archive``: on a disk that fills up, moved, deep, and of an archive that was killed."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import Commands, until
from tests.disks import fill, small_disk
from tests.origin import RunningOrigin

DISK = 32 * 1024 * 1024
NO_ROOM = (
    "The disk of the state folder {state} has no room for the embedded Redis server: free some space (8 MiB at least), "
    "or set PODCRAWLER_STATE_DIR to a folder on another disk."
)


@pytest.fixture(name="disk")
def _disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", DISK) as folder:
        yield folder


def processes_in(folder: Path, name: str) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cwd", "name"])
        if (process.info["cwd"] or "").startswith(str(folder)) and process.info["name"].startswith(name)
    ]


@pytest.mark.fresh
@pytest.mark.timeout(120)
def test_an_archive_waits_for_room_on_the_disk_of_its_state(
    commands: Commands, origin: RunningOrigin, disk: Path
) -> None:
    state = disk / "state"
    commands.environment["PODCRAWLER_STATE_DIR"] = str(state)
    address = f"{origin.address}/feed.xml?episodes=12&size=300000&rate=100000"
    with commands.start("archive", address) as archive:
        assert isinstance(archive, subprocess.Popen)
        assert archive.stderr is not None
        until(lambda: any(request.path.startswith("/bytes/") for request in origin.requests()))
        filler = fill(disk)
        told = NO_ROOM.format(state=state)
        assert (
            next(line for line in archive.stderr if "no room" in line) == f"{told} podcrawler goes on by itself then.\n"
        )
        for words in (["status"], ["failed"], ["retry", "--all"]):
            looked = commands.run(*words)
            assert (looked.status, looked.err) == (2, f"podcrawler: {told}\n")
        filler.unlink()
        assert next(line for line in archive.stderr if "no room" not in line).startswith("The embedded Valkey had died")
        out, err = archive.communicate(timeout=90)
    assert archive.returncode == 0, err
    assert "12 finished" in out
    assert list(commands.files().values()) == [300_000] * 12
    logs = "".join((state / "logs" / f"{spider}.log").read_text() for spider in ("podcasts", "episodes"))
    assert "Traceback" not in out + err + logs
    assert logs.count("Redis does not answer") <= 2


def test_an_archive_does_not_start_without_room(commands: Commands, origin: RunningOrigin, disk: Path) -> None:
    state = disk / "state"
    commands.environment["PODCRAWLER_STATE_DIR"] = str(state)
    address = f"{origin.address}/feed.xml?episodes=1&size=10"
    filler = fill(disk)
    for _ in range(2):
        ended = commands.run("archive", address)
        assert (ended.status, ended.err) == (2, f"podcrawler: {NO_ROOM.format(state=state)}\n")
    filler.unlink()
    assert commands.run("archive", address).status == 0
    fill(disk)
    ended = commands.run("status")
    assert (ended.status, ended.err) == (2, f"podcrawler: {NO_ROOM.format(state=state)}\n")


def test_what_a_power_cut_left_of_the_last_write_is_no_hindrance(commands: Commands, origin: RunningOrigin) -> None:
    address = f"{origin.address}/feed.xml?episodes=1&size=10"
    assert commands.run("archive", address).status == 0
    (log,) = (commands.archive / ".podcrawler" / "redis" / "appendonlydir").glob("*.incr.aof")
    with log.open("ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$1")
    ended = commands.run("archive", address)
    assert ended.status == 0
    assert "already there" in ended.out


@pytest.mark.parametrize("place", ["elsewhere", "deep/" + "d" * 120, "雨 and é"])
def test_an_archive_that_was_moved_goes_on(commands: Commands, origin: RunningOrigin, place: str) -> None:
    address = f"{origin.address}/feed.xml?episodes=1&size=10"
    assert commands.run("archive", address).status == 0
    moved = commands.folder / place / "archive"
    moved.parent.mkdir(parents=True)
    shutil.move(commands.archive, moved)
    for store in (moved, commands.archive):
        commands.environment["FILES_STORE"] = str(store)
        assert "1 finished" in commands.run("status").out
        assert "already there" in commands.run("archive", address).out
        if store == moved:
            shutil.move(moved, commands.archive)


@pytest.mark.fresh
def test_a_look_does_not_stop_the_server_of_a_killed_archive_under_its_nodes(
    commands: Commands, origin: RunningOrigin
) -> None:
    address = f"{origin.address}/feed.xml?episodes=1&size=2000000&stall_after=1000000"
    with commands.start("archive", address, "-s", "PODCRAWLER_SHUTDOWN_GRACE=60") as archive:
        until(lambda: any(request.path.startswith("/bytes/") for request in origin.requests()))
        archive.kill()
        archive.wait()
    (server,) = processes_in(commands.folder, "valkey-server")
    # They drain: its download may end.
    until(lambda: "is stopping" in commands.run("status").out)
    assert commands.run("status").status == 0
    assert server.is_running()
    origin.release()
    until(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE)
    assert list(commands.files().values()) == [2_000_000]
    status = commands.run("status")
    assert "1 finished" in status.out
