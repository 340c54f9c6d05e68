"""``archive``, as a user runs it: its files, its output, its exit status, and that it leaves nothing running."""

import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import wave
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.builders import AT_ONCE, media_requested, servers_below
from tests.conftest import Client, Commands, until
from tests.origin import RunningOrigin

SAMPLE_FILES = {
    "20001.第一回：燈塔的聲音.wav",
    "20002.A Letter from the Ferry： Part 1-2.wav",
    "20003.A Letter from the Ferry： Part 2-2.wav",
    "20004.問答 Q-A：街市與茶樓.wav",
    "20005.除夕特輯： 海旁倒數.wav",
}


def nodes_in(folder: Path) -> list[psutil.Process]:
    """The nodes that were started in the folder, and what they forked."""
    running = psutil.process_iter(["name", "cwd"])
    return [p for p in running if p.info["name"].startswith("crawl ") and p.info["cwd"] == str(folder)]


def nothing_runs_in(folder: Path) -> bool:
    running = list(psutil.process_iter(["cmdline", "cwd"]))
    named = any(str(folder) in " ".join(process.info["cmdline"] or ()) for process in running)
    below = any(str(process.info["cwd"]).startswith(str(folder)) for process in running)
    return not named and not below and not servers_below(folder)


def test_a_podcast_is_archived_and_then_there(commands: Commands, sample: str) -> None:
    addresses = f"{sample}podcast/item_all.php?pid=287", f"{sample}feed.xml"
    first = commands.run("archive", *addresses)
    assert first.status == 0, first.err
    assert "9 finished" in first.out
    names = {Path(path).name for path in commands.files()}
    assert names >= SAMPLE_FILES
    assert len(names) == 9
    assert nothing_runs_in(commands.folder)

    again = commands.run("archive", *addresses)
    assert again.status == 0
    assert "all 9 episodes are already there" in again.out
    assert len(commands.files()) == 9


def test_what_was_archived_can_be_played(commands: Commands, sample: str) -> None:
    assert commands.run("archive", f"{sample}feed.xml").status == 0
    for path in commands.files():
        with wave.open(str(commands.archive / path)) as audio:
            assert audio.getnframes() / audio.getframerate() >= 0.5


def test_only_what_is_new_is_downloaded(commands: Commands, origin: RunningOrigin) -> None:
    assert commands.run("archive", f"{origin.address}/feed.xml?episodes=2&size=100").status == 0
    origin.reset()
    # Another address, but the same enclosures: the feed declares no guid, so this is another podcast.
    result = commands.run("archive", f"{origin.address}/feed.xml?episodes=2&size=100")
    assert "all 2 episodes are already there" in result.out
    assert not [path for path in origin.counts() if path.startswith("/bytes/")]


def test_the_archive_is_known_again_without_its_state(commands: Commands, sample: str) -> None:
    assert commands.run("archive", f"{sample}feed.xml").status == 0
    before = commands.files()
    (commands.archive / ".podcrawler").rename(commands.folder / "lost")
    result = commands.run("archive", f"{sample}feed.xml")
    assert result.status == 0
    assert "all 4 episodes are already there" in result.out
    assert commands.files() == before


def test_what_failed_is_named_and_tried_again(commands: Commands, origin: RunningOrigin) -> None:
    passing = f"{origin.address}/feed.xml?episodes=1&size=100&fail_first=2"
    gone = f"{origin.address}/feed.xml?episodes=1&size=100&status=404"
    good = f"{origin.address}/feed.xml?episodes=1&size=100"
    options = ("-s", "PODCRAWLER_MAX_TRIES=2", "-s", "PODCRAWLER_RETRY_DELAY=0.01")
    first = commands.run("archive", passing, gone, good, *options)
    assert first.status == 1
    assert "1 finished (100 bytes), 0 already there, 2 failed" in first.out
    assert "127.0.0.1 answered 404 Not Found" in first.out
    assert "127.0.0.1 answered 503 Service Unavailable" in first.out

    again = commands.run("archive", passing, gone, good, *options)
    assert again.status == 1
    assert "1 finished (100 bytes), 1 already there, 1 failed" in again.out

    listed = commands.run("failed", REDIS_URL="redis://127.0.0.1:1")
    assert listed.status == 2
    assert "Traceback" not in first.err + again.err + listed.err


