"""What ``archive`` shows while it runs, on standard error: plain lines, unless it is a terminal (bars.py)."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from rich.filesize import decimal

from podcrawler.durations import duration
from podcrawler.fleet.outcome import JobProgress
from podcrawler.fleet.pace import Pace
from podcrawler.fleet.patience import PATIENCE
from podcrawler.fleet.waiting import delayed, silence, waiting
from podcrawler.printing import say
from podcrawler.queue.archive import Event
from podcrawler.queue.overview import InHand

#: Seconds between two plain lines about progress.
_LINE_INTERVAL = 60.0


@dataclass(frozen=True, slots=True)
class View:
    """What there is to show at one moment."""

    progress: JobProgress
    pace: Pace
    #: The transfers of the job.
    in_hand: list[InHand]
    #: Seconds since something came.
    idle: float

    @property
    def summary(self) -> str:
        """Episodes, by what became of them."""
        progress = self.progress
        if not self.pace.total:
            return "looking for episodes"
        failed = f", {progress.failed} failed" if progress.failed else ""
        return f"{progress.finished + progress.found} of {self.pace.total} episodes{failed}"

    @property
    def waits(self) -> list[str]:
        """What is waited for, in sentences."""
        progress = self.progress
        sentences = [delayed(delay, "page") for delay in progress.page_delays]
        sentences += [delayed(delay) for delay in progress.delays]
        # One that has all of its connections is not waited for while they are this run's.
        sentences += [waiting(wait) for wait in progress.waits if not wait.connections or not self.in_hand]
        if not sentences and self.idle >= PATIENCE:
            silent = silence(progress.unread, progress.open_pages, self.in_hand, progress.open_episodes)
            sentences += [silent] if silent else []
        return sentences


class Display(Protocol):
    """A place to show progress in."""

    def show_event(self, event: Event) -> None:
        """A lease ended."""

    def show_line(self, sentence: str, *, is_problem: bool = False) -> None:
        """Something else that the user should know."""

    def show(self, view: View) -> None:
        """How far the job is, what is being downloaded, and what is waited for."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def sentence_of(event: Event, *, is_verbose: bool = False) -> str | None:
    """One line about an event; None if nothing failed and nothing was downloaded, and the user wants no more."""
    if event.state == "failed":
        return f"failed {event.key} [{event.kind}]: {event.reason}"
    if event.state == "delayed":
        wait = f" in {duration(event.delay)}" if event.delay else ""
        return f"will be tried again{wait}: {event.key} [{event.kind}]: {event.reason}"
    if event.path:
        return f"finished {event.path} ({decimal(event.size)})"
    if is_verbose:
        return f"read {event.key}" if "://" in event.key else f"already there: {event.key}"
    return None


class Silent:
    """Shows problems alone."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show_event(self, event: Event) -> None:
        pass

    def show_line(self, sentence: str, *, is_problem: bool = False) -> None:
        if is_problem:
            say(sentence, is_error=True)

    def show(self, view: View) -> None:
        pass


class Begun:
    """Tells which transfers are new."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def sentences(self, view: View) -> Iterator[str]:
        for episode in view.in_hand:
            if episode.key not in self._known:
                size = f" ({decimal(episode.expected)})" if episode.expected is not None else ""
                yield f"downloading {episode.key} {episode.title}".rstrip() + size
        self._known = {episode.key for episode in view.in_hand}


class Lines:
    """For files and pipes: a line for each event, one a minute about the whole job, and one when nothing comes."""

    def __init__(self, *, is_verbose: bool = False) -> None:
        self._begun = Begun() if is_verbose else None
        self._next_line = time.monotonic() + _LINE_INTERVAL
        self._has_told_wait = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show_event(self, event: Event) -> None:
        if line := sentence_of(event, is_verbose=self._begun is not None):
            self.show_line(line)

    def show_line(self, sentence: str, *, is_problem: bool = False) -> None:  # noqa: ARG002 (all are shown)
        say(sentence, is_error=True)

    def show(self, view: View) -> None:
        for sentence in self._begun.sentences(view) if self._begun else ():
            self.show_line(sentence)
        if view.idle < PATIENCE:
            self._has_told_wait = False
        elif not self._has_told_wait and (waits := view.waits):
            self._has_told_wait = True
            self.show_line("; ".join(waits))
        if time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _LINE_INTERVAL
            self.show_line("; ".join([whole_of(view), f"{len(view.in_hand)} downloading", *view.waits]))


def whole_of(view: View) -> str:
    """The whole job in one line."""
    pace = view.pace
    parts = [view.summary, size_of(pace)]
    parts += [f"{decimal(round(pace.rate))}/s"] if pace.rate else []
    parts += [f"{duration(pace.left)} left"] if pace.left is not None else []
    return ", ".join(parts)


def size_of(pace: Pace) -> str:
    """The bytes of the job, and of how many."""
    if pace.expected is None:
        return decimal(pace.received)
    return f"{decimal(pace.received)} of {'about ' if pace.is_estimate else ''}{decimal(pace.expected)}"
