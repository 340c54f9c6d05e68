"""The rhythm of a podcast: when its next episode is to be expected, by when the earlier ones came.

Nothing is assumed of a rhythm but that it repeats. The gaps between earlier episodes tell how likely the next one is to
have come by some time, given that it has not come until now; a feed is worth a check when that is likely enough. So a
show of every day at six is checked about six, one of working days not on Sundays, one without any rhythm at even
distances, and one that has ended more and more seldom. All times are in seconds since 1970.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Self

from podcrawler.queue.values import Time

_DAY = 86_400.0
#: Arrivals that are remembered: three months of a weekly show, and a month of one of working days.
_MOST = 24
#: Episodes that come within so many seconds are one arrival.
_TOGETHER = 1800.0
#: How likely a check finds something new that is worth it. So each episode costs four or five checks.
_WORTH = 0.2
#: An episode that is late by some time is looked for after that many times of it: it is rather late than left out.
_PATIENCE = 2.0
#: The gap of a podcast of which nothing is known.
_UNKNOWN_GAP = 7 * _DAY


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When episodes came, the oldest first."""

    arrivals: tuple[Time, ...] = ()
    #: The gap that the publisher promises; 0 if there is no promise. It counts as long as no gap has been seen.
    promised: Time = 0.0

    @classmethod
    def of_dates(cls, dates: Iterable[float], now: float, promised: float = 0.0) -> Self:
        """The rhythm of a feed that is read for the first time, by the dates that it tells."""
        known: list[float] = []
        for date in sorted(date for date in dates if 0 < date <= now):
            if not known or date - known[-1] > _TOGETHER:
                known.append(date)
        return cls(tuple(known[-_MOST:]), promised)

    def with_arrival(self, date: float | None, absent: float, seen: float) -> "Rhythm":
        """The rhythm with an episode that was not there at ``absent`` and was there at ``seen``, the times of two
        checks. Its own date counts if that can be true."""
        # In the middle, and not at the end: what is expected too late is found at the first check ever after.
        came = date if date is not None and absent <= date <= seen else (absent + seen) / 2
        if self.arrivals and came - self.arrivals[-1] <= _TOGETHER:
            return self
        return Rhythm((*self.arrivals, came)[-_MOST:], self.promised)

    def next_check(self, now: float) -> float:
        """When a check is worth it, after one at ``now`` that has found no more."""
        waited = max(0.0, now - self.arrivals[-1]) if self.arrivals else 0.0
        gaps = sorted(later - earlier for earlier, later in pairwise(self.arrivals))
        passed = bisect_right(gaps, waited)
        usual = median(gaps) if gaps else self.promised or _UNKNOWN_GAP
        wait = _likely_end(waited, gaps[passed:], usual) - waited
        return now + (min(wait, _PATIENCE * (waited - gaps[passed - 1])) if passed else wait)


def _likely_end(waited: float, gaps: Sequence[float], usual: float) -> float:
    """When a gap that has lasted ``waited`` seconds has ended with a probability of ``_WORTH``, in seconds since it
    began, if it is as one of these longer ones (ascending), or, in one case more, of any length.

    That case is what lets a rhythm change. Its gap is longer than t with a probability of usual / (t + usual): the
    longer it has lasted, the longer it goes on."""
    wanted = (1 - _WORTH) * (len(gaps) + usual / (waited + usual))
    begun = waited
    for ended, gap in enumerate(gaps):
        left = wanted - (len(gaps) - ended)
        if left > 0 and (end := usual / left - usual) <= gap:
            return max(begun, end)
        begun = gap
    return max(begun, usual / wanted - usual)
