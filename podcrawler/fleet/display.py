"""What ``archive`` shows while it works: bars on a terminal, plain lines everywhere else. All on standard error."""

import sys
import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from podcrawler.fleet.job import Event, Standing
from podcrawler.fleet.report import InHand

#: Seconds between two plain lines that say how far the work is.
_LINE_INTERVAL = 10.0


class Display(Protocol):
    """A place to show progress in."""

    def tell(self, event: Event) -> None:
        """Something came to an end, well or not."""

    def say(self, sentence: str) -> None:
        """Something that the user should know."""

    def show(self, standing: Standing, in_hand: list[InHand]) -> None:
        """How far the work is, and what is being downloaded."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def new_display() -> Display:
    """The display that suits where standard error goes."""
    return Bars() if sys.stderr.isatty() else Lines()


def printable(line: str) -> str:
    """The line without what a terminal would take for a command: titles and addresses come from strangers."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)


def human_bytes(count: float) -> str:
    """``count`` bytes with the unit that a person would choose."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _sentence(event: Event) -> str | None:
    """One line about an event; None for what nobody needs to know."""
    if event.state == "failed":
        return f"failed {event.key} [{event.kind}]: {event.reason}"
    if event.state == "delayed":
        return f"will be tried again: {event.key} [{event.kind}]: {event.reason}"
    if event.path:
        return f"finished {event.path} ({human_bytes(event.size)})"
    return None


def _summary(standing: Standing) -> str:
    total = standing.finished + standing.failed + standing.open_episodes
    failed = f", {standing.failed} failed" if standing.failed else ""
    return f"{standing.finished} of {total} episodes{failed}, {human_bytes(standing.bytes)}"


class Lines:
    """For files and pipes: a line for each end, and one now and then for the whole."""

    def __init__(self) -> None:
        self._next_line = time.monotonic() + _LINE_INTERVAL

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def tell(self, event: Event) -> None:
        if line := _sentence(event):
            self.say(line)

    def say(self, sentence: str) -> None:
        print(printable(sentence), file=sys.stderr, flush=True)

    def show(self, standing: Standing, in_hand: list[InHand]) -> None:
        if time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _LINE_INTERVAL
            self.say(f"{_summary(standing)}; {len(in_hand)} downloading")


class Bars:
    """For a terminal: a bar for the whole, and one for each download."""

    def __init__(self) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", table_column=None),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._whole = self._progress.add_task("looking for episodes", total=None)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def tell(self, event: Event) -> None:
        if line := _sentence(event):
            self.say(line)

    def say(self, sentence: str) -> None:
        self._progress.console.print(escape(printable(sentence)), highlight=False, soft_wrap=True)

    def show(self, standing: Standing, in_hand: list[InHand]) -> None:
        ended = standing.finished + standing.failed
        total = ended + standing.open_episodes
        self._progress.update(
            self._whole,
            description=_summary(standing) if total else "looking for episodes",
            completed=ended,
            total=total or None,
        )
        for episode in in_hand:
            if episode.key not in self._tasks:
                self._tasks[episode.key] = self._progress.add_task(
                    escape(_short(printable(episode.title or episode.key)))
                )
            self._progress.update(self._tasks[episode.key], completed=episode.received, total=episode.expected)
        for key in self._tasks.keys() - {episode.key for episode in in_hand}:
            self._progress.remove_task(self._tasks.pop(key))


def _short(title: str) -> str:
    return title if len(title) <= 40 else f"{title[:39]}…"
