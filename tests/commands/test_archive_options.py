"""The options of ``archive``, and the ways in which it is given addresses."""

import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from podcrawler.exceptions import AtWorkError
from podcrawler.fleet.at_work import place_in
from tests.builders import AT_ONCE, media_requested
from tests.conftest import Commands, Result, until
from tests.origin import RunningOrigin

OPML = '<opml version="2.0"><body><outline type="rss" text="A" xmlUrl="{0}"/></body></opml>'


def feed(origin: RunningOrigin, title: str, more: str = "episodes=1&size=100") -> str:
    return f"{origin.address}/feed.xml?title={title}&{more}"


def archive_of(commands: Commands, given: bytes, *arguments: str) -> Result:
    """What ``archive -`` does with this as its standard input."""
    ended = subprocess.run(
        [sys.executable, "-m", "podcrawler", "archive", "-", *arguments],
        cwd=commands.folder,
        input=given,
        capture_output=True,
        timeout=90,
        check=False,
    )
    return Result(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def titles(commands: Commands) -> set[str]:
    return {path.partition("-")[0] for path in commands.files()}


def test_files_and_state_go_where_the_user_says(commands: Commands, origin: RunningOrigin) -> None:
    assert commands.run("archive", feed(origin, "a"), "--to", "some/where").status == 0
    assert [path.name for path in commands.folder.iterdir()] == ["some"]
    (podcast,) = (commands.folder / "some/where").glob("[!.]*/")
    assert [path.stat().st_size for path in podcast.glob("*.mp3")] == [100]


def test_so_many_episodes_are_downloaded_at_once(commands: Commands, origin: RunningOrigin) -> None:
    address = feed(origin, "a", "episodes=6&size=100000&stall_after=1000")
    with commands.start("archive", address, "--jobs", "3") as archive:
        until(lambda: media_requested(origin) == 3)
        origin.release()
        assert archive.wait(60) == 0
    assert origin.most_at_once() == 3


def test_the_rate_is_that_of_all_downloads_together(commands: Commands, origin: RunningOrigin) -> None:
    other = origin.address.replace("127.0.0.1", "localhost")
    addresses = feed(origin, "a", "episodes=2&size=200000"), f"{other}/feed.xml?title=b&episodes=2&size=200000"
    ended = commands.run("archive", *addresses, "--limit-rate", "200k", "-s", "PODCRAWLER_ALLOW_HOSTS=localhost")
    assert "4 finished (800.0 kB)" in ended.out
    # 800 kB, but for what may come ahead.
    assert float(ended.out.rpartition(" in ")[2].split()[0]) > 3


@pytest.mark.parametrize(
    "text",
    [
        b"# ours\n{a}\n\n   {b}  \r\n",
        b"\xef\xbb\xbf{a}\n{b}",
        b"{a}\r{b}\n{a}",
    ],
    ids=["comments", "bom", "old-lines"],
)
def test_a_file_may_have_an_address_on_each_line(commands: Commands, origin: RunningOrigin, text: bytes) -> None:
    a, b = (feed(origin, title).encode() for title in "ab")
    (commands.folder / "list.txt").write_bytes(text.replace(b"{a}", a).replace(b"{b}", b))
    assert commands.run("archive", "list.txt").status == 0
    assert titles(commands) == {"a", "b"}


def test_addresses_come_from_standard_input(commands: Commands, origin: RunningOrigin) -> None:
    ended = archive_of(commands, f"{feed(origin, 'a')}\n".encode(), feed(origin, "b"))
    assert ended.status == 0, ended.err
    assert titles(commands) == {"a", "b"}


@pytest.mark.parametrize("how", ["file", "input"])
def test_a_list_of_subscriptions_works_in_both_ways(commands: Commands, origin: RunningOrigin, how: str) -> None:
    text = OPML.format(feed(origin, "a").replace("&", "&amp;"))
    (commands.folder / "list.opml").write_text(text)
    ended = commands.run("archive", "list.opml") if how == "file" else archive_of(commands, text.encode())
    assert ended.status == 0, ended.err
    assert titles(commands) == {"a"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "list.txt has no addresses; write one on each line."),
        (b"# nothing\n\n", "list.txt has no addresses; write one on each line."),
        (b"https://example.com/\nmy podcast\n", 'list.txt, line 2: "my podcast" is not an address: '),
        (b"<rss><channel/></rss>", "list.txt is neither a list of subscriptions (OPML) nor a list of addresses"),
        (b"\x89PNG\r\n\0\0", "list.txt is neither a list of subscriptions (OPML) nor a list of addresses"),
        (b"\0" * 9, "list.txt is neither a list of subscriptions (OPML) nor a list of addresses"),
        (b"<opml><body/></opml>", "list.txt is a list of subscriptions (OPML) without the address of a feed"),
    ],
)
def test_what_is_no_list_ends_in_a_sentence(commands: Commands, content: bytes, sentence: str) -> None:
    Path(commands.folder, "list.txt").write_bytes(content)
    ended = commands.run("archive", "list.txt")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith(f"podcrawler: {sentence}")


