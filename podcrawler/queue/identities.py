"""Which entry of a podcast is which episode, whatever changed since the last visit: its guid, its title, its file.

A publisher gives one guid to two entries, or a new guid to an old one. What a list page said of each episode is kept
as three short digests, and an entry is the episode that it agrees with. docs/sites.md has the rules.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from typing_extensions import override

from podcrawler.items import Episode
from podcrawler.sites import identity
from podcrawler.sites.reading import time_of

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

    def _pairs(self, other: "Traits") -> list[tuple[str, str]]:
        return [(self.title, other.title), (self.published, other.published), (self.file, other.file)]


@dataclass(frozen=True, slots=True)
class Settled:
    """The entries of a list page under their ids."""

    episodes: list[Episode]
    #: Those that turned out to be an episode that the page has already.
    duplicates: list[Episode]
    #: The traits that are new or have changed, by id.
    traits: dict[str, Traits]


def settle(
    episodes: Sequence[Episode],
    known: Mapping[str, Traits],
    finished_sizes: Callable[[Sequence[str]], Mapping[str, int]],
) -> Settled:
    """Give each episode of a list page, oldest first, the id that it had at earlier visits. Episodes without a twin id
    keep theirs.

    ``known`` has the traits of earlier visits by id. ``finished_sizes`` looks up the bytes of finished episodes,
    because earlier releases have recorded some without traits.
    """
    entries = [_Entry.of(episode) for episode in episodes]
    owners = _owners(entries, known, finished_sizes)
    by_file = _by_file(known, entries)
    by_path = {} if known else _finished_by_path(episodes, finished_sizes)
    unique: dict[str, Episode] = {}
    duplicates = []
    changed = {}
    for entry in entries:
        episode = entry.episode
        name = by_path.get(episode.id) or _settled_id(entry, owners, known, by_file)
        if name in unique:
            duplicates.append(episode)
            continue
        unique[name] = episode if episode.id == name else replace(episode, id=name)
        if episode.twin_id and known.get(name) != entry.traits:
            changed[name] = entry.traits
    return Settled(list(unique.values()), duplicates, changed)


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of a list page."""

    episode: Episode
    #: The id that the episode has if no other entry claims it.
    plain_id: str
    traits: Traits

    @classmethod
    def of(cls, episode: Episode) -> "_Entry":
        if not episode.twin_id or episode.enclosure is None:
            return cls(episode, episode.id, Traits("", "", ""))
        return cls(episode, identity.episode_id(episode.guid, episode.enclosure.url), Traits.of(episode))

    def may_be(self, traits: Traits) -> bool:
        """Whether the entry may be the known episode with these traits, which has its plain id."""
        return traits.may_be(self.traits, has_guid=bool(self.episode.guid))


def _owners(
    entries: Sequence[_Entry],
    known: Mapping[str, Traits],
    finished_sizes: Callable[[Sequence[str]], Mapping[str, int]],
) -> dict[str, _Entry | None]:
    """By plain id: the entry that it belongs to; None if it belongs to one that is not on the page any more."""
    claims: dict[str, list[_Entry]] = defaultdict(list)
    for entry in entries:
        claims[entry.plain_id].append(entry)
    unknown = [name for name, claimants in claims.items() if name not in known and len(claimants) > 1]
    sizes = finished_sizes(unknown) if unknown else {}
    return {
        name: _known_owner(claimants, known[name]) if name in known else _first_owner(claimants, sizes.get(name))
        for name, claimants in claims.items()
    }


def _known_owner(claimants: Sequence[_Entry], traits: Traits) -> _Entry | None:
    """The oldest of those that agree best with the traits; None if none can be that episode."""
    possible = [entry for entry in claimants if entry.may_be(traits)]
    return max(possible, key=lambda entry: traits.agreement(entry.traits), default=None)


def _first_owner(claimants: Sequence[_Entry], finished_size: int | None) -> _Entry:
    """The one whose file was archived by a release that took them all for one, if its length tells; else the oldest."""
    if finished_size is not None:
        files = ((entry, entry.episode.enclosure) for entry in claimants)
        alike = [entry for entry, file in files if file and file.length == finished_size]
        if len(alike) == 1:
            return alike[0]
    return claimants[0]


def _by_file(known: Mapping[str, Traits], entries: Sequence[_Entry]) -> dict[str, str]:
    """By the digest of its file: the id of each known episode that no entry of the page claims."""
    claimed = {name for entry in entries for name in (entry.plain_id, entry.episode.twin_id)}
    return {traits.file: name for name, traits in known.items() if traits.file and name not in claimed}


def _finished_by_path(
    episodes: Sequence[Episode], finished_sizes: Callable[[Sequence[str]], Mapping[str, int]]
) -> dict[str, str]:
    """By id: the id that the path of its file gives, for entries that were finished under that one: earlier releases
    saw no guid in ``rdf:about``."""
    paths = {episode.id: _path_id(episode) for episode in episodes if episode.twin_id and episode.guid}
    if not paths:
        return {}
    sizes = finished_sizes([*paths, *paths.values()])
    counts = Counter(paths.values())
    return {name: path for name, path in paths.items() if path in sizes and counts[path] == 1 and name not in sizes}


def _path_id(episode: Episode) -> str:
    return identity.episode_id("", episode.enclosure.url) if episode.enclosure else ""


def _settled_id(
    entry: _Entry, owners: Mapping[str, _Entry | None], known: Mapping[str, Traits], by_file: Mapping[str, str]
) -> str:
    plain, twin = entry.plain_id, entry.episode.twin_id
    is_owner = owners[plain] is entry
    if not twin or (is_owner and plain in known):
        return plain
    before = by_file.get(entry.traits.file, "")
    # A file alone proves nothing: some shows publish each episode at one address.
    if before and known[before].agreement(entry.traits) > 1:
        return before
    if is_owner:
        return plain
    twin = twin if entry.episode.id == plain else entry.episode.id
    if twin in known and not entry.may_be(known[twin]):
        return identity.twin_id(plain, str(entry.traits))
    return twin


def _digest(text: str) -> str:
    return identity.digest(text, _DIGITS) if text else ""
