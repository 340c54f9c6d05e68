"""Which episodes of a podcast a user wants. Every option narrows the choice; ``latest`` counts what the others leave.

The options travel as JSON in the request of a list page, and the process that reads the page applies them. Nothing is
left out without a reason that can be told.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from math import inf, isnan, nan
from typing import TYPE_CHECKING, Any

from rich.filesize import decimal

from podcrawler.durations import duration
from podcrawler.items import Episode
from podcrawler.moments import is_relative, moment
from podcrawler.sites.packed import Packed

if TYPE_CHECKING:
    import regex

TYPES = ("full", "trailer", "bonus")
ORDERS = ("oldest", "newest")
#: Episodes that ``latest`` may count.
MOST_LATEST = 100_000
#: Numbers that JSON and Lua hold exactly.
_MOST = 2**53
#: Characters of a pattern, and of what is told of one.
_MOST_PATTERN, _SHOWN = 1_000, 60
#: Seconds that a pattern may take on one text.
_PATTERN_SECONDS = 0.5


@dataclass(frozen=True)
class Wanted:
    """What a user wants of a podcast; what is None or empty does not matter. Raises ValueError, with a sentence, for
    values that mean nothing."""

    #: How many of the newest.
    latest: int | None = None
    #: A date or how long ago, as ``moments.moment`` has it; a day is included.
    since: str = ""
    until: str = ""
    #: Regular expressions, of which a part of the title or of the description matches, whatever the case of letters.
    match: str = ""
    reject: str = ""
    season: tuple[int, ...] = ()
    #: Of TYPES; an episode that says nothing is "full".
    type: tuple[str, ...] = ()
    #: Seconds; an episode that does not tell its own is long enough, and short enough.
    min_duration: int | None = None
    max_duration: int | None = None
    #: Bytes, as announced; an episode that announces none is small enough.
    max_size: int | None = None
    #: Which of those that are queued together are fetched first; of ORDERS.
    order: str = "oldest"
    #: Nothing from before this time, in seconds since 1970.
    new_after: float | None = None

    def __post_init__(self) -> None:
        _check_number("--latest", self.latest, 1, MOST_LATEST)
        for name, most in (("min_duration", _MOST), ("max_duration", _MOST), ("max_size", _MOST)):
            _check_number(_option(name), getattr(self, name), 0, most)
        for name in ("since", "until"):
            if given := _text(name, getattr(self, name)):
                _explained(name, moment, given, 0.0)
        for name in ("match", "reject"):
            if given := _text(name, getattr(self, name)):
                _explained(name, _compiled, given)
        for number in self.season:
            _check_number("--season", number, 0, _MOST)
        if unknown := [one for one in self.type if one not in TYPES]:
            raise ValueError(f"--type cannot be {unknown[0]!r}: take {', '.join(TYPES)}")
        if self.order not in ORDERS:
            raise ValueError(f"--order cannot be {self.order!r}: take {' or '.join(ORDERS)}")
        _check_number("--new-only", self.new_after, 0, _MOST, kind=(int, float))
        self._check_ranges()

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "Wanted":
        """The inverse of ``to_json``. Raises ValueError."""
        if not isinstance(given, dict):
            raise ValueError("what is wanted is no JSON object")
        if unknown := sorted(given.keys() - {one.name for one in fields(cls)}):
            raise ValueError(f"there is no option {_option(unknown[0])}")
        for name in ("season", "type"):
            if not isinstance(given.get(name, []), list):
                raise ValueError(f"{_option(name)} must be a list")
        options: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in given.items()
        }
        return cls(**options)

    def to_json(self) -> dict[str, Any]:
        """What is set, as values that JSON has."""
        given = ((one.name, getattr(self, one.name), one.default) for one in fields(self))
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value, default in given
            if value != default
        }

    @property
    def is_everything(self) -> bool:
        """Whether no option is set."""
        return self == Wanted()

    @cached_property
    def patterns(self) -> "tuple[regex.Pattern[str] | None, regex.Pattern[str] | None]":
        """Those of ``match`` and of ``reject``."""
        match, reject = (_compiled(text) if text else None for text in (self.match, self.reject))
        return match, reject

    def _check_ranges(self) -> None:
        if self.min_duration is not None and self.max_duration is not None and self.min_duration > self.max_duration:
            raise ValueError("--min-duration is more than --max-duration: no episode is wanted")
        if self.since and self.until and is_relative(self.since) == is_relative(self.until):
            # Where one of them slides and the other does not, the time will tell.
            now = 1e10
            if moment(self.since, now) >= moment(self.until, now, is_end=True):
                raise ValueError(f"--since {self.since} is after --until {self.until}: no episode is wanted")


@dataclass(frozen=True, slots=True)
class Latest:
    """An episode that counts among the latest."""

    #: Seconds since 1970; NaN if neither it nor a neighbour has a date.
    time: float
    title: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What is wanted of the episodes of a page."""

    #: Positions, in the order in which they are to be fetched.
    wanted: Sequence[int]
    #: By position: why it is left out.
    left_out: Mapping[int, str] = field(default_factory=dict)
    #: With ``latest``: the ids of those that are among the latest of all pages so far; empty without.
    latest: Mapping[str, Latest] = field(default_factory=dict)
    #: By id: those of earlier pages that are not any more.
    surpassed: Mapping[str, Latest] = field(default_factory=dict)


