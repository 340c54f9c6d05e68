"""Which episodes ``archive`` takes, by its options, and what becomes of the others."""

import json
import os
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typing_extensions import override

from tests import serving
from tests.builders import AT_ONCE, media_requested
from tests.conftest import Client, Commands, until
from tests.origin import RunningOrigin

#: The origin's episode k is of January k+1, 2024, and has k minutes, and k times this many bytes.
SIZE = 100


def feed(origin: RunningOrigin, more: str = "") -> str:
    return f"{origin.address}/feed.xml?episodes=8&size={SIZE}&details=1&title=Show{more}"


def fetched(commands: Commands) -> set[int]:
    """The numbers of the episodes in the archive."""
    return {int(path.partition("/episode-")[2].partition(".")[0]) for path in commands.files()}


def episodes(commands: Commands) -> dict[str, dict[str, Any]]:
    """What ``episodes`` says of each of the one podcast, by id."""
    (podcast,) = (json.loads(line)["id"] for line in commands.run("podcasts", "--json").out.splitlines())
    lines = [json.loads(line) for line in commands.run("episodes", podcast, "--json").out.splitlines()]
    found = {line["id"]: line for line in lines}
    assert len(found) == len(lines)
    return found


def hours_ago(day: int) -> int:
    """Hours since the middle of that day, half a day from the episodes of that day and the next, whatever time it is
    now."""
    return (datetime.now(UTC) - datetime(2024, 1, day, 12, tzinfo=UTC)) // timedelta(hours=1)


@pytest.mark.parametrize(
    ("options", "expected", "reason"),
    [
        (["--latest", "2"], {7, 8}, "not among the latest 2"),
        (["--since", "2024-01-08"], {7, 8}, "before 2024-01-08"),
        (["--since", "HOURS"], {7, 8}, "more than HOURS old"),
        (["--until", "2024-01-03"], {1, 2}, "after 2024-01-03"),
        (["--match", "episode [12]|LAND"], {1, 2, 4, 6, 8}, "no match of --match episode [12]|LAND"),
        (["--reject", "sea"], {2, 4, 6, 8}, "description matches --reject sea"),
        (["--season", "2", "--type", "full"], {6, 7, 8}, "of type trailer"),
        (["--min-duration", "2m", "--max-duration", "180"], {2, 3}, "shorter than 2 min"),
        (["--max-size", str(3 * SIZE)], {1, 2, 3}, f"larger than {3 * SIZE} bytes"),
        (["--new-only"], set(), "from before --new-only began"),
    ],
)
def test_each_option_narrows_the_choice(
    commands: Commands, origin: RunningOrigin, options: list[str], expected: set[int], reason: str
) -> None:
    # Only now: each worker of xdist must collect the same tests.
    hours = f"{hours_ago(7)}h"
    ended = commands.run("archive", feed(origin), *(option.replace("HOURS", hours) for option in options))
    assert ended.status == 0, ended.err
    assert fetched(commands) == expected
    assert media_requested(origin) == len(expected)
    assert f"(8 entries: {len(expected)} episodes, {8 - len(expected)} not wanted)" in ended.out
    found = episodes(commands)
    assert len(found) == 8
    left_out = {name: one for name, one in found.items() if one["state"] == "left out"}
    assert {int(name.removeprefix("episode-")) for name in left_out} == {1, 2, 3, 4, 5, 6, 7, 8} - expected
    assert reason.replace("HOURS", hours) in {one["reason"] for one in left_out.values()}
    assert all(one["title"].startswith("Episode ") for one in left_out.values())


def test_the_reason_is_told_in_a_line(commands: Commands, origin: RunningOrigin) -> None:
    assert commands.run("archive", feed(origin), "--latest", "1").status == 0
    (podcast,) = (json.loads(line)["id"] for line in commands.run("podcasts", "--json").out.splitlines())
    assert "left out  episode-3  Episode 3  (not among the latest 1)\n" in commands.run("episodes", podcast).out


def test_loosening_queues_what_fits_now_and_tightening_keeps_what_is_there(
    commands: Commands, origin: RunningOrigin
) -> None:
    for options, expected in (
        (["--latest", "2"], {7, 8}),
        (["--latest", "3"], {6, 7, 8}),
        (["--since", "2024-01-05"], {4, 5, 6, 7, 8}),
        (["--latest", "1"], {4, 5, 6, 7, 8}),
        ([], {1, 2, 3, 4, 5, 6, 7, 8}),
    ):
        ended = commands.run("archive", feed(origin), *options)
        assert ended.status == 0, ended.err
        assert fetched(commands) == expected
        left_out = {name for name, one in episodes(commands).items() if one["state"] == "left out"}
        assert {int(name.removeprefix("episode-")) for name in left_out} == {1, 2, 3, 4, 5, 6, 7, 8} - expected


