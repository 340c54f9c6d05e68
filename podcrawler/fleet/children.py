"""The child nodes of ``archive``: started, watched, started again when they die, and stopped."""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from podcrawler.exceptions import NodeError

#: So many deaths within so many seconds, and the child is given up.
_DEATHS, _WITHIN = 5, 60.0


class Child:
    """One ``crawl`` process. It lives in a session of its own, so that Ctrl-C reaches it through us alone, once."""

    def __init__(self, spider: str, options: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        """``options`` are arguments of ``scrapy crawl``; what the process prints goes to the file ``log``."""
        self._spider = spider
        self._command = [sys.executable, "-m", "podcrawler", "crawl", spider, *options]
        self._environment = {**os.environ, **environment}
        self._log = log
        self._deaths: deque[float] = deque(maxlen=_DEATHS)
        self._start_at = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._log.unlink(missing_ok=True)

    def look_after(self) -> None:
        """Start the process, or start it again if it has died; NodeError when that is no use."""
        now = time.monotonic()
        if self._process and (status := self._process.poll()) is not None:
            self._process = None
            self._note_death(status, now)
        if self._process is None and now >= self._start_at:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    self._command,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )

    def terminate(self) -> None:
        """Ask the process to stop gracefully; the second time, to stop at once."""
        if self._process:
            self._process.terminate()

    def wait(self, seconds: float) -> None:
        """Wait until the process is gone; after ``seconds`` it is killed."""
        if self._process is None:
            return
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """End the process now; what it held comes back to the queue when the leases run out."""
        if self._process:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _note_death(self, status: int, now: float) -> None:
        self._deaths.append(now)
        if len(self._deaths) == _DEATHS and now - self._deaths[0] < _WITHIN:
            raise NodeError(
                f"The node for {self._spider} ended with status {status} and cannot go on: {self._last_words()} "
                f"Its log is {self._log}."
            )
        self._start_at = now + 0.25 * 2 ** len(self._deaths)

    def _last_words(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing.")
