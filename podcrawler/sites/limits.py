"""The limits of what is taken from a document, whichever site reads it: all of it goes through the queue.

They are applied where a listing comes from its site, once for all sites, the user's own included. A site cuts a text
itself before it computes with it. docs/items.md has the same table in words.
"""

from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from itertools import chain
from typing import TypeVar

from podcrawler.details import EpisodeDetails, PodcastDetails
from podcrawler.items import Enclosure, Episode, Podcast
from podcrawler.logins import without_login
from podcrawler.sites.base import LeftOut, Listing, Referral
from podcrawler.sites.cause import Cause
from podcrawler.sites.packed import Packed

#: Characters of a name, a title or another text on one line.
MAX_TITLE = 1_000
#: Characters of a text such as a description: forty pages.
MAX_TEXT = 100_000
#: Characters of an address; no server takes a longer one.
MAX_ADDRESS = 8_000
#: Characters of what a publisher identifies an entry by.
MAX_GUID = 8_000
#: Elements of a list.
MAX_ELEMENTS = 1_000
#: Other files of an entry.
MAX_FILES = 100
#: Further pages that a page names.
MAX_PAGES = 1_000
#: Podcasts that a page refers to, and addresses of each.
MAX_PODCASTS = 10_000
MAX_CANDIDATES = 100
#: Sentences on what leads nowhere.
MAX_SENTENCES = 100
#: Characters of what an entry named in place of a media file.
MAX_NAMED = 200
#: Characters of all that is recorded of an episode or a podcast, as JSON: with more, only the fields of ``items.py``.
MAX_RECORD = 1_000_000

_TEXTS = frozenset(("description", "content", "summary", "subtitle"))
_ADDRESSES = frozenset(("page", "image", "link"))
#: Fields whose values are the node's own, or checked one by one.
_OTHERS = frozenset(("id", "podcast_id", "address", "guid", "file", "sha256", "twin_id"))

_T = TypeVar("_T", Episode, Podcast)


def _limits(item: type[Episode] | type[Podcast]) -> list[tuple[str, int]]:
    """The fields that are text, each with the characters that it may have."""
    texts = [field.name for field in fields(item) if field.type is str and field.name not in _OTHERS]
    return [(name, MAX_TEXT if name in _TEXTS else MAX_ADDRESS if name in _ADDRESSES else MAX_TITLE) for name in texts]


_OF_EPISODES = _limits(Episode)
_OF_PODCASTS = _limits(Podcast)


def bounded(listing: Listing) -> Listing:
    """The listing within the limits. The addresses of other pages lose their logins, because only the user decides
    which pages get one. An entry whose address or guid is too long is left out."""
    episodes, left_out = listing.episodes, listing.left_out
    if not isinstance(episodes, Packed):
        episodes, left_out = bounded_entries(chain(left_out, episodes))
    return Listing(
        bounded_podcast(listing.podcast),
        episodes,
        [without_login(url) for url in listing.next_urls if len(url) <= MAX_ADDRESS][:MAX_PAGES],
        left_out,
        without_login(listing.moved_to) if len(listing.moved_to) <= MAX_ADDRESS else "",
        without_login(listing.known_as) if len(listing.known_as) <= MAX_ADDRESS else "",
    )


def bounded_entries(entries: Iterable[Episode | LeftOut]) -> tuple[Packed, list[LeftOut]]:
    """The entries within the limits, as they come: the episodes, and what is left out."""
    left_out: list[LeftOut] = []

    def episodes() -> Iterator[Episode]:
        for entry in entries:
            found = _bounded_entry(entry) if isinstance(entry, Episode) else _bounded_left_out(entry)
            if isinstance(found, Episode):
                yield found
            else:
                left_out.append(found)

    return Packed(episodes()), left_out


def bounded_referral(referral: Referral) -> Referral:
    """What a page refers to, within the limits, except for what it lists itself (``otherwise``)."""
    short = ([url for url in urls if len(url) <= MAX_ADDRESS][:MAX_CANDIDATES] for urls in referral.podcasts)
    podcasts = [urls for urls in short if urls]
    sentences = [sentence[:MAX_TITLE] for sentence in referral.left_out[:MAX_SENTENCES]]
    if further := len(referral.left_out) - len(sentences):
        sentences.append(f"{further} further outlines that lead to no feed.")
    if (surplus := len(podcasts) - MAX_PODCASTS) > 0:
        sentences.append(f"{surplus} podcasts: no more than the first {MAX_PODCASTS} are read; split the list.")
    return replace(referral, podcasts=podcasts[:MAX_PODCASTS], left_out=sentences)


def bounded_episode(episode: Episode) -> Episode:
    """The episode within the limits, except for its enclosure's address and its guid."""
    _cut(episode, _OF_EPISODES)
    if len(episode.alternates) > MAX_FILES:
        episode.alternates = episode.alternates[:MAX_FILES]
    if episode.alternates:
        episode.alternates = [file for file in episode.alternates if len(file.url) <= MAX_ADDRESS]
    if episode.enclosure and len(episode.enclosure.type) > MAX_NAMED:
        episode.enclosure = Enclosure(episode.enclosure.url, episode.enclosure.type[:MAX_NAMED])
    return episode


def bounded_podcast(podcast: Podcast) -> Podcast:
    """The podcast within the limits."""
    _cut(podcast, _OF_PODCASTS)
    podcast.guid = podcast.guid[:MAX_GUID]
    return podcast


def without_details(item: _T) -> _T:
    """An episode or podcast with its description and the fields that ``items.py`` gives it alone."""
    details = EpisodeDetails if isinstance(item, Episode) else PodcastDetails
    inherited = {field.name for field in fields(details)}
    names = [field.name for field in fields(item) if field.name not in inherited - {"description"}]
    return type(item)(**{name: getattr(item, name) for name in names})


def _bounded_entry(episode: Episode) -> Episode | LeftOut:
    address = episode.enclosure.url if episode.enclosure else episode.page
    if len(address) > MAX_ADDRESS or len(episode.guid) > MAX_GUID:
        named = address if len(address) > MAX_ADDRESS else episode.guid
        return LeftOut(Cause.TOO_LONG, episode.title[:MAX_TITLE], named[:MAX_NAMED])
    return bounded_episode(episode)


def _bounded_left_out(entry: LeftOut) -> LeftOut:
    for episode in (entry.episode, entry.unwanted):
        if episode and isinstance(_bounded_entry(episode), LeftOut):
            return LeftOut(Cause.TOO_LONG, entry.title[:MAX_TITLE], entry.named[:MAX_NAMED])
    if len(entry.title) > MAX_TITLE or len(entry.named) > MAX_NAMED:
        return replace(entry, title=entry.title[:MAX_TITLE], named=entry.named[:MAX_NAMED])
    return entry


def _cut(item: Episode | Podcast, limits: list[tuple[str, int]]) -> None:
    for name, limit in limits:
        if len(text := getattr(item, name)) > limit:
            # Half of an address leads elsewhere.
            setattr(item, name, "" if name in _ADDRESSES else text[:limit])