def test_an_archive_on_a_shared_redis_is_about_its_own_podcasts(
    fleet: Commands, redis: Client, origin: RunningOrigin
) -> None:
    feed = f"{origin.address}/feed.xml?episodes=2"
    assert fleet.drain("-a", f"address={feed}&size=10&status=404&title=gone").status == 1
    redis.lpush("podcasts:start_urls", f"{feed}&size=1000000&stall_after=1000&title=stalled")
    ended = fleet.run("archive", f"{feed}&size=10&title=own", *AT_ONCE)
    assert ended.status == 0, ended.err
    assert "2 finished (20 bytes), 0 already there, 0 failed" in ended.out
    assert "gone" not in ended.out + ended.err
    assert redis.hlen("{podcrawler}:episodes:failed") == 2
    seeds = redis.llen("podcasts:start_urls")
    assert seeds or redis.hlen("{podcrawler}:episodes:entries") == 4


def test_failed_lists_what_failed(fleet: Commands, origin: RunningOrigin) -> None:
    assert fleet.run("failed").out == "Nothing has failed.\n"
    assert fleet.run("failed", "--json").out == ""
    assert fleet.run("archive", f"{origin.address}/feed.xml?episodes=1&size=100&status=404").status == 1
    line = fleet.run("failed").out
    assert "Episode 1" in line
    assert "[http-404, 1 try] 127.0.0.1 answered 404 Not Found" in line
    assert '"kind": "http-404"' in fleet.run("failed", "--json").out


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing_running_and_nothing_half_done(
    commands: Commands, origin: RunningOrigin, how: signal.Signals
) -> None:
    # Large enough to be on the disk, and without a validator by which a transfer could be resumed.
    address = f"{origin.address}/feed.xml?episodes=4&size=3000000&stall_after=2000000&etag=&modified="
    with commands.start("archive", address, *AT_ONCE) as archive:
        until(lambda: len(commands.files()) == 4)
        os.killpg(archive.pid, how)
        out, err = archive.communicate(timeout=30)
    assert archive.returncode == 130
    assert "run the same command again to continue" in err
    assert "Traceback" not in out + err
    assert commands.files() == {}
    until(lambda: nothing_runs_in(commands.folder), 10)
    origin.release()
    assert commands.run("archive", address).status == 0
    assert list(commands.files().values()) == [3_000_000] * 4


@pytest.mark.fresh
def test_a_killed_supervisor_leaves_nothing_behind_for_long(commands: Commands, origin: RunningOrigin) -> None:
    """Its nodes stop by themselves; the server waits for the next archive, which stops it."""
    address = f"{origin.address}/feed.xml?episodes=2&size=1000000&stall_after=1000"
    with commands.start("archive", address, *AT_ONCE) as archive:
        until(lambda: media_requested(origin) == 2)
        assert len(nodes_in(commands.folder)) >= 2
        archive.kill()
        archive.wait()
    until(lambda: not nodes_in(commands.folder))
    origin.release()
    assert commands.run("archive", address).status == 0
    until(lambda: nothing_runs_in(commands.folder), 10)