def test_what_was_queued_is_left_out_after_a_stricter_option(commands: Commands, origin: RunningOrigin) -> None:
    address = feed(origin, "&stall_head=1")
    with commands.start("archive", address, "--jobs", "1", *AT_ONCE) as archive:
        until(lambda: media_requested(origin) == 1)
        os.killpg(archive.pid, signal.SIGINT)
        archive.wait(30)
    origin.release()
    ended = commands.run("archive", address, "--latest", "2")
    assert ended.status == 0, ended.err
    assert fetched(commands) == {7, 8}
    states = [one["state"] for one in episodes(commands).values()]
    assert (states.count("finished"), states.count("left out")) == (2, 6)


def test_what_failed_and_is_not_wanted_any_more_is_no_failure(commands: Commands, origin: RunningOrigin) -> None:
    address = feed(origin, "&status=404")
    assert commands.run("archive", address).status == 1
    assert commands.run("archive", address, "--since", "2025-01-01").status == 0
    assert commands.run("failed").out.strip() in ("", "Nothing has failed.")
    assert commands.run("archive", address, "--latest", "1").status == 1


def test_what_is_gone_and_not_wanted_is_not_missed(commands: Commands, origin: RunningOrigin) -> None:
    assert commands.run("archive", feed(origin)).status == 0
    for path in commands.files():
        (commands.archive / path).unlink()
    ended = commands.run("archive", feed(origin), "--latest", "1")
    assert (ended.status, fetched(commands)) == (0, {8}), ended.out


@pytest.mark.parametrize("order", ["", "&oldest_first=1"])
def test_the_latest_are_those_of_all_pages(commands: Commands, origin: RunningOrigin, order: str) -> None:
    ended = commands.run("archive", feed(origin, f"&pages=4{order}"), "--latest", "3")
    assert ended.status == 0, ended.err
    assert {6, 7, 8} <= fetched(commands)
    if not order:
        assert fetched(commands) == {6, 7, 8}
    assert "forgotten" not in ended.err


@pytest.mark.parametrize("how", ["file", "address"])
def test_options_hold_for_the_podcasts_of_a_list(commands: Commands, origin: RunningOrigin, how: str) -> None:
    outlines = (f'<outline type="rss" text="{name}" xmlUrl="{_feed_of(origin, name)}"/>' for name in "ab")
    text = f'<opml version="2.0"><body>{"".join(outlines)}</body></opml>'
    (commands.folder / "list.opml").write_text(text)

    class Handler(serving.Handler):
        @override
        def get(self) -> None:
            self.answer(200, text.encode(), content_type="text/x-opml")

    with serving.serving(Handler) as port:
        address = f"http://127.0.0.1:{port}/list.opml" if how == "address" else "list.opml"
        words = ["archive", address, "--since", "2024-01-08"]
        ahead = commands.run(*words, "--dry-run")
        assert ahead.out.splitlines()[-1].startswith("4 to fetch (3.0 kB announced), 12 left out.")
        assert commands.run(*words).status == 0
    assert len(commands.files()) == 4
    assert fetched(commands) == {7, 8}


def _feed_of(origin: RunningOrigin, name: str) -> str:
    return feed(origin, f"&pages=2&title={name}").replace("&", "&amp;")


