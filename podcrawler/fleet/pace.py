"""How far a job is in bytes and episodes, how fast it goes, and how long it will take: numbers that do not jump."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from podcrawler.fleet.outcome import JobProgress
from podcrawler.queue.overview import InHand

#: Seconds over which the rate is measured: at most, and at least.
_LONGEST, _SHORTEST = 10.0, 0.5


@dataclass(frozen=True, slots=True)
class Pace:
    """The numbers at one moment."""

    #: Episodes of the job, as far as they are known.
    total: int
    #: Bytes of what is finished and in hand; and of all, None if no size is known.
    received: int
    expected: int | None
    #: Whether some sizes of those are not known, and taken for the average of the others.
    is_estimate: bool
    #: Bytes per second.
    rate: float
    #: Seconds until all is there at that rate; None if that cannot be told.
    left: float | None


class Pacer:
    """Makes the numbers of a job, from one moment to the next."""

    def __init__(self) -> None:
        self._total = 0
        #: By episode: bytes that an earlier transfer had left, and that did not come now.
        self._resumed: dict[str, int] = {}
        #: When how many bytes had come.
        self._samples: deque[tuple[float, int]] = deque()

    def update(self, progress: JobProgress, in_hand: Sequence[InHand], now: float) -> Pace:
        """The numbers at ``now`` (seconds of any clock). ``in_hand`` are the transfers of the job that have not ended
        by its events."""
        ended = progress.finished + progress.found + progress.failed
        # The counts are not from one moment, so that an episode which has just ended may be in none of them.
        self._total = ended if progress.seems_done else max(self._total, ended + progress.open_episodes)
        received = progress.bytes + sum(episode.received for episode in in_hand)
        expected, is_estimate = self._expected(progress, in_hand)
        self._resumed |= {episode.key: episode.resumed for episode in in_hand if episode.resumed}
        rate = self._rate(received - sum(self._resumed.values()), now)
        left = max(0, expected - received) / rate if expected is not None and rate else None
        return Pace(self._total, received, expected, is_estimate, rate, left)

    def _expected(self, progress: JobProgress, in_hand: Sequence[InHand]) -> tuple[int | None, bool]:
        sizes = [episode.expected for episode in in_hand if episode.expected is not None]
        known, count = progress.bytes + sum(sizes), progress.finished + len(sizes)
        unknown = max(0, progress.open_episodes - len(sizes))
        if not unknown:
            return (known if count else None), False
        return (known + unknown * known // count if count else None), True

    def _rate(self, fetched: int, now: float) -> float:
        self._samples.append((now, fetched))
        while len(self._samples) > 2 and now - self._samples[1][0] >= _LONGEST:
            self._samples.popleft()
        at, before = self._samples[0]
        return max(0, fetched - before) / (now - at) if now - at >= _SHORTEST else 0.0
