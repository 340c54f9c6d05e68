"""Forks of this process that go on as programs of their own, with all that this one has imported.

Only for a process that has no threads and no event loop: of those, a fork would have a state that nobody can tell.
"""

import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import NoReturn

_POLL_SECONDS = 0.005


class Forked:
    """A fork of this process, which is its child until it has been waited for."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._status: int | None = None

    def poll(self) -> int | None:
        """Its exit status, or the negative number of the signal that ended it; None while it runs."""
        return self._waited(os.WNOHANG)

    def wait(self, seconds: float | None = None) -> int | None:
        """As ``poll``, once it has ended, or after ``seconds``."""
        if seconds is None:
            return self._waited(0)
        end = time.monotonic() + seconds
        while self.poll() is None and time.monotonic() < end:
            # Not all systems have events for it.
            time.sleep(_POLL_SECONDS)
        return self._status

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _waited(self, options: int) -> int | None:
        if self._status is None:
            pid, status = os.waitpid(self.pid, options)
            self._status = os.waitstatus_to_exitcode(status) if pid else None
        return self._status


def fork(work: Callable[[], int], *, stdin: int, output: int) -> Forked:
    """Run ``work`` in a fork, in a session of its own, which ends with its result as exit status.

    The fork has the descriptors ``stdin`` and ``output`` as its standard streams and no other, signals do in it what
    they do in an interpreter that starts, and it ends without what this process has registered for its own end."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    if signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN:
        # As whoever started this process may have left it. The system would keep no status of a fork that has ended.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    forked: Forked | None = None
    try:
        try:
            # A signal that comes before the fork has its own handlers is for it, and waits.
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            pid = os.fork()
            if not pid:
                _become(work, stdin, output, before)
            forked = Forked(pid)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    except BaseException:
        # A signal has come meanwhile, and its handler has raised this. Nobody would ever end the fork.
        if forked:
            forked.send_signal(signal.SIGKILL)
            forked.wait()
        raise
    return forked


def _become(work: Callable[[], int], stdin: int, output: int, mask: set[int | signal.Signals]) -> NoReturn:
    """Be the fork."""
    status = 1
    try:
        # What the other process holds must not be collected, or it would close descriptors that are this one's by then.
        gc.freeze()
        os.setsid()
        _forget_handlers()
        _replace_streams(stdin, output)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        status = work()
    except BaseException:
        traceback.print_exc()
    finally:
        # Not sys.exit: this is inside of what the other process was doing.
        os._exit(status)


def _forget_handlers() -> None:
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, default)


def _replace_streams(stdin: int, output: int) -> None:
    os.dup2(stdin, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    # Not the other's: it may have none, or one with the encoding of its terminal.
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 (for as long as the process lives)
    sys.stdout = open(1, "w", 1, "utf-8", "backslashreplace", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, "utf-8", "backslashreplace", closefd=False)  # noqa: SIM115
