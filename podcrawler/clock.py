"""The clock by which a node knows how long it holds a lease.

Imports the standard library alone, because the process of store/writer.py imports it."""

import time

#: Counts suspended time, as Redis's clock does, and is the same in all processes of a machine.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> float:
    """Seconds since some moment in the past."""
    return time.clock_gettime(_CLOCK)
