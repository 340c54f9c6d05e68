"""In which order episodes are: by when they were published, whatever their order on the page."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from podcrawler.items import Episode


def oldest_first(episodes: Sequence[Episode]) -> list[Episode]:
    """Episodes sorted by date, as ``by_age`` has it."""
    return [episodes[position] for position in by_age(list(map(time_of, episodes)))]


def by_age(times: Sequence[datetime | None]) -> list[int]:
    """The positions of entries, the oldest first, by when each was published (``time_of``). One without a date keeps
    its place beside its neighbours.

    Pages and feeds list the newest first: of equal dates, and without any, the last on the page is the oldest; but not
    if more of the dates rise than fall.
    """
    known = [time for time in times if time is not None]
    rises = sum(one < other for one, other in pairwise(known))
    falls = sum(one > other for one, other in pairwise(known))
    step = 1 if rises > falls else -1
    # One without a date goes with the older neighbour; the oldest ones with the first that has a date.
    last = known[0 if step > 0 else -1] if known else datetime.min
    positions = range(len(times))[::step]
    sorted_by = [last] * len(times)
    for position in positions:
        last = sorted_by[position] = times[position] or last
    return sorted(positions, key=sorted_by.__getitem__)


def time_of(episode: Episode) -> datetime | None:
    """When the episode was published, in UTC and without ``tzinfo``, to be compared; an unknown zone counts as UTC."""
    moment = episode.published
    return moment and (moment.replace(tzinfo=None) - (moment.utcoffset() or timedelta(0)))