def test_a_second_archive_on_the_same_folder_says_that_one_is_at_work(
    commands: Commands, origin: RunningOrigin
) -> None:
    with commands.start("archive", feed(origin, "a", "episodes=1&size=1000000&stall_after=1000")) as first:
        until(lambda: media_requested(origin) == 1)
        second = commands.run("archive", feed(origin, "b"))
        assert (second.status, second.out) == (4, "")
        assert f"An archive is at work in {commands.archive / '.podcrawler'} (process {first.pid})" in second.err
        assert "--join" in second.err

        joined = commands.run("archive", feed(origin, "b"), "--join")
        assert (joined.status, "1 finished" in joined.out) == (0, True)
        assert first.poll() is None
        logs = {path.name for path in (commands.archive / ".podcrawler/logs").iterdir()}
        assert logs == {f"{spider}{place}.log" for spider in ("episodes", "podcasts") for place in ("", "-2")}
        origin.release()
        assert first.wait(60) == 0
    assert sorted(commands.files().values()) == [100, 1_000_000]


def test_a_killed_archive_is_not_at_work(commands: Commands, origin: RunningOrigin) -> None:
    address = feed(origin, "a", "episodes=1&size=1000000&stall_after=1000")
    with commands.start("archive", address) as archive:
        until(lambda: media_requested(origin) == 1)
        archive.kill()
        archive.wait()
    origin.release()
    assert commands.run("archive", address).status == 0


def test_a_folder_has_place_for_some(tmp_path: Path) -> None:
    with ExitStack() as stack:
        places = [stack.enter_context(place_in(tmp_path, beside_others=True)) for _ in range(9)]
        assert places == [1, 2, 3, 4, 5, 6, 7, 8, 9]
        for beside_others, sentence in ((True, "9 archives are at work"), (False, "An archive is at work")):
            with pytest.raises(AtWorkError, match=sentence), place_in(tmp_path, beside_others=beside_others):
                pass
    with place_in(tmp_path, beside_others=False) as place:
        assert place == 1


def test_at_its_deadline_it_ends_says_what_is_waiting_and_loses_nothing(
    commands: Commands, origin: RunningOrigin
) -> None:
    slow = feed(origin, "slow", "episodes=3&size=3000000&stall_after=2000000")
    options = ("--jobs", "2", "-s", "PODCRAWLER_SHUTDOWN_GRACE=0.2")
    ended = commands.run("archive", slow, "--max-wait", "5s", *options)
    assert ended.status == 3, ended.out + ended.err
    assert "The time is over: downloads get 0.2 s to end.\n" in ended.err
    assert re.search(r"0 finished \(0 bytes\), 0 already there, 0 failed, in .* s; still waiting: \d ", ended.out)
    quiet = commands.run("archive", slow, "--max-wait", "0", "--quiet", *options)
    assert (quiet.status, quiet.err) == (3, "")
    assert re.fullmatch(r"still waiting: .+\.\n", quiet.out)
    origin.release()
    assert commands.run("archive", slow).status == 0
    assert list(commands.files().values()) == [3_000_000] * 3


def test_quiet_says_what_failed_and_nothing_else(commands: Commands, origin: RunningOrigin) -> None:
    good = commands.run("archive", feed(origin, "good"), "--quiet")
    assert (good.status, good.out, good.err) == (0, "", "")
    bad = commands.run("archive", feed(origin, "bad", "episodes=1&size=10&status=404"), "--quiet")
    assert (bad.status, bad.err) == (1, "")
    assert re.fullmatch(r"failed: bad-\S+ Episode 1 \[http-404\]: .+\n", bad.out)


def test_verbose_says_what_was_read_and_what_was_there(commands: Commands, origin: RunningOrigin) -> None:
    address = feed(origin, "a")
    err = commands.run("archive", address, "--verbose").err
    assert f"read {address}\n" in err
    assert "finished a-" in err
    (commands.archive / ".podcrawler").rename(commands.folder / "lost")
    assert "already there: a-" in commands.run("archive", address, "--verbose").err
    assert "already there: a-" not in commands.run("archive", address).err


def test_what_an_earlier_run_left_of_other_podcasts_is_left_alone(commands: Commands, origin: RunningOrigin) -> None:
    left = feed(origin, "left", "episodes=3&size=1000000&stall_after=1000")
    with commands.start("archive", left, "--jobs", "1", *AT_ONCE) as archive:
        until(lambda: media_requested(origin) == 1)
        os.killpg(archive.pid, signal.SIGINT)
        archive.wait(30)
    origin.release()
    own = commands.run("archive", feed(origin, "own"))
    assert own.status == 0, own.err
    assert titles(commands) == {"own"}
    assert "episodes: 3 pending, 0 leased, 0 delayed, 0 failed, 1 finished" in commands.run("status").out
    more = commands.run("archive", left)
    assert (more.status, "3 finished (3.0 MB)" in more.out) == (0, True)


def test_only_is_refused_where_other_nodes_work(fleet: Commands) -> None:
    ended = fleet.run("archive", "http://x/", "--only")
    assert (ended.status, "--only is for a queue of its own" in ended.err) == (2, True)
