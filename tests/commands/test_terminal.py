"""What ``archive`` shows on a terminal: the contents of its screen, at several widths."""

import os
import re
import sys
from pathlib import Path

import pytest

from sample.terminal import Terminal
from tests.origin import RunningOrigin

WIDTHS = pytest.mark.parametrize("columns", [60, 120, 200])
LONG = "The Long Way Home From the Lighthouse"


def archive(folder: Path, columns: int, address: str, *options: str) -> Terminal:
    command = [sys.executable, "-m", "podcrawler", "archive", address, *options]
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    return Terminal(command, folder=folder, environment=environment, columns=columns)


def three(origin: RunningOrigin, how: str) -> str:
    """The address of a podcast with three episodes of 3 MB."""
    return f"{origin.address}/feed.xml?title={LONG.replace(' ', '+')}&episodes=3&size=3000000&{how}"


def received(terminal: Terminal) -> float:
    """The MB in the row of the whole job; 0 if there is none."""
    found = re.search(r"(?m)^0 of 3 episodes .*?([0-9.]+)/~?9\.0 MB", terminal.text)
    return float(found[1]) if found else 0.0


def shows(terminal: Terminal, sentences: str) -> bool:
    """Whether the screen shows this, wherever its lines are cut; ``...`` stands for anything."""
    wanted = re.escape("".join(sentences.split())).replace(re.escape("..."), ".*")
    return re.search(wanted, "".join(terminal.text.split())) is not None


def rows(terminal: Terminal) -> list[str]:
    """The rows of downloads."""
    return [line for line in terminal.lines if line.startswith("  ")]


def have_begun(terminal: Terminal) -> bool:
    """Whether all three downloads have a row, with what came so far."""
    return len([row for row in rows(terminal) if re.search(r" [0-9.]+/3\.0 MB", row)]) == 3 and received(terminal) > 0


@WIDTHS
def test_three_downloads_and_the_whole_have_a_row_each(tmp_path: Path, origin: RunningOrigin, columns: int) -> None:
    with archive(tmp_path, columns, three(origin, "stall_after=2000000")) as terminal:
        terminal.wait_for(lambda: have_begun(terminal))
        assert [re.sub(r" .*", "", row.strip()) for row in rows(terminal)] == ["Episode"] * 3
        # Only where there is room.
        assert ["━" in row for row in rows(terminal)] == [columns > 72] * 3
        terminal.wait_for(lambda: shows(terminal, "waiting for bytes of the-long-...and 2 more"))
        origin.release()
        assert terminal.wait() == 0
    assert len(re.findall(r"(?m)^finished the-long-way", terminal.text)) == 3
    # Of the rows nothing is left.
    assert not rows(terminal)
    assert shows(terminal, "3 finished (9.0 MB), 0 already there, 0 failed")


@WIDTHS
def test_after_ctrl_c_downloads_may_end(tmp_path: Path, origin: RunningOrigin, columns: int) -> None:
    with archive(tmp_path, columns, three(origin, "stall_after=2000000")) as terminal:
        terminal.wait_for(lambda: have_begun(terminal))
        terminal.press_ctrl_c()
        terminal.wait_for(lambda: shows(terminal, "press Ctrl-C again to stop at once."))
        terminal.wait_for(lambda: have_begun(terminal))
        origin.release()
        assert terminal.wait() == 130
    assert not rows(terminal)
    assert shows(
        terminal, "Stopped: 3 finished (9.0 MB), nothing is left. podcrawler: interrupted; run the same command"
    )


@WIDTHS
def test_after_ctrl_c_the_numbers_go_on_and_after_another_one_what_is_left_is_told(
    tmp_path: Path, origin: RunningOrigin, columns: int
) -> None:
    with archive(tmp_path, columns, three(origin, "rate=150000")) as terminal:
        terminal.wait_for(lambda: have_begun(terminal))
        terminal.press_ctrl_c()
        terminal.wait_for(lambda: shows(terminal, "press Ctrl-C again to stop at once.") and have_begun(terminal))
        before = received(terminal)
        terminal.wait_for(lambda: received(terminal) > before)
        terminal.press_ctrl_c()
        assert terminal.wait() == 130
    assert not rows(terminal)
    assert shows(terminal, "Stopping at once. Stopped: 0 finished (0 bytes), 3 handed back (...B of them kept).")
    assert shows(terminal, "podcrawler: interrupted; run the same command again to continue.")
