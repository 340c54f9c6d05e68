"""What ``archive`` shows in files and pipes; commands/test_archive.py looks at a terminal."""

import pytest

from podcrawler.fleet.display import Lines
from podcrawler.queue.archive import Event


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
