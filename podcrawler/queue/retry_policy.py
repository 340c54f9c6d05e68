"""What becomes of an entry whose lease ended in an error: how often it is tried, and how long it waits in between."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from podcrawler.exceptions import EntryError, FailureClass

#: By class: the most tries (None: as the setting says), and how many times the first delay it waits at first.
_POLICIES: dict[FailureClass, tuple[int | None, float]] = {
    "permanent": (1, 1),
    "blocked": (2, 5),
    "busy": (None, 5),
    "passing": (None, 1),
    "local": (None, 1),
}
_GROWTH = 4.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient the queue is. Delays are in seconds."""

    max_tries: int
    #: Before the second try of a failure that passes.
    first_delay: float
    max_delay: float
    #: From 0 to 1, so that what failed together is not tried again together.
    jitter: Callable[[], float] = random.random

    def tries(self, error: EntryError) -> int:
        """How often an entry is tried that ends in such an error."""
        most, _ = _POLICIES[error.failure_class]
        return min(self.max_tries, most or self.max_tries)

    def delay(self, error: EntryError, tries: int) -> float:
        """The wait before the next try of an entry that was tried ``tries`` times: grows with them, a quarter more or
        less by chance, and no shorter than the host asked for."""
        _, factor = _POLICIES[error.failure_class]
        grown = self.first_delay * factor * _GROWTH ** min(tries - 1, 20)
        return min(max(grown * (0.75 + self.jitter() / 2), error.retry_after or 0), self.max_delay)
