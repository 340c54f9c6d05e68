"""What ``archive`` shows while it runs, on standard error: progress bars on a terminal, plain lines anywhere else."""

import sys
import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.filesize import decimal
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

from podcrawler.durations import duration
from podcrawler.fleet.job import JobProgress
from podcrawler.logins import masked
from podcrawler.queue.archive import Event, InHand

#: Seconds between two plain lines about progress.
_LINE_INTERVAL = 10.0


class Display(Protocol):
    """A place to show progress in."""

    def show_event(self, event: Event) -> None:
        """A lease ended."""

    def show_line(self, sentence: str) -> None:
        """Something else that the user should know."""

    def show_progress(self, progress: JobProgress, in_hand: list[InHand]) -> None:
        """How far the job is, and what is being downloaded."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def new_display() -> Display:
    """The display for what standard error is: a terminal, or a file or pipe."""
    return Bars() if sys.stderr.isatty() else Lines()


def printable(line: str) -> str:
    """The line without control characters, which could command the terminal, and without logins: titles and addresses
    come from feeds."""
    return masked("".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line))


def _sentence(event: Event) -> str | None:
    """One line about an event; None if nothing failed and nothing was downloaded."""
    if event.state == "failed":
        return f"failed {event.key} [{event.kind}]: {event.reason}"
    if event.state == "delayed":
        wait = f" in {duration(event.delay)}" if event.delay else ""
        return f"will be tried again{wait}: {event.key} [{event.kind}]: {event.reason}"
    if event.path:
        return f"finished {event.path} ({decimal(event.size)})"
    return None


def _summary(progress: JobProgress) -> str:
    total = progress.finished + progress.failed + progress.open_episodes
    failed = f", {progress.failed} failed" if progress.failed else ""
    return f"{progress.finished} of {total} episodes{failed}, {decimal(progress.bytes)}"


def _waits(progress: JobProgress) -> str:
    limited = [wait.host for wait in progress.waits if wait.connections]
    return f"; all connections in use: {', '.join(limited)}" if limited else ""


class Lines:
    """For files and pipes: a line for each event, and now and then one about the whole job."""

    def __init__(self) -> None:
        self._next_line = time.monotonic() + _LINE_INTERVAL

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show_event(self, event: Event) -> None:
        if line := _sentence(event):
            self.show_line(line)

    def show_line(self, sentence: str) -> None:
        print(printable(sentence), file=sys.stderr, flush=True)

    def show_progress(self, progress: JobProgress, in_hand: list[InHand]) -> None:
        if time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _LINE_INTERVAL
            self.show_line(f"{_summary(progress)}; {len(in_hand)} downloading{_waits(progress)}")


class Bars:
    """For a terminal: a bar for the whole job, and one for each download."""

    def __init__(self) -> None:
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", table_column=None),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._whole = self._bars.add_task("looking for episodes", total=None)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def show_event(self, event: Event) -> None:
        if line := _sentence(event):
            self.show_line(line)

    def show_line(self, sentence: str) -> None:
        self._bars.console.print(escape(printable(sentence)), highlight=False, soft_wrap=True)

    def show_progress(self, progress: JobProgress, in_hand: list[InHand]) -> None:
        ended = progress.finished + progress.failed
        total = ended + progress.open_episodes
        self._bars.update(
            self._whole,
            description=_summary(progress) if total else "looking for episodes",
            completed=ended,
            total=total or None,
        )
        for episode in in_hand:
            if episode.key not in self._tasks:
                self._tasks[episode.key] = self._bars.add_task(escape(_short(printable(episode.title or episode.key))))
            self._bars.update(self._tasks[episode.key], completed=episode.received, total=episode.expected)
        for key in self._tasks.keys() - {episode.key for episode in in_hand}:
            self._bars.remove_task(self._tasks.pop(key))


def _short(title: str) -> str:
    return title if len(title) <= 40 else f"{title[:39]}…"
