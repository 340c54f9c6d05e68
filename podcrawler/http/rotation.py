"""Which of several proxies a request takes: each in its turn, and those that failed later.

Pure: no network, and a clock that is passed in.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from podcrawler.proxies import ProxyAddress

#: Seconds that a proxy rests after its first failure, and at most; each further failure doubles the rest.
FIRST_REST = 30.0
LONGEST_REST = 1800.0


@dataclass(slots=True)
class _State:
    failures: int = 0
    #: When the last failure was noted, and until when the proxy rests; by the clock.
    failed_at: float = float("-inf")
    rests_until: float = float("-inf")


class Rotation:
    """Proxies in a fixed order, at least one; they are named by their index."""

    def __init__(self, proxies: Sequence[ProxyAddress], clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` tells seconds."""
        self.proxies = tuple(proxies)
        self.clock = clock
        self._states = [_State() for _ in self.proxies]
        self._turn = 0

    def __len__(self) -> int:
        return len(self.proxies)

    def choose(self, tried: Collection[int] = ()) -> int:
        """The next one in turn that does not rest, of those that were not ``tried``, of which there must be one; if all
        of them rest, the one whose rest ends first."""
        in_turn = [(self._turn + step) % len(self) for step in range(len(self))]
        left = [index for index in in_turn if index not in tried]
        now = self.clock()
        awake = (index for index in left if self._states[index].rests_until <= now)
        chosen = next(awake, None)
        if chosen is None:
            return min(left, key=lambda index: self._states[index].rests_until)
        self._turn = chosen + 1
        return chosen

    def note_failure(self, index: int, chosen_at: float) -> float:
        """The proxy failed a request for which it was chosen at that time; the seconds that it rests from now on.

        Requests that were under way together when it failed count as one failure.
        """
        state, now = self._states[index], self.clock()
        if chosen_at >= state.failed_at:
            state.failures += 1
            state.failed_at = now
            state.rests_until = now + min(FIRST_REST * 2.0 ** min(state.failures - 1, 20), LONGEST_REST)
        return max(0.0, state.rests_until - now)

    def note_success(self, index: int) -> None:
        """The proxy served a request."""
        self._states[index] = _State()
