"""Tells what is waited for in a call that blocks, if that takes long."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

#: Seconds.
PATIENCE = 3.0


@contextmanager
def told_if_long(tell: Callable[[], object], seconds: float = PATIENCE) -> Iterator[None]:
    """Call ``tell`` if the block takes longer than so many seconds. By SIGALRM, and not a thread: the supervisor is
    forked. For the main thread only."""

    def ring(*_: Any) -> None:
        tell()

    previous = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