def choose(wanted: Wanted, episodes: Packed, now: float, earlier: Mapping[str, Latest] | None = None) -> Choice:
    """Which of the episodes of a page, oldest first, are wanted at the time ``now``, in seconds since 1970. ``earlier``
    are the latest of the pages before it. Raises ValueError if a pattern takes too long."""
    left_out = dict(_left_out(wanted, episodes, now))
    taken = [position for position in range(len(episodes)) if position not in left_out]
    latest: dict[str, Latest] = {}
    surpassed: dict[str, Latest] = {}
    if wanted.latest is not None:
        latest, surpassed = _latest(wanted.latest, episodes, taken, earlier or {})
        left_out |= {at: not_latest(wanted) for at in taken if episodes.ids[at] not in latest}
        taken = [at for at in taken if episodes.ids[at] in latest]
    return Choice(taken[::-1] if wanted.order == "newest" else taken, left_out, latest, surpassed)


def not_latest(wanted: Wanted) -> str:
    """Why an episode is left out that newer ones have surpassed."""
    return f"not among the latest {wanted.latest}"


def _latest(
    count: int, episodes: Packed, taken: Sequence[int], earlier: Mapping[str, Latest]
) -> tuple[dict[str, Latest], dict[str, Latest]]:
    """The latest of all pages so far, and those of the earlier pages that are not among them."""
    times = _filled(episodes.times)
    here = {episodes.ids[at] for at in taken}
    before = {name: one for name, one in earlier.items() if name not in here}
    # Without dates, earlier pages are the newer ones; on a page the last is.
    ranked = [(_comparable(one.time), 1, -place, name) for place, (name, one) in enumerate(before.items())]
    ranked += [(_comparable(times[at]), 0, at, episodes.ids[at]) for at in taken]
    names = {name for _, _, _, name in sorted(ranked, reverse=True)[:count]}
    latest = {name: one for name, one in before.items() if name in names}
    latest |= {
        episodes.ids[at]: Latest(times[at], episodes[at].title) for at in reversed(taken) if episodes.ids[at] in names
    }
    return latest, {name: one for name, one in before.items() if name not in names}


def _left_out(wanted: Wanted, episodes: Packed, now: float) -> Iterator[tuple[int, str]]:
    """The positions of those that are not wanted, whatever is the latest, and why."""
    since = moment(wanted.since, now) if wanted.since else -inf
    until = moment(wanted.until, now, is_end=True) if wanted.until else inf
    new_after = -inf if wanted.new_after is None else wanted.new_after
    has_dates = max(since, new_after) > -inf or until < inf
    is_timely_enough = replace(wanted, since="", until="", latest=None, new_after=None, order="oldest").is_everything
    for at, time in enumerate(_filled(episodes.times)):
        reason = _untimely(wanted, time, since, until, new_after) if has_dates else ""
        if not reason and not is_timely_enough:
            reason = _unfit(wanted, episodes[at])
        if reason:
            yield at, reason


