"""In which order episodes are: by when they were published, whatever their order on the page."""

from array import array
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from math import isnan, nan

from podcrawler.items import Episode

_EPOCH = datetime(1970, 1, 1)


def oldest_first(episodes: Sequence[Episode]) -> list[Episode]:
    """Episodes sorted by date, as ``by_age`` has it."""
    return [episodes[position] for position in by_age(seconds_of(episodes))]


def by_age(times: Sequence[float]) -> Sequence[int]:
    """The positions of entries, the oldest first, by when each was published (``seconds_of``). One without a date keeps
    its place beside its neighbours.

    Pages and feeds list the newest first: of equal dates, and without any, the last on the page is the oldest; but not
    if more of the dates rise than fall.
    """
    known = array("d", (time for time in times if not isnan(time)))
    rises = sum(one < other for one, other in pairwise(known))
    falls = sum(one > other for one, other in pairwise(known))
    step = 1 if rises > falls else -1
    # One without a date goes with the older neighbour; the oldest ones with the first that has a date.
    last = known[0 if step > 0 else -1] if known else 0.0
    positions = range(len(times))[::step]
    sorted_by = array("d", times)
    for position in positions:
        if isnan(sorted_by[position]):
            sorted_by[position] = last
        last = sorted_by[position]
    return sorted(positions, key=sorted_by.__getitem__)


def seconds_of(episodes: Iterable[Episode]) -> "array[float]":
    """When each was published, in seconds since 1970; NaN if that is not known. An array: there may be very many."""
    return array("d", (nan if (time := time_of(one)) is None else (time - _EPOCH).total_seconds() for one in episodes))


def time_of(episode: Episode) -> datetime | None:
    """When the episode was published, in UTC and without ``tzinfo``, to be compared; an unknown zone counts as UTC."""
    moment = episode.published
    return moment and (moment.replace(tzinfo=None) - (moment.utcoffset() or timedelta(0)))
