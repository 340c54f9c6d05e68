"""How often an entry is tried whose leases end in errors, and how long it waits before the next try."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from podcrawler.exceptions import EntryError, FailureClass

#: By class: the maximum of tries (None: the setting's), and the factor by which the first delay is multiplied.
_POLICIES: dict[FailureClass, tuple[int | None, float]] = {
    "permanent": (1, 1),
    "blocked": (2, 5),
    "busy": (None, 5),
    "doubtful": (2, 1),
    "passing": (None, 1),
    "local": (None, 1),
}
_GROWTH = 4.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The maximum of tries, and exponential backoff between them. Delays are in seconds."""

    max_tries: int
    #: The delay before the second try, for a failure of the class ``passing``.
    first_delay: float
    max_delay: float
    #: A random number from 0 to 1, so that entries that failed together are not tried again together.
    jitter: Callable[[], float] = random.random

    def tries(self, error: EntryError) -> int:
        """The maximum of tries for an entry that fails with this error."""
        max_tries, _ = _POLICIES[error.failure_class]
        return min(self.max_tries, max_tries or self.max_tries)

    def delay(self, error: EntryError, tries: int) -> float:
        """The delay before the next try of an entry that was tried ``tries`` times: it grows with each, varies by a
        quarter at random, and is no shorter than the host demanded (``Retry-After``, RFC 9110 §10.2.3), up to the
        maximum."""
        _, factor = _POLICIES[error.failure_class]
        grown = self.first_delay * factor * _GROWTH ** min(tries - 1, 20)
        return min(max(grown * (0.75 + self.jitter() / 2), error.retry_after or 0), self.max_delay)

    def rest(self, error: EntryError) -> float:
        """How long the host that answered rests for all entries: as it asked (``Retry-After`` of a 429 or 503), up to
        the maximum."""
        return min(error.retry_after or 0, self.max_delay) if error.failure_class == "busy" else 0.0
