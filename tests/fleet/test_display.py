"""What ``archive`` shows in files and pipes; commands/test_archive.py looks at a terminal."""

import time

import pytest

from podcrawler.fleet.display import Lines, View
from podcrawler.fleet.outcome import JobProgress
from podcrawler.fleet.pace import Pace
from podcrawler.queue.archive import Event
from podcrawler.queue.overview import InHand
from podcrawler.queue.states import Delay

MB = 1_000_000


def test_every_event_that_concerns_a_user_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with Lines() as display:
        for event in (
            Event("1-0", "finished", "show/1", "show", size=48_000, path="show/1.One.mp3"),
            Event("2-0", "delayed", "show/2", "show", kind="timeout", reason="Too slow."),
            Event("5-0", "delayed", "show/4", "show", kind="http-429", reason="Busy.", delay=3480),
            Event("3-0", "failed", "show/3", "show", kind="http-404", reason="Not there."),
            Event("4-0", "finished", "http://x/", "http://x/"),
        ):
            display.show_event(event)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        "finished show/1.One.mp3 (48.0 kB)",
        "will be tried again: show/2 [timeout]: Too slow.",
        "will be tried again in 58 min: show/4 [http-429]: Busy.",
        "failed show/3 [http-404]: Not there.",
    ]


def view(idle: float = 0.0, *in_hand: InHand, **changes: object) -> View:
    values: dict[str, object] = {
        "open_episodes": 7,
        "open_pages": 0,
        "finished": 2,
        "bytes": 20 * MB,
        "found": 1,
        "failed": 0,
    }
    progress = JobProgress(**values | changes)  # type: ignore[arg-type]  # of a test
    return View(progress, Pace(10, 25 * MB, 90 * MB, True, 2.5 * MB, 26), list(in_hand), idle)


def test_the_first_line_of_a_wait_says_what_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = InHand("a/1", "One", 5, 10), InHand("a/2", "Two", 5, 10)
    with Lines() as display:
        for shown in (
            view(2.9, first),
            view(3.1, first, second),
            view(9.0, first, second),
            view(0.0, first, second),
            view(4.0, delays=[Delay("media.example.com", 3, 41.2)], page_delays=[Delay("example.com", 1, 5)]),
            view(0.0),
            view(4.0, unread=["http://x/feed", "http://y/feed"], open_pages=2),
            view(0.0),
            view(4.0, open_pages=2),
            view(0.0),
            view(4.0),
            view(0.0),
            view(4.0, open_episodes=0),
        ):
            display.show(shown)
    assert capsys.readouterr().err.splitlines() == [
        "waiting for bytes of a/1 and 1 more",
        "1 page waits for example.com, next try in 5 s; 3 wait for media.example.com, next try in 42 s",
        "waiting for http://x/feed and 1 more",
        "waiting for 2 feeds or pages",
        "waiting for a node to begin with 7 episodes",
    ]


def test_there_is_a_line_a_minute_about_the_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with Lines() as display:
        for _ in range(130):
            display.show(view(0.0, InHand("a/1", "One", 5, 10)))
            now += 1
    line = "3 of 10 episodes, 25.0 MB of about 90.0 MB, 2.5 MB/s, 26 s left; 1 downloading"
    assert capsys.readouterr().err.splitlines() == [line] * 2


def test_what_is_begun_is_a_line_if_the_user_wants_that(capsys: pytest.CaptureFixture[str]) -> None:
    with Lines(is_verbose=True) as display:
        for _ in range(2):
            display.show(view(0.0, InHand("a/1", "One", 5, 10 * MB), InHand("a/2", "", 5, None)))
    assert capsys.readouterr().err.splitlines() == ["downloading a/1 One (10.0 MB)", "downloading a/2"]
