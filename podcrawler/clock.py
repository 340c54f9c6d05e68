"""The clock by which a node knows how long it holds a lease. Nothing but Python's standard library is imported here:
store/writer.py needs it."""

import time

#: It goes on while the machine sleeps, as Redis's does, and is the same in all processes of a machine.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> float:
    """Seconds since some moment in the past."""
    return time.clock_gettime(_CLOCK)
