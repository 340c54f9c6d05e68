"""The child nodes of ``archive``: started, restarted when they die, and stopped."""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import podcrawler
from podcrawler.exceptions import NodeError

#: A child that dies this many times within this many seconds is not restarted.
_DEATHS, _WITHIN = 5, 60.0
#: What a child runs: as ``python -m podcrawler``, but nothing is imported from the working folder, which may be shared
#: with strangers. Its first argument is the folder that podcrawler is in, which need not be installed.
_PROGRAM = """
import runpy, sys
sys.path.append(sys.argv.pop(1))
runpy.run_module("podcrawler", run_name="__main__", alter_sys=True)
"""


class Child:
    """One ``crawl`` process, in a session of its own, so that Ctrl-C in the terminal reaches the supervisor alone."""

    def __init__(self, spider: str, options: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        """``options`` are arguments of ``scrapy crawl``; what the process prints goes to the file ``log``."""
        self._spider = spider
        root = Path(podcrawler.__file__).parent.parent
        self._command = [sys.executable, "-P", "-c", _PROGRAM, str(root), "crawl", spider, *options]
        self._environment = {**os.environ, **environment}
        self._log = log
        self._deaths: deque[float] = deque(maxlen=_DEATHS)
        self._start_at = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._log.unlink(missing_ok=True)

    def ensure_running(self) -> None:
        """Start the process, or restart it if it has died, after a pause that doubles with each death.

        Raises NodeError if it has died too often."""
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
        """Ask the process to stop gracefully; when called again, to stop at once."""
        if self._process:
            self._process.terminate()

    def wait(self, seconds: float) -> None:
        """Wait until the process has ended; kill it after ``seconds``."""
        if self._process is None:
            return
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """Kill the process; its entries are pending again when their leases expire."""
        if self._process:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

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
