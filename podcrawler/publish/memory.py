"""A bound of memory for code that reads what strangers wrote: a tag of some kilobytes may grow to gigabytes."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def bounded_memory(more: int) -> Iterator[None]:
    """Let this process take no more than ``more`` bytes beyond those that it has: what would take them raises
    MemoryError. A system without /proc, such as macOS, has no such bound."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    with suppress(OSError, ValueError):
        now = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
