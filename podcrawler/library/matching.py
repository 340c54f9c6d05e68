"""Which file of another program is which episode of a feed. Pure, and never a guess: where more than one answer is
possible, there is none.

What counts, from the strongest on: the guid, or the address of the file, that the program's records tell; the length
that the feed announces, if one file and one episode have it; the date and the title in the name of the file, where the
feed announces no length, or a wrong one.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from podcrawler.items import Episode
from podcrawler.library.leavings import LeftFile
from podcrawler.sites.order import time_of

#: Of dates that others can be a day before or after.
_YEARS = range(1000, 9999)
#: Why a file is of no episode.
Reason = Literal["unlisted", "ambiguous", "shared"]


@dataclass(frozen=True, slots=True)
class Matched:
    file: LeftFile
    episode: Episode


@dataclass(frozen=True, slots=True)
class Unmatched:
    file: LeftFile
    why: Reason


def letters(text: str) -> str:
    """The letters and digits alone: what else is in a title changes on the way into the name of a file."""
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())


def match(files: Iterable[LeftFile], episodes: Sequence[Episode], *, slack: int = 0) -> list[Matched | Unmatched]:
    """For each file which of the episodes it is. ``slack`` is as in ``Leavings``."""
    matcher = _Matcher(episodes, slack)
    found = [(file, matcher.candidates(file)) for file in files]
    claims = defaultdict[str, int](int)
    for _, candidates in found:
        if len(candidates) == 1:
            claims[candidates[0].key] += 1
    return [_judged(file, candidates, claims) for file, candidates in found]


def _judged(file: LeftFile, candidates: Sequence[Episode], claims: dict[str, int]) -> Matched | Unmatched:
    if len(candidates) != 1:
        return Unmatched(file, "ambiguous" if candidates else "unlisted")
    (episode,) = candidates
    return Matched(file, episode) if claims[episode.key] == 1 else Unmatched(file, "shared")


class _Matcher:
    """The episodes by what tells them from each other."""

    def __init__(self, episodes: Sequence[Episode], slack: int) -> None:
        self._by_identity = defaultdict[str, list[Episode]](list)
        self._by_size = defaultdict[int, list[Episode]](list)
        self._by_name = defaultdict[str, list[Episode]](list)
        for episode in episodes:
            url = episode.enclosure.url if episode.enclosure else ""
            for identity in {episode.guid.strip(), url} - {""}:
                self._by_identity[identity].append(episode)
            if episode.enclosure and episode.enclosure.length:
                self._by_size[episode.enclosure.length].append(episode)
            for name in _names(episode, slack):
                self._by_name[name].append(episode)

    def candidates(self, file: LeftFile) -> Sequence[Episode]:
        """The episodes that the file may be."""
        known = self._by_identity.get(file.guid) or self._by_identity.get(file.url)
        if known:
            return _narrowed(known, file)
        of_size = self._by_size.get(file.size, [])
        if file.guid:
            # Publishers give new guids to old episodes; the title has to agree, too.
            return [one for one in of_size if letters(one.title) == letters(file.title) != ""]
        by_name = self._by_name.get(letters(file.stem), [])
        if not (of_size and by_name):
            return by_name or _narrowed(of_size, file)
        # All of them, if name and size contradict each other.
        return [one for one in by_name if one in of_size] or [*by_name, *of_size]


def _names(episode: Episode, slack: int) -> set[str]:
    """The letters of the names that a file may have by its date and its title."""
    moment, title = time_of(episode), letters(episode.title)
    if moment is None or not title or moment.year not in _YEARS:
        return set()
    days = (f"{moment + timedelta(days=days):%Y%m%d}" for days in range(-slack, slack + 1))
    return {name for day in days for name in (day + title, title + day)}


def _narrowed(candidates: Sequence[Episode], file: LeftFile) -> Sequence[Episode]:
    """Those that agree best with what else is known of the file."""
    name, title = letters(file.stem), letters(file.title)
    longest = max((len(letters(one.title)) for one in candidates if letters(one.title) in name), default=0)
    tests: list[Callable[[Episode], bool]] = [
        lambda one: one.enclosure is not None and one.enclosure.url == file.url,
        lambda one: letters(one.title) == title != "",
        lambda one: one.enclosure is not None and one.enclosure.length == file.size,
        lambda one: len(letters(one.title)) == longest > 0 and letters(one.title) in name,
    ]
    for test in tests:
        if len(candidates) > 1:
            candidates = [one for one in candidates if test(one)] or candidates
    return candidates
