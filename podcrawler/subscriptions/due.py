"""When a feed is checked next: by its rhythm, within what its publisher, its host and the user ask for.

All times are in seconds since 1970, all durations in seconds.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from podcrawler.sites.asked import Asked
from podcrawler.subscriptions.rhythm import Rhythm

_HOUR = 3600.0
#: Between two checks of a podcast that is said to be complete.
_COMPLETE = 30 * 24 * _HOUR
#: A check is put off by up to this share of the time until it, but not by more than so many seconds: many feeds of one
#: host have their episodes on the hour.
_SPREAD, _MOST_SPREAD = 0.1, 600.0
#: The factor by which the time until the next check grows with each one that fails.
_GROWTH = 2.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the user asks for: the least and the most time between two checks."""

    least: float
    most: float

    def bounded(self, wait: float) -> float:
        return min(max(wait, self.least), self.most)


def after_check(rhythm: Rhythm, asked: Asked, bounds: Bounds, now: float, chance: float) -> float:
    """When to check a feed again that was checked at ``now``. ``chance`` is a random number from 0 to 1."""
    wait = bounds.bounded(max(rhythm.next_check(now) - now, asked.fresh_for))
    if asked.is_complete:
        wait = max(wait, _COMPLETE)
    return _allowed(now + _spread(wait, chance), asked)


def after_failure(failures: int, bounds: Bounds, now: float, chance: float) -> float:
    """When to check a feed again whose last checks, so many in a row, have failed."""
    return now + _spread(bounds.bounded(bounds.least * _GROWTH ** min(failures, 50)), chance)


def _spread(wait: float, chance: float) -> float:
    return wait + chance * min(_SPREAD * wait, _MOST_SPREAD)


def _allowed(time: float, asked: Asked) -> float:
    """The first time from this one on that is not in an hour or on a day that the publisher wants skipped; this one if
    there is none."""
    allowed = time
    for _ in range(24 * 8):
        moment = datetime.fromtimestamp(allowed, UTC)
        if moment.hour not in asked.skip_hours and moment.weekday() not in asked.skip_days:
            return allowed
        allowed = (allowed // _HOUR + 1) * _HOUR + time % _HOUR % _MOST_SPREAD
    return time
