"""Which entry of a podcast is which episode, whatever changed since the last visit: its guid, its title, its file.

A publisher gives one guid to two entries, or a new guid to an old one. What a list page said of each episode is kept
as three short digests, and an entry is the episode that it agrees with. docs/sites.md has the rules.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import time
from typing import NamedTuple

from typing_extensions import override

from podcrawler.items import Episode
from podcrawler.sites import identity
from podcrawler.sites.order import time_of
from podcrawler.sites.packed import Packed

_DIGITS = 8
#: Punctuation and spaces, which publishers change.
_NO_LETTERS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Traits:
    """Digests of what tells one entry from another; empty for what the entry does not have."""

    title: str
    published: str
    file: str

    @classmethod
    def of(cls, episode: Episode) -> "Traits":
        letters = _NO_LETTERS.sub("", episode.title.casefold())
        moment = time_of(episode)
        file = identity.media_key(episode.enclosure.url) if episode.enclosure else episode.page
        return cls(*map(_digest, (letters, moment.isoformat() if moment else "", file)))

    @classmethod
    def read(cls, text: str) -> "Traits | None":
        """The inverse of ``str``; None for any other text."""
        parts = text.split(" ")
        return cls(*parts) if len(parts) == len(fields(cls)) else None

    @override
    def __str__(self) -> str:
        return f"{self.title} {self.published} {self.file}"

    def agreement(self, other: "Traits") -> int:
        """In how many traits both agree."""
        return sum(mine == theirs != "" for mine, theirs in self._pairs(other))

    def may_be(self, other: "Traits", *, has_guid: bool) -> bool:
        """Whether both may be of one episode that is listed under one plain id.

        A guid is evidence enough if any trait agrees, or if the files alone can be compared. Without one the id says
        little more than the path of the file: then the file must agree and one of the others, or all of the others."""
        compared = [mine == theirs for mine, theirs in self._pairs(other) if mine and theirs]
        if has_guid:
            return any(compared) or len(compared) < 2
        others = [mine == theirs for mine, theirs in self._pairs(other)[:2] if mine and theirs]
        if self.file == other.file:
            return any(others) or len(others) < 2
        return bool(others) and all(others)

    @property
    def name(self) -> str:
        """Title and date; empty without either."""
        return f"{self.title} {self.published}" if self.title and self.published else ""

    def _pairs(self, other: "Traits") -> list[tuple[str, str]]:
        return [(self.title, other.title), (self.published, other.published), (self.file, other.file)]


_NO_TRAITS = Traits("", "", "")


@dataclass(frozen=True, slots=True)
class Settled:
    """The entries of a list page under their ids."""

    episodes: Packed
    #: Those that turned out to be an episode that the page has already.
    duplicates: Packed
    #: The traits that are new or have changed, as text, by id.
    traits: dict[str, str]


def settle(
    episodes: Packed, known: Mapping[str, str], finished_sizes: Callable[[Sequence[str]], Mapping[str, int]]
) -> Settled:
    """Give each episode of a list page, oldest first, the id that it had at earlier visits. Episodes without a twin id
    keep theirs.

    ``known`` has the traits of earlier visits, as text, by id. ``finished_sizes`` looks up the bytes of finished
    episodes, because earlier releases have recorded some without traits.
    """
    page = _Page(episodes, known, finished_sizes)
    unique: dict[str, int] = {}
    duplicates = []
    changed = {}
    for position, entry in enumerate(page.entries):
        name = page.settled_id(position)
        if name in unique:
            duplicates.append(position)
            continue
        unique[name] = position
        if entry.traits and known.get(name) != entry.traits:
            changed[name] = entry.traits
    settled = episodes.at(list(unique.values())).under(list(unique))
    return Settled(settled, episodes.at(duplicates), changed)


class _Entry(NamedTuple):
    """What decides on the id of an entry of a list page. A page may have hundreds of thousands."""

    id: str
    #: The id that the episode has if no other entry claims it.
    plain_id: str
    #: As text; empty for an episode without a twin id.
    traits: str
    has_guid: bool
    #: Bytes of the file, as announced.
    length: int | None
    #: Whether its date has a time: days alone may be those of several episodes.
    is_timed: bool = False

    @classmethod
    def of(cls, name: str, episode: Episode) -> "_Entry":
        if not episode.twin_id or episode.enclosure is None:
            return cls(name, name, str(_NO_TRAITS) if episode.twin_id else "", False, None)
        plain_id = identity.episode_id(episode.guid, episode.enclosure.url)
        # One text instead of two equal ones.
        plain_id = name if plain_id == name else plain_id
        is_timed = episode.published is not None and episode.published.time() != time()
        return cls(name, plain_id, str(Traits.of(episode)), bool(episode.guid), episode.enclosure.length, is_timed)

    def may_be(self, known: str) -> bool:
        """Whether the entry may be the known episode with these traits, which has its plain id."""
        return _read(known).may_be(_read(self.traits), has_guid=self.has_guid)

    def agreement(self, known: str) -> int:
        return _read(known).agreement(_read(self.traits))


class _Page:
    """A list page, and what is known of its podcast."""

    def __init__(
        self, episodes: Packed, known: Mapping[str, str], finished_sizes: Callable[[Sequence[str]], Mapping[str, int]]
    ) -> None:
        self._episodes = episodes
        self._known = known
        self.entries: list[_Entry] = []
        unclaimed = set(known)
        paths: dict[str, str] = {}
        for name, episode in zip(episodes.ids, episodes, strict=True):
            entry = _Entry.of(name, episode)
            self.entries.append(entry)
            unclaimed -= {entry.plain_id, episode.twin_id}
            if not known and episode.twin_id and episode.guid:
                paths[name] = _path_id(episode)
        gone = {name: _read(traits) for name, traits in known.items() if name in unclaimed}
        #: By the digest of its file: the id of each known episode that no entry of the page claims.
        self._by_file = {traits.file: name for name, traits in gone.items() if traits.file}
        self._by_path = _finished_by_path(paths, finished_sizes)
        self._owners = _owners(self.entries, known, finished_sizes)
        #: By title and date: the same, less those whose file an entry has.
        self._by_name = _by_name(gone, self.entries)
        for same in filter(None, map(self._of_same_file, self.entries)):
            self._by_name.pop(gone[same].name, None)

    def settled_id(self, position: int) -> str:
        """The id of an entry. Two entries that are one episode get the same."""
        entry, known = self.entries[position], self._known
        if found := self._by_path.get(entry.id):
            return found
        if self._is_known(entry):
            return entry.plain_id
        if same := self._of_same_file(entry):
            return same
        # When a podcast moves to another host, guids and files change, but neither titles nor times.
        if entry.is_timed and (moved := self._by_name.get(_read(entry.traits).name)):
            return moved
        if self._is_owner(entry):
            return entry.plain_id
        twin = self._episodes[position].twin_id if entry.id == entry.plain_id else entry.id
        if twin in known and not entry.may_be(known[twin]):
            return identity.twin_id(entry.plain_id, entry.traits)
        return twin

    def _is_known(self, entry: _Entry) -> bool:
        """Whether an entry is known by its plain id, or cannot be told by anything else."""
        return not entry.traits or (entry.plain_id in self._known and self._is_owner(entry))

    def _of_same_file(self, entry: _Entry) -> str | None:
        """The id of the known episode that has the file of an entry that is not known, and agrees in more: a file alone
        proves nothing, because some shows publish each episode at one address."""
        before = self._by_file.get(_read(entry.traits).file) if self._by_file else None
        return before if before and not self._is_known(entry) and entry.agreement(self._known[before]) > 1 else None

    def _is_owner(self, entry: _Entry) -> bool:
        """Whether an entry keeps its plain id: it belongs to no other entry, and to no episode that the page does not
        list any more."""
        if entry.plain_id in self._owners:
            return self._owners[entry.plain_id] is entry
        return entry.plain_id not in self._known or entry.may_be(self._known[entry.plain_id])


def _by_name(gone: Mapping[str, Traits], entries: Sequence[_Entry]) -> dict[str, str]:
    """By title and date: the id of the one known episode that has both and that no entry claims, if but one entry of
    the page has them."""
    if not gone:
        return {}
    listed = Counter(_read(entry.traits).name for entry in entries)
    known = Counter(traits.name for traits in gone.values())
    names = {traits.name: name for name, traits in gone.items()}
    return {moment: name for moment, name in names.items() if moment and known[moment] == listed[moment] == 1}


def _owners(
    entries: Sequence[_Entry],
    known: Mapping[str, str],
    finished_sizes: Callable[[Sequence[str]], Mapping[str, int]],
) -> dict[str, _Entry | None]:
    """For each plain id that several entries claim: the entry that it belongs to; None if it belongs to an episode that
    the page does not list any more."""
    counts = Counter(entry.plain_id for entry in entries)
    claims: dict[str, list[_Entry]] = defaultdict(list)
    for entry in entries:
        if counts[entry.plain_id] > 1:
            claims[entry.plain_id].append(entry)
    unknown = [name for name in claims if name not in known]
    sizes = finished_sizes(unknown) if unknown else {}
    return {
        name: _known_owner(claimants, known[name]) if name in known else _first_owner(claimants, sizes.get(name))
        for name, claimants in claims.items()
    }


def _known_owner(claimants: Sequence[_Entry], known: str) -> _Entry | None:
    """The oldest of those that agree best with the traits; None if none can be that episode."""
    possible = [entry for entry in claimants if entry.may_be(known)]
    return max(possible, key=lambda entry: entry.agreement(known), default=None)


def _first_owner(claimants: Sequence[_Entry], finished_size: int | None) -> _Entry:
    """The one whose file was archived by a release that took them all for one, if its length tells; else the oldest."""
    if finished_size is not None:
        alike = [entry for entry in claimants if entry.length == finished_size]
        if len(alike) == 1:
            return alike[0]
    return claimants[0]


def _finished_by_path(
    paths: Mapping[str, str], finished_sizes: Callable[[Sequence[str]], Mapping[str, int]]
) -> dict[str, str]:
    """The entries that were finished under the id that the path of their file gives (``paths``), because earlier
    releases saw no guid in ``rdf:about``: that id, by their own."""
    if not paths:
        return {}
    sizes = finished_sizes([*paths, *paths.values()])
    counts = Counter(paths.values())
    return {name: path for name, path in paths.items() if path in sizes and counts[path] == 1 and name not in sizes}


def _path_id(episode: Episode) -> str:
    return identity.episode_id("", episode.enclosure.url) if episode.enclosure else ""


def _read(traits: str) -> Traits:
    return Traits.read(traits) or _NO_TRAITS


def _digest(text: str) -> str:
    return identity.digest(text, _DIGITS) if text else ""
