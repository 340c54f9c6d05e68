"""The child nodes of ``archive``: started, restarted when they die, and stopped.

They are forks of the supervisor, which has imported what nodes need, and has no threads and no event loop.
"""

import os
import signal
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from podcrawler.exceptions import NodeError
from podcrawler.forks import Forked, fork

#: Earlier runs whose logs are kept: ``episodes.log.1``, and so on.
EARLIER_LOGS = 5
#: A child that dies this many times within this many seconds is not restarted.
_DEATHS, _WITHIN = 5, 60.0


class Child:
    """One node, in a session of its own, so that Ctrl-C in the terminal reaches the supervisor alone."""

    def __init__(self, spider: str, run: Callable[[], int], log: Path) -> None:
        """``run`` is what the process does: to ``crawl``; its result is the exit status. What the process prints goes
        to the file ``log``."""
        self._spider = spider
        self._run = run
        self._log = log
        self._deaths: deque[float] = deque(maxlen=_DEATHS)
        self._start_at = 0.0
        self._process: Forked | None = None
        rotate(self._log)

    @property
    def has_been_started(self) -> bool:
        """Whether the process runs, or has run and is to be started again."""
        return self._process is not None or bool(self._deaths)

    def ensure_running(self) -> None:
        """Start the process, or restart it if it has died, after a pause that doubles with each death.

        Raises NodeError if it has died too often."""
        now = time.monotonic()
        if self._process and (status := self._process.poll()) is not None:
            self._process = None
            self._note_death(status, now)
        if self._process is None and now >= self._start_at:
            with Path(os.devnull).open("rb") as nothing, self._log.open("ab") as log:
                self._process = fork(self._be_named_and_run, stdin=nothing.fileno(), output=log.fileno())

    def terminate(self) -> None:
        """Ask the process to stop gracefully; when called again, to stop at once."""
        if self._process:
            self._process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float) -> None:
        """Wait until the process has ended; kill it after ``seconds``."""
        if self._process and self._process.wait(seconds) is None:
            self.kill()

    def has_ended(self, seconds: float) -> bool:
        """Whether the process has ended, within so many ``seconds``."""
        return self._process is None or self._process.wait(seconds) is not None

    def kill(self) -> None:
        """Kill the process; its entries are pending again when their leases expire."""
        if self._process and self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _be_named_and_run(self) -> int:
        # Its command line is the supervisor's, so this is how operators tell it (``ps -e``). 15 bytes.
        with suppress(OSError):
            Path("/proc/self/comm").write_text(f"crawl {self._spider}", encoding="ascii")
        return self._run()

    def _note_death(self, status: int, now: float) -> None:
        self._deaths.append(now)
        if len(self._deaths) == _DEATHS and now - self._deaths[0] < _WITHIN:
            raise NodeError(
                f"The node for {self._spider} ended {_DEATHS} times within a minute, with status {status}: "
                f"{self._last_log_line()} Its log is {self._log}."
            )
        self._start_at = now + 0.25 * 2 ** len(self._deaths)

    def _last_log_line(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "its log is empty.")


def rotate(log: Path) -> None:
    """Make room for the log of a new run: number those of earlier runs, of which the oldest goes. Raises OSError."""
    for number in range(EARLIER_LOGS, 0, -1):
        earlier = log.with_name(f"{log.name}.{number - 1}") if number > 1 else log
        with suppress(FileNotFoundError):
            earlier.replace(log.with_name(f"{log.name}.{number}"))
