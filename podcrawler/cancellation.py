"""Cancels a transfer from outside of Scrapy: the media pipeline requests it, the download handler obeys.

A CancelledError that travels through Scrapy's engine would end more than one transfer.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Cancellation:
    """Whether a transfer shall end, and whom to call then. For the event loop's thread."""

    def __init__(self) -> None:
        self._requested = False
        self._callbacks: list[Callable[[], object]] = []

    @property
    def requested(self) -> bool:
        return self._requested

    def request(self) -> None:
        self._requested = True
        for callback in self._callbacks:
            callback()

    @contextmanager
    def calling(self, callback: Callable[[], object]) -> Iterator[None]:
        """Call ``callback`` when cancellation is requested within the block; at once if it was before."""
        self._callbacks.append(callback)
        try:
            if self._requested:
                callback()
            yield
        finally:
            # It refers to the transfer's task, which refers back to this: a cycle for the garbage collector.
            self._callbacks.remove(callback)