@pytest.mark.fresh
def test_a_node_that_dies_is_started_again(commands: Commands, origin: RunningOrigin) -> None:
    address = f"{origin.address}/feed.xml?episodes=2&size=1000000&stall_after=1000"
    with commands.start("archive", address, "-s", "PODCRAWLER_LEASE_TIME=2") as archive:
        until(lambda: media_requested(origin) == 2)
        subprocess.run(["pkill", "-KILL", "-P", str(archive.pid), "-x", "crawl episodes"], check=True)
        origin.release()
        archive.communicate(timeout=60)
    assert archive.returncode == 0
    assert list(commands.files().values()) == [1_000_000] * 2


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        ([], {}, "archive needs the address of a podcast"),
        (["file:///etc/passwd"], {}, "must begin with http:// or https://"),
        (["http://"], {}, "host name"),
        (["http://x/"], {"REDIS_URL": "redis://127.0.0.1:1"}, "Redis at 127.0.0.1:1 cannot be reached"),
        (["http://x/"], {"REDIS_URL": "nonsense"}, "REDIS_URL"),
        (["http://x/"], {"FILES_STORE": "/dev/null/archive"}, "set FILES_STORE to a folder"),
        (["http://x/"], {"PODCRAWLER_STATE_DIR": "/dev/null/state"}, "set PODCRAWLER_STATE_DIR to a folder"),
    ],
)
def test_what_a_user_gets_wrong_ends_in_a_sentence(
    commands: Commands, arguments: list[str], environment: dict[str, str], sentence: str
) -> None:
    result = commands.run("archive", *arguments, **environment)
    assert result.status == 2
    assert sentence in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("nothing-here", "answered 404 Not Found"),
        (
            "bytes/100.pdf?body=JVBERi0xLjc%3D&type=application/pdf",
            "is a PDF document, and neither a feed nor a web page",
        ),
        ("bytes/100.html?type=text/html", "is neither a feed nor a page that podcrawler knows"),
        ("feed.xml?episodes=0", "no"),
    ],
)
def test_an_address_that_is_no_podcast_ends_in_a_sentence(
    commands: Commands, origin: RunningOrigin, path: str, sentence: str
) -> None:
    result = commands.run("archive", f"{origin.address}/{path}")
    assert result.status == 2, result.err
    assert sentence in result.out
    assert "Traceback" not in result.err


def test_an_address_where_nobody_listens_is_given_up_soon(commands: Commands) -> None:
    result = commands.run("archive", "http://127.0.0.1:1/feed.xml", "-s", "PODCRAWLER_RETRY_DELAY=0.01")
    assert result.status == 2
    assert "could not be connected to" in result.out


def test_a_hangup_that_nohup_has_ignored_stops_nothing(commands: Commands, origin: RunningOrigin) -> None:
    address = f"{origin.address}/feed.xml?episodes=1&size=1000&stall_head=1"
    with subprocess.Popen(
        ["sh", "-c", f"trap '' HUP; exec {shlex.join([sys.executable, '-m', 'podcrawler', 'archive', address])}"],
        cwd=commands.folder,
        env={**os.environ, **commands.environment},
    ) as archive:
        until(lambda: media_requested(origin))
        archive.send_signal(signal.SIGHUP)
        origin.release()
        assert archive.wait(60) == 0
    assert list(commands.files().values()) == [1000]


def test_a_terminal_shows_bars(commands: Commands, origin: RunningOrigin) -> None:
    address = f"{origin.address}/feed.xml?episodes=1&size=1000000&stall_after=500000"
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "podcrawler", "archive", address],
        cwd=commands.folder,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as archive:
        os.close(theirs)
        shown = read_until(ours, b"/1.0 MB")
        origin.release()
        shown += read_until(ours, b"finished ")
        # A terminal that nobody reads from fills up, and blocks its writers.
        with suppress(OSError):
            while os.read(ours, 65536):
                pass
        out, _ = archive.communicate(timeout=60)
    os.close(ours)
    assert archive.returncode == 0
    assert b"Episode 1" in shown
    assert b"1 finished (1.0 MB)" in out


def read_until(terminal: int, text: bytes) -> bytes:
    shown = b""
    while text not in shown:
        ready, _, _ = select.select([terminal], [], [], 60)
        assert ready, shown
        shown += os.read(terminal, 65536)
    return shown