@pytest.mark.parametrize(
    ("order", "expected"), [([], list(range(1, 9))), (["--order", "newest"], list(range(8, 0, -1)))]
)
def test_the_order_is_that_of_the_downloads(
    commands: Commands, origin: RunningOrigin, order: list[str], expected: list[int]
) -> None:
    assert commands.run("archive", feed(origin), "--jobs", "1", *order).status == 0
    paths = [request.path for request in origin.requests() if request.path.startswith("/bytes/")]
    assert [int(path.partition(".")[0].removeprefix("/bytes/")) // SIZE for path in paths] == expected


def dump(redis: Client) -> dict[bytes, bytes]:
    return {key: redis.dump(key) for key in redis.scan_iter()}


def foreseen(commands: Commands, *words: str) -> dict[str, set[int]]:
    """The numbers of the episodes by what ``--dry-run`` says of them."""
    ended = commands.run("archive", *words, "--dry-run", "--json")
    assert (ended.status, ended.err) == (0, "")
    found: dict[str, set[int]] = {}
    for line in map(json.loads, ended.out.splitlines()):
        found.setdefault(line["outcome"], set()).add(int(line["id"].removeprefix("episode-")))
    assert sum(map(len, found.values())) == len(ended.out.splitlines()) == 8
    return found


@pytest.mark.parametrize(
    "runs",
    [
        [["--latest", "2"], ["--season", "1"], []],
        [["--match", "land"], ["--since", "2024-01-06", "--order", "newest"], ["--type", "trailer"]],
        [["--max-size", "300", "--reject", "2"], ["--new-only"], ["--until", "2024-01-05", "--latest", "2"]],
    ],
    ids=["latest", "match", "size"],
)
@pytest.mark.parametrize("more", ["", "&pages=3"])
def test_a_dry_run_says_what_the_real_run_does(
    fleet: Commands, origin: RunningOrigin, redis: Client, runs: list[list[str]], more: str
) -> None:
    there: set[int] = set()
    for options in runs:
        before, files = dump(redis), fleet.files()
        words = [feed(origin, more), *options]
        found = foreseen(fleet, *words)
        assert (dump(redis), fleet.files()) == (before, files)
        assert found.get("finished", set()) == there
        assert fleet.run("archive", *words).status == 0
        assert fetched(fleet) - there == found.get("fetch", set())
        there = fetched(fleet)
        left_out = {name for name, one in episodes(fleet).items() if one["state"] == "left out"}
        assert {int(name.removeprefix("episode-")) for name in left_out} == found.get("left out", set())


def test_a_dry_run_tells_what_failed_what_is_queued_and_what_is_gone(
    fleet: Commands, origin: RunningOrigin, redis: Client
) -> None:
    once = ("-s", "PODCRAWLER_MAX_TRIES=1")
    gone, busy = feed(origin, "&status=404"), feed(origin, "&status=500")
    assert fleet.run("archive", gone, "--latest", "2", *once).status == 1
    assert foreseen(fleet, gone, "--latest", "3") == {"failed": {7, 8}, "fetch": {6}, "left out": {1, 2, 3, 4, 5}}
    assert fleet.run("archive", busy, "--latest", "2", *once).status == 1
    assert foreseen(fleet, busy, "--latest", "1") == {"fetch": {8}, "left out": {1, 2, 3, 4, 5, 6, 7}}

    redis.flushall()
    good = feed(origin)
    redis.lpush("podcasts:start_urls", good)
    assert fleet.run("crawl", "podcasts", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1").status == 0
    assert foreseen(fleet, good, "--latest", "1") == {"queued": {8}, "left out": {1, 2, 3, 4, 5, 6, 7}}
    assert fleet.run("archive", good, "--latest", "1").status == 0
    for path in fleet.files():
        (fleet.archive / path).unlink()
    before = dump(redis)
    assert foreseen(fleet, good) == {"fetch": {1, 2, 3, 4, 5, 6, 7, 8}}
    assert dump(redis) == before


def test_a_dry_run_prints_a_table(commands: Commands, origin: RunningOrigin) -> None:
    ended = commands.run("archive", feed(origin), "--until", "2024-01-03", "--dry-run")
    assert (ended.status, ended.err) == (0, "")
    heading, first, _, third, *_, last = ended.out.splitlines()
    assert heading.startswith("Show: show-")
    assert first == "  episode-1  2024-01-02  100 bytes  Episode 1  fetch"
    assert third == "  episode-3  2024-01-04  300 bytes  Episode 3  left out: after 2024-01-03"
    assert last == "2 to fetch (300 bytes announced), 6 left out. Nothing was queued."
    assert commands.files() == {}
    assert media_requested(origin) == 0


def test_a_dry_run_of_what_cannot_be_read(commands: Commands, origin: RunningOrigin) -> None:
    bad = f"{origin.address}/nothing.xml"
    ended = commands.run("archive", bad, "--dry-run")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith(f"cannot be read: {bad} [http-404]: ")
    assert commands.run("archive", bad, feed(origin), "--dry-run").status == 1
    ended = commands.run("archive", bad, "--json")
    assert (ended.status, "--json is for --dry-run" in ended.err) == (2, True)


def test_new_only_is_from_when_it_was_first_asked_for(fleet: Commands, origin: RunningOrigin, redis: Client) -> None:
    assert fleet.run("archive", feed(origin), "--new-only").status == 0
    assert fetched(fleet) == set()
    (first,) = redis.hvals("{podcrawler}:new-only")
    redis.hset("{podcrawler}:new-only", feed(origin), round(datetime(2024, 1, 8, tzinfo=UTC).timestamp()))
    assert abs(int(first) - redis.time()[0]) < 120
    assert fleet.run("archive", feed(origin), "--new-only").status == 0
    assert fetched(fleet) == {7, 8}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--match", "("], "--match: '(' is not a regular expression (missing ) at position 1)."),
        (["--latest", "few"], "archive: argument --latest: few is no number; "),
        (["--latest", "0"], "--latest cannot be 0: it is no number from 1 to 100000."),
        (["--since", "soon"], "--since: soon is no moment; write how long ago, such as 30min, 2h or 7d, or a date "),
        (["--type", "short"], "archive: argument --type: invalid choice: 'short' (choose from "),
        (["--min-duration", "long"], "archive: argument --min-duration: long is no time such as 90, 10m or 2h; "),
        (["--max-size", "big"], "archive: argument --max-size: it is no number of bytes such as 500000, "),
    ],
)
def test_what_means_nothing_ends_in_a_sentence(commands: Commands, options: list[str], sentence: str) -> None:
    ended = commands.run("archive", "http://x/", *options)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith(f"podcrawler: {sentence}")
    assert ended.err.count("\n") == 1


def test_a_pattern_that_takes_too_long_is_told(commands: Commands, origin: RunningOrigin) -> None:
    address = feed(origin, f"&episode={'a' * 200}")
    ended = commands.run("archive", address, "--match", "(a|aa)+$")
    assert ended.status == 2
    assert "[wanted]: Which episodes are wanted cannot be told: --match (a|aa)+$ takes too long on 'aaa" in ended.out
