"""A terminal that a program runs in, and what its screen shows: for the recording, and for tests.

Needs pexpect and pyte, which the development requirements have.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pexpect
import pyte


class Terminal:
    """A program in a terminal of its own, which is closed, and the program killed, at the end of the block."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        columns: int,
        lines: int = 24,
    ) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self._program = pexpect.spawn(
            command[0],
            list(command[1:]),
            cwd=folder,
            env={**environment, "TERM": "xterm-256color"},
            dimensions=(lines, columns),
            timeout=None,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._program.close(force=True)

    @property
    def lines(self) -> list[str]:
        """The lines of the screen, without blanks at their ends."""
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self) -> str:
        """The same as one text."""
        return "\n".join(self.lines)

    def press_ctrl_c(self) -> None:
        self._program.sendintr()

    def wait_for(self, condition: Callable[[], object], seconds: float = 30) -> None:
        """Read what the program writes until the condition holds. Raises TimeoutError, with the screen, if it never
        does, or the program ends before."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end or not self._read(end - time.monotonic()):
                raise TimeoutError(f"What was waited for did not come:\n{self.text}")

    def wait(self, seconds: float = 30) -> int:
        """Read until the program ends; its exit status, or that which a shell gives to the signal that ended it."""
        end = time.monotonic() + seconds
        while self._read(end - time.monotonic()):
            if time.monotonic() > end:
                raise TimeoutError(f"The program did not end:\n{self.text}")
        self._program.wait()
        status = self._program.exitstatus
        return 128 + self._program.signalstatus if status is None else int(status)

    def _read(self, seconds: float) -> bool:
        """Read what there is, or comes in time; False at the end."""
        try:
            self._stream.feed(self._program.read_nonblocking(65536, timeout=max(0.0, min(seconds, 1.0))))
        except pexpect.TIMEOUT:
            pass
        except pexpect.EOF:
            return False
        return True