def _untimely(wanted: Wanted, time: float, since: float, until: float, new_after: float) -> str:
    """Why an episode of that time is not wanted; empty if it is."""
    if isnan(time):
        return "without a date"
    if time < since:
        return f"more than {wanted.since} old" if is_relative(wanted.since) else f"before {wanted.since}"
    if time > until:
        return f"less than {wanted.until} old" if is_relative(wanted.until) else f"after {wanted.until}"
    return "from before --new-only began" if time < new_after else ""


def _unfit(wanted: Wanted, episode: Episode) -> str:
    """Why an episode is not wanted for what it is; empty if it is wanted."""
    if wanted.season and episode.season not in wanted.season:
        return "without a season" if episode.season is None else f"of season {episode.season}"
    if wanted.type and (kind := episode.episode_type or "full") not in wanted.type:
        return f"of type {kind}"
    if (length := episode.duration) is not None:
        if wanted.min_duration is not None and length < wanted.min_duration:
            return f"shorter than {duration(wanted.min_duration)}"
        if wanted.max_duration is not None and length > wanted.max_duration:
            return f"longer than {duration(wanted.max_duration)}"
    size = episode.enclosure.length if episode.enclosure else None
    if wanted.max_size is not None and size is not None and size > wanted.max_size:
        return f"larger than {decimal(wanted.max_size)}"
    return _unmatched(wanted, episode)


def _unmatched(wanted: Wanted, episode: Episode) -> str:
    match, reject = wanted.patterns
    if match and not _found_in(match, "--match", episode):
        return f"no match of --match {_shown(wanted.match)}"
    if reject and (where := _found_in(reject, "--reject", episode)):
        return f"{where} matches --reject {_shown(wanted.reject)}"
    return ""


def _found_in(pattern: "regex.Pattern[str]", option: str, episode: Episode) -> str:
    """Which text of the episode the pattern matches a part of; empty if none."""
    try:
        if pattern.search(episode.title, timeout=_PATTERN_SECONDS):
            return "title"
        # What has no markup is costly to find, so it is looked for last.
        found = episode.description and pattern.search(episode.description_text, timeout=_PATTERN_SECONDS)
    except TimeoutError:
        raise ValueError(
            f"{option} {_shown(pattern.pattern)} takes too long on {episode.title[:_SHOWN]!r}; write a pattern that "
            "does not repeat what repeats itself"
        ) from None
    return "description" if found else ""


def _filled(times: Sequence[float]) -> Sequence[float]:
    """The times, the oldest first; one that is unknown is that of the older neighbour, else of the newer one."""
    last = next((time for time in times if not isnan(time)), nan)
    if isnan(last):
        return times
    filled = []
    for time in times:
        last = last if isnan(time) else time
        filled.append(last)
    return filled


def _comparable(time: float) -> float:
    return -inf if isnan(time) else time


def _compiled(text: str) -> "regex.Pattern[str]":
    if len(text) > _MOST_PATTERN:
        raise ValueError(f"it has more than {_MOST_PATTERN} characters")
    # Only now: few users have patterns, and it takes time to load.
    import regex

    try:
        return regex.compile(text, regex.IGNORECASE)
    except regex.error as error:
        raise ValueError(f"{text!r} is not a regular expression ({error})") from None


def _shown(pattern: str) -> str:
    return pattern if len(pattern) <= _SHOWN else f"{pattern[: _SHOWN - 1]}…"


def _option(name: str) -> str:
    return "--new-only" if name == "new_after" else f"--{name.replace('_', '-')}"


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{_option(name)} must be a text")
    return value


def _explained(name: str, read: Any, *arguments: Any) -> None:
    try:
        read(*arguments)
    except ValueError as error:
        raise ValueError(f"{_option(name)}: {error}") from None


def _check_number(option: str, value: object, least: int, most: int, kind: type | tuple[type, ...] = int) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, kind) or not least <= value <= most:  # type: ignore[operator]
        raise ValueError(f"{option} cannot be {value!r}: it is no number from {least} to {most}")
