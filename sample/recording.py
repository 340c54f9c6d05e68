"""``python -m sample.recording [FILE]``: records a first run of podcrawler on the sample, as a picture for the README.

The picture (SVG) shows the screen of a terminal twice: while files come, and at the end. The tunes of the sample are
made longer, and the rate is limited, or they would be there before anybody had seen a bar.
"""

import argparse
import os
import sys
import tempfile
from itertools import groupby
from pathlib import Path
from urllib.parse import urljoin

import pyte
from rich.console import Console
from rich.style import Style
from rich.text import Text

from sample.server import SampleServer
from sample.terminal import Terminal

_COLUMNS, _LINES = 100, 24
_FILE = "docs/first-run.svg"
_REPEATS, _RATE = 100, "2M"
#: The names of colours that rich has others for.
_COLOURS = {"brown": "yellow", "default": None}
#: So many rows have a rate, that of the whole among them.
_BEGUN = 3


def record(port: int = 0) -> str:
    """The picture of a run, whose sample is served at this port (0: any)."""
    with SampleServer(port, repeats=_REPEATS) as address, tempfile.TemporaryDirectory() as folder:
        feed = urljoin(address, "feed.xml")
        words = ["archive", feed, "--limit-rate", _RATE]
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        with Terminal(
            [sys.executable, "-m", "podcrawler", *words],
            folder=Path(folder),
            environment=environment,
            columns=_COLUMNS,
            lines=_LINES,
        ) as terminal:
            terminal.wait_for(lambda: sum("kB/s" in line for line in terminal.lines) >= _BEGUN)
            during = _lines(terminal.screen)
            if status := terminal.wait():
                raise RuntimeError(f"The run ended with status {status}:\n{terminal.text}")
            after = _lines(terminal.screen)
    command = Text.assemble(("$ ", "green"), " ".join(["podcrawler", *words]))
    return _picture([command, *during, Text("⋮", style="dim"), *after])


def _lines(screen: pyte.Screen) -> list[Text]:
    """What the screen shows, up to its last line with anything in it."""
    lines = []
    for number in range(screen.lines):
        row = screen.buffer[number]
        line = Text()
        for (colour, is_bold), chars in groupby(map(row.__getitem__, range(screen.columns)), lambda c: (c.fg, c.bold)):
            line.append("".join(char.data for char in chars), Style(color=_colour(colour), bold=is_bold))
        line.rstrip()
        lines.append(line)
    while lines and not lines[-1].plain:
        lines.pop()
    return lines


def _colour(name: str) -> str | None:
    is_number = len(name) == 6 and all(digit in "0123456789abcdef" for digit in name)
    return f"#{name}" if is_number else _COLOURS.get(name, name)


def _picture(lines: list[Text]) -> str:
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=_COLUMNS, file=nowhere, force_terminal=True, color_system="truecolor")
        for line in lines:
            console.print(line, no_wrap=True, overflow="crop")
    # Always the same names in the picture, so that only what is seen changes it.
    return console.export_svg(title="podcrawler", unique_id="first-run")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sample.recording", description="Record a first run of podcrawler.")
    parser.add_argument("file", metavar="FILE", nargs="?", default=_FILE, help="where it goes (%(default)s)")
    parser.add_argument("--port", type=int, default=41683, help="where the sample is served (%(default)s)")
    arguments = parser.parse_args()
    Path(arguments.file).write_text(record(arguments.port), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
