"""How many leases a node asks for: the arithmetic alone, without Redis and without a clock.

A node has ``capacity`` slots, one for each entry that it works on. A lease that only waits for the disk occupies none,
nor does one whose acknowledgement is on its way to Redis, both up to a limit, so that a slow disk or a slow Redis
cannot make the node hold ever more. Beyond its slots, a node prefetches as many leases as it will begin within the next
round trips: none where Redis is near or the files are large.
"""

from collections.abc import Sequence
from dataclasses import dataclass

#: Seconds of work that are prefetched at least, so that small files do not cost a round trip each.
_MIN_PREFETCH_SECONDS = 0.05
#: Prefetched leases, at most, as a multiple of the capacity; of leases held in all, twice as many.
_MAX_PREFETCH = 4
#: Acknowledgements under way, beyond the capacity, that occupy no slot even if Redis is near: those of very small
#: files, which share one call.
_MIN_FREE_ACKS = 8
#: No entry is assumed to take less than this, in seconds.
_MIN_WORK_TIME = 0.001
#: Weight of a new measurement in a mean that follows the last few, and in one that stays near the least of the last
#: hundred.
_WEIGHT, _SLOW_WEIGHT = 0.2, 0.02


@dataclass(slots=True)
class Pace:
    """What a node has measured lately, in seconds."""

    #: Mean time from the request for leases to the answer, waits of this node included.
    round_trip: float = 0.0
    #: Nearly the least time that Redis took to answer: what is due to its distance alone.
    distance: float = 1.0
    #: Mean time that an entry occupied its slot.
    work_time: float = 1.0

    def note_round_trip(self, seconds: float) -> None:
        self.round_trip += _WEIGHT * (min(seconds, 1.0) - self.round_trip)

    def note_answer(self, seconds: float) -> None:
        self.distance = min(seconds, self.distance + _SLOW_WEIGHT * (seconds - self.distance))

    def note_work(self, seconds: float) -> None:
        self.work_time += _WEIGHT * (seconds - self.work_time)


@dataclass(frozen=True, slots=True)
class Load:
    """How many leases a node holds in each phase."""

    prefetched: int
    #: For each entry being worked on, the seconds since it was begun.
    ages: Sequence[float]
    publishing: int
    acknowledging: int

    @property
    def held(self) -> int:
        return self.prefetched + len(self.ages) + self.publishing + self.acknowledging


def free_acknowledgements(capacity: int, pace: Pace) -> int:
    """How many acknowledgements under way occupy no slot: those that a node sends within two round trips to a Redis
    that is as far away as this one, and no slower."""
    sent = capacity * 2 * pace.distance / max(pace.work_time, _MIN_WORK_TIME)
    return max(int(sent), capacity + _MIN_FREE_ACKS)


def occupied_slots(capacity: int, load: Load, pace: Pace) -> int:
    """How many slots are occupied, by entries being worked on and by what exceeds the limits of the other phases."""
    return (
        len(load.ages)
        + max(0, load.publishing - capacity)
        + max(0, load.acknowledging - free_acknowledgements(capacity, pace))
    )


def leases_to_request(capacity: int, load: Load, pace: Pace) -> int:
    """How many more leases to ask for; 0 or less for none."""
    prefetch = _prefetch_target(capacity, load, pace)
    free = capacity - occupied_slots(capacity, load, pace) - load.prefetched
    if free <= 0 and load.prefetched > prefetch / 2:
        # Enough is left: ask for several at once, a little later.
        return 0
    return min(free + prefetch, 2 * _MAX_PREFETCH * capacity - load.held)


def _prefetch_target(capacity: int, load: Load, pace: Pace) -> int:
    """How many entries will be begun before leases arrive that are asked for later."""
    # What is prefetched has to last for one round trip, and for the next one that it takes to ask again.
    seconds = max(2 * pace.round_trip, _MIN_PREFETCH_SECONDS)
    # An entry that takes longer already than others did lately frees its slot no sooner than it has taken so far.
    ages = [*load.ages, *[0.0] * (capacity - len(load.ages))]
    begun = int(sum(seconds / max(pace.work_time, age, _MIN_WORK_TIME) for age in ages))
    return min(begun, _MAX_PREFETCH * capacity)
