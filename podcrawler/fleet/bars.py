"""What ``archive`` shows on a terminal: a row for the whole job, one for each download, and what is waited for."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from rich.console import Console, Group
from rich.constrain import Constrain
from rich.filesize import decimal, pick_unit_and_suffix
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from podcrawler.fleet.display import Begun, View, sentence_of
from podcrawler.printing import printable
from podcrawler.queue.archive import Event

#: What a terminal writes where the cursor is: at the end of the last row. If that had no room for it, it would be in a
#: line of its own, and the rows would not be where they are looked for.
_ECHO = "^C^C"
#: From so many columns on, a bar has so many.
_BARS = ((136, 40), (96, 24), (68, 10))
#: Columns of bytes, bytes per second, and time, at least.
_NUMBERS = (13, 10, 5)
_UNITS = ["bytes", "kB", "MB", "GB", "TB"]
#: Sentences on what is waited for, and lines of the terminal that are not for downloads.
_MOST_WAITS, _OTHER_LINES = 3, 8


class Bars:
    """For a terminal."""

    def __init__(self, console: Console | None = None, *, is_verbose: bool = False) -> None:
        self._console = console or Console(stderr=True)
        self._live = Live(
            console=self._console,
            transient=True,
            # From a thread: but the supervisor is forked.
            auto_refresh=False,
        )
        self._begun = Begun() if is_verbose else None

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        # What was shown last was for the time in which it was true.
        self._live.update(Text(""))
        self._live.stop()

    def show_event(self, event: Event) -> None:
        if line := sentence_of(event, is_verbose=self._begun is not None):
            self.show_line(line)

    def show_line(self, sentence: str, *, is_problem: bool = False) -> None:  # noqa: ARG002 (all are shown)
        with _uninterrupted():
            self._console.print(Text(printable(sentence)), highlight=False, soft_wrap=True)

    def show(self, view: View) -> None:
        for sentence in self._begun.sentences(view) if self._begun else ():
            self.show_line(sentence)
        width = self._console.width - len(_ECHO)
        rows = Constrain(_rows(view, width, self._console.height), width)
        with _uninterrupted():
            self._live.update(rows, refresh=True)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Signals wait: what one would cut off in the middle of a row, the display would not know of, and leave there."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _rows(view: View, width: int, height: int) -> Group:
    bar = next((length for columns, length in _BARS if width >= columns), 0)
    table = Table.grid(padding=(0, 1), expand=True)
    # A title gives way before a number does.
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    if bar:
        table.add_column(width=bar)
    # Wide enough for most, so that nothing moves.
    for least in _NUMBERS:
        table.add_column(justify="right", no_wrap=True, min_width=least)
    pace = view.pace
    ended = view.progress.finished + view.progress.found + view.progress.failed
    whole = [] if not bar else [ProgressBar(pace.total or None, ended, width=bar, pulse=not pace.total)]
    table.add_row(
        view.summary, *whole, _size(pace.received, pace.expected, pace.is_estimate), *_speed(pace.rate, pace.left)
    )
    shown = view.in_hand[: max(1, height - _OTHER_LINES)]
    for episode in shown:
        left = (episode.expected - episode.received) / episode.rate if episode.expected and episode.rate else None
        own = (
            [] if not bar else [ProgressBar(episode.expected, episode.received, width=bar, pulse=not episode.expected)]
        )
        title = Text(f"  {printable(episode.title or episode.key)}", no_wrap=True, overflow="ellipsis")
        table.add_row(title, *own, _size(episode.received, episode.expected), *_speed(episode.rate, left))
    more = [Text(f"  and {len(view.in_hand) - len(shown)} more downloads")] if len(view.in_hand) > len(shown) else []
    waits = [Text(printable(sentence), style="yellow") for sentence in view.waits[:_MOST_WAITS]]
    return Group(table, *more, *waits)


def _size(received: int, expected: int | None, is_estimate: bool = False) -> str:
    """``12.3/45.6 MB``; ``12.3/~45.6 MB`` if that is an estimate."""
    if expected is None:
        return decimal(received) if received else ""
    unit, suffix = pick_unit_and_suffix(max(expected, received), _UNITS, 1000)
    digits = 0 if unit == 1 else 1
    return f"{received / unit:.{digits}f}/{'~' if is_estimate else ''}{expected / unit:.{digits}f} {suffix}"


def _speed(rate: float, left: float | None) -> tuple[str, str]:
    return f"{decimal(round(rate))}/s" if rate else "", "" if left is None else _clock(left)


def _clock(seconds: float) -> str:
    """``0:09``, ``12:03`` or ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
