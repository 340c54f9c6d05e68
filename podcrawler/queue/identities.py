"""Which entry of a podcast is which episode, whatever changed since the last visit: its guid, its title, its file.

A publisher gives one guid to two entries, or a new guid to an old one. What a list page said of each episode is kept
as three short digests, and an entry is the episode that it agrees with. docs/sites.md has the rules.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from typing_extensions import override

from podcrawler.items import Episode
from podcrawler.queue.listings import Listings
from podcrawler.sites import identity
from podcrawler.sites.reading import time_of

_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Traits:
    """Digests of what tells one entry from another; empty for what the entry does not have."""

    title: str
    published: str
    file: str

    @classmethod
    def of(cls, episode: Episode) -> "Traits":
        letters = "".join(char for char in episode.title.casefold() if char.isalnum())
        moment = time_of(episode)
        file = identity.media_key(episode.enclosure.url) if episode.enclosure else episode.page
        return cls(*map(_digest, (letters, moment.isoformat() if moment else "", file)))

    @classmethod
    def read(cls, text: str) -> "Traits":
        return cls(*text.split(" "))

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


class Identities:
    """The identities of the episodes of one archive. Blocks on Redis."""

    def __init__(self, listings: Listings) -> None:
        self._listings = listings

    def settle(self, podcast_id: str, episodes: Sequence[Episode]) -> Settled:
        """As the function ``settle``, with what was kept of the podcast's earlier visits; keeps what is new."""
        if not any(episode.twin_id for episode in episodes):
            return Settled(list(episodes), [], {})
        known = {name: Traits.read(text) for name, text in self._listings.identities(podcast_id).items()}
        settled = settle(episodes, known, lambda names: self._listings.finished_sizes(podcast_id, names))
        self._listings.keep_identities(podcast_id, {name: str(traits) for name, traits in settled.traits.items()})
        return settled


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
    owners = _owners(episodes, known, finished_sizes)
    claimed = {name for episode in episodes for name in (plain_id(episode), episode.twin_id)}
    by_file = _by_file(known, claimed)
    by_path = {} if known else _finished_by_path(episodes, finished_sizes)
    unique: dict[str, Episode] = {}
    duplicates = []
    for episode in episodes:
        name = by_path.get(episode.id) or _settled_id(episode, owners, known, by_file)
        if name in unique:
            duplicates.append(episode)
        else:
            unique[name] = replace(episode, id=name)
    traits = {name: Traits.of(episode) for name, episode in unique.items() if episode.twin_id}
    changed = {name: found for name, found in traits.items() if known.get(name) != found}
    return Settled(list(unique.values()), duplicates, changed)


def plain_id(episode: Episode) -> str:
    """The id that the episode has if no other entry claims it."""
    if not episode.twin_id or episode.enclosure is None:
        return episode.id
    return identity.episode_id(episode.guid, episode.enclosure.url)


def _owners(
    episodes: Sequence[Episode],
    known: Mapping[str, Traits],
    finished_sizes: Callable[[Sequence[str]], Mapping[str, int]],
) -> dict[str, Episode | None]:
    """By plain id: the episode that it belongs to; None if it belongs to one that is not on the page any more."""
    claims: dict[str, list[Episode]] = defaultdict(list)
    for episode in episodes:
        claims[plain_id(episode)].append(episode)
    unknown = [name for name, claimants in claims.items() if name not in known and len(claimants) > 1]
    sizes = finished_sizes(unknown) if unknown else {}
    return {
        name: _known_owner(claimants, known[name]) if name in known else _first_owner(claimants, sizes.get(name))
        for name, claimants in claims.items()
    }


def _known_owner(claimants: Sequence[Episode], traits: Traits) -> Episode | None:
    """The oldest of those that agree best with the traits; None if none can be that episode."""
    possible = [episode for episode in claimants if _may_be(episode, traits)]
    return max(possible, key=lambda episode: traits.agreement(Traits.of(episode)), default=None)


def _may_be(episode: Episode, traits: Traits) -> bool:
    return traits.may_be(Traits.of(episode), has_guid=bool(episode.guid))


def _first_owner(claimants: Sequence[Episode], finished_size: int | None) -> Episode:
    """The one whose file was archived by a release that took them all for one, if its length tells; else the oldest."""
    if finished_size is not None:
        alike = [episode for episode in claimants if episode.enclosure and episode.enclosure.length == finished_size]
        if len(alike) == 1:
            return alike[0]
    return claimants[0]


def _by_file(known: Mapping[str, Traits], claimed: Set[str]) -> dict[str, str]:
    """By the digest of its file: the id of each known episode that no entry of the page claims."""
    return {traits.file: name for name, traits in known.items() if traits.file and name not in claimed}


def _finished_by_path(
    episodes: Sequence[Episode], finished_sizes: Callable[[Sequence[str]], Mapping[str, int]]
) -> dict[str, str]:
    """By id: the id that the path of its file gives, for entries that were finished under that one: earlier releases
    saw no guid in ``rdf:about``."""
    paths = Counter(_path_id(episode) for episode in episodes if episode.twin_id and episode.guid)
    sizes = finished_sizes([*paths, *(episode.id for episode in episodes)]) if paths else {}
    return {
        episode.id: path
        for episode in episodes
        if (path := _path_id(episode)) in sizes and paths[path] == 1 and episode.id not in sizes
    }


def _path_id(episode: Episode) -> str:
    return identity.episode_id("", episode.enclosure.url) if episode.enclosure else ""


def _settled_id(
    episode: Episode, owners: Mapping[str, Episode | None], known: Mapping[str, Traits], by_file: Mapping[str, str]
) -> str:
    plain = plain_id(episode)
    if not episode.twin_id or (owners[plain] is episode and plain in known):
        return plain
    traits = Traits.of(episode)
    before = by_file.get(traits.file, "")
    # A file alone proves nothing: some shows publish each episode at one address.
    if before and known[before].agreement(traits) > 1:
        return before
    if owners[plain] is episode:
        return plain
    twin = episode.twin_id if episode.id == plain else episode.id
    if twin in known and not _may_be(episode, known[twin]):
        return identity.twin_id(plain, str(traits))
    return twin


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS] if text else ""
