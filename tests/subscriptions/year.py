"""A year of 500 feeds of every kind, simulated: how often they are checked, and how late new episodes are noticed.

Times are in seconds since the year began, where not said otherwise; before it lies what a feed tells when it is
subscribed to.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from statistics import median

from typing_extensions import override

from podcrawler.sites.asked import Asked
from podcrawler.subscriptions.due import Bounds, after_check
from podcrawler.subscriptions.outcome import Answer, unchanged
from podcrawler.subscriptions.records import Checked
from podcrawler.subscriptions.rhythm import Rhythm

HOUR = 3600.0
DAY = 24 * HOUR
YEAR = 365 * DAY
#: When the year begins, in seconds since 1970.
_BEGINNING = 1_767_225_600.0
BOUNDS = Bounds(10 * 60, 2 * DAY)

#: When the episodes of a podcast come.
Kind = Callable[[Random], list[float]]
#: The date that a feed tells of an episode, None for none; by when it comes.
Dates = Callable[[float], float | None]
#: When a feed is checked next, in seconds from now; by its rhythm and the time.
Polling = Callable[[Rhythm, float, float], float]


def learnt(rhythm: Rhythm, now: float, chance: float) -> float:
    return after_check(rhythm, Asked(), BOUNDS, _BEGINNING + now, chance) - _BEGINNING - now


def fixed(seconds: float) -> Polling:
    return lambda *_: seconds


def _every(days: float, off: float, left_out: float = 0.0, working_days: bool = False) -> Kind:
    """Episodes every so many days, up to ``off`` seconds early or late for the most part."""

    def times(random: Random) -> list[float]:
        first = random.uniform(-days, 0) * DAY
        numbers = range(-60, int(365 / days) + 1)
        kept = [n for n in numbers if random.random() >= left_out and not (working_days and n % 7 > 4)]
        return [first + number * days * DAY + random.gauss(0, off) for number in kept]

    return times


def _irregular(random: Random) -> list[float]:
    times = [-100 * DAY]
    while times[-1] < YEAR:
        times.append(times[-1] + random.expovariate(1 / (5 * DAY)))
    return times


def _ending(random: Random) -> list[float]:
    end = random.uniform(0, 60) * DAY
    return [time for time in _every(7, HOUR)(random) if time < end]


def _told(time: float) -> float | None:
    return time


def _midnight(time: float) -> float | None:
    return time // DAY * DAY


def _in_the_future(time: float) -> float | None:
    return time + 30 * DAY


def _none(_: float) -> float | None:
    return None


#: Feeds of these kinds move once in the year: their addresses redirect for so long, and lead nowhere afterwards.
_MOVING = {"daily, moving"}
_REDIRECTED = 30 * DAY

#: By name: how many feeds there are, when their episodes come, and which dates they tell.
FEEDS: dict[str, tuple[int, Kind, Dates]] = {
    "daily": (80, _every(1, HOUR / 3), _told),
    "working days": (70, _every(1, HOUR / 3, working_days=True), _told),
    "daily, moving": (20, _every(1, HOUR / 3), _told),
    "weekly": (130, _every(7, 2 * HOUR, left_out=0.05), _told),
    "monthly": (60, _every(30.4, DAY), _told),
    "irregular": (50, _irregular, _told),
    "ending": (50, _ending, _told),
    "daily, dates of midnight": (15, _every(1, HOUR / 3), _midnight),
    "daily, dates of the future": (15, _every(1, HOUR / 3), _in_the_future),
    "weekly, without dates": (10, _every(7, 2 * HOUR), _none),
}


@dataclass
class Account:
    """What became of the feeds of one kind."""

    feeds: int = 0
    requests: int = 0
    #: For each new episode, in seconds.
    delays: list[float] = field(default_factory=list)

    @override
    def __str__(self) -> str:
        delays = sorted(self.delays)
        late = f"median {median(delays) / HOUR:.2f} h, worst {delays[-1] / HOUR:.1f} h" if delays else "nothing new"
        each = f"{self.requests / self.feeds:.0f} requests a feed, {self.requests / max(1, len(delays)):.1f} an episode"
        return f"{each}; {late}"


def simulate(polling: Polling) -> dict[str, Account]:
    """By kind of feed: what a year of this polling comes to. The same at every call."""
    random = Random(1)
    accounts: dict[str, Account] = {}
    for name, (count, kind, dates) in FEEDS.items():
        accounts[name] = account = Account(count)
        for _ in range(count):
            moves = random.uniform(0, YEAR) if name in _MOVING else YEAR
            _follow(sorted(kind(random)), dates, polling, account, random, moves)
    return accounts


def total(accounts: dict[str, Account]) -> Account:
    found = Account()
    for account in accounts.values():
        found.feeds += account.feeds
        found.requests += account.requests
        found.delays += account.delays
    return found


def _follow(times: list[float], dates: Dates, polling: Polling, account: Account, random: Random, moves: float) -> None:
    """Check one feed for a year, in which it moves at that time."""
    checked = Checked()
    told = [date for time in times if time < 0 and (date := dates(time)) is not None]
    rhythm = Rhythm.of_dates([_BEGINNING + date for date in told], _BEGINNING)
    new = [time for time in times if 0 <= time < YEAR]
    now = 0.0
    while (check := now + polling(rhythm, now, random.random())) < YEAR:
        account.requests += 1
        if check >= moves and not checked.feed:
            if check > moves + _REDIRECTED:
                return
            account.requests += 1
            checked, _ = unchanged(checked, Answer(moved_to="https://new.example/feed"), BOUNDS, _BEGINNING + check, 0)
        while new and new[0] <= check:
            came = new.pop(0)
            date = dates(came)
            rhythm = rhythm.with_arrival(
                None if date is None else _BEGINNING + date, _BEGINNING + now, _BEGINNING + check
            )
            account.delays.append(check - came)
        now = check
