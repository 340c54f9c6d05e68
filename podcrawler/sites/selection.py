"""Applies what a user wants to a listing: which kinds of files are episodes, one of an entry or all, and how many."""

from collections.abc import Iterator, Set
from dataclasses import replace
from itertools import chain

from podcrawler.items import Enclosure, Episode
from podcrawler.sites import identity
from podcrawler.sites.base import LeftOut, Listing
from podcrawler.sites.cause import Cause
from podcrawler.sites.choice import Kind, extension_of, kind_of, told_kind
from podcrawler.sites.limits import MAX_NAMED, bounded_entries
from podcrawler.sites.order import by_age
from podcrawler.sites.packed import Packed

#: The kinds that sites choose by themselves.
_DEFAULT = frozenset(["audio", "video"])


def with_wanted_files(listing: Listing, wanted: Set[str]) -> Listing:
    """The listing with those entries as episodes that have a file of a wanted kind: ``audio``, ``video``, or an
    extension of files of other kinds. Files of which nothing is known are wanted."""
    if wanted == _DEFAULT:
        return listing
    found = (_chosen(episode, wanted) for episode in listing.episodes)
    other = (_chosen(entry.unwanted, wanted) if entry.unwanted else entry for entry in listing.left_out)
    episodes, left_out = bounded_entries(chain(found, other))
    newest_first = identity.without_twins(episodes[::-1])
    return replace(listing, episodes=newest_first.at(by_age(newest_first.times)), left_out=left_out)


def with_all_files(listing: Listing) -> Listing:
    """The listing with an episode for each audio file of an entry. The first has the id of the entry."""
    return replace(listing, episodes=Packed(one for episode in listing.episodes for one in _all_audio(episode)))


def with_newest(listing: Listing, limit: int) -> Listing:
    """The listing with the newest ``limit`` of its episodes."""
    surplus = max(0, len(listing.episodes) - limit)
    left_out = [LeftOut(Cause.LIMIT, episode.title) for episode in listing.episodes[:surplus]]
    return replace(listing, episodes=listing.episodes[surplus:], left_out=listing.left_out + left_out)


def _chosen(episode: Episode, wanted: Set[str]) -> Episode | LeftOut:
    """The episode with the first of its files that is wanted. One without an enclosure is taken as it is: its file is
    not known before its page has been read."""
    files = [file for file in _files(episode) if _is_wanted(file, wanted)]
    if episode.enclosure is None or files[:1] == [episode.enclosure]:
        return replace(episode, alternates=files[1:])
    if files:
        return identity.with_files(episode, files)
    return LeftOut(Cause.NOT_MEDIA, episode.title, told_kind(episode.enclosure)[:MAX_NAMED], unwanted=episode)


def _files(episode: Episode) -> list[Enclosure]:
    return [episode.enclosure, *episode.alternates] if episode.enclosure else []


def _is_wanted(file: Enclosure, wanted: Set[str]) -> bool:
    match kind_of(file.type, file.url):
        case Kind.UNKNOWN:
            return True
        case Kind.AUDIO:
            return "audio" in wanted
        case Kind.VIDEO:
            return "video" in wanted
        case _:
            return extension_of(file.url) in wanted


def _all_audio(episode: Episode) -> Iterator[Episode]:
    yield episode
    for file in episode.alternates:
        if kind_of(file.type, file.url) is Kind.AUDIO:
            name = identity.twin_id(episode.id, identity.media_key(file.url))
            yield replace(episode, id=name, enclosure=file, alternates=[], twin_id="")
