"""NFO files, by which Kodi and Jellyfin know podcasts as shows and their episodes
(https://kodi.wiki/view/NFO_files/TV_shows, https://kodi.wiki/view/NFO_files/Episodes)."""

from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from typing import NamedTuple

from lxml import etree

from podcrawler.items import Episode, Podcast
from podcrawler.plain_text import plain_text
from podcrawler.publish.elements import Element, texts, write
from podcrawler.publish.index import Entry
from podcrawler.store.names import UNTITLED

SHOW_NAME = "tvshow.nfo"


class Place(NamedTuple):
    """Where media servers show an episode; no other of its podcast has the same."""

    season: int
    episode: int


def places(episodes: Iterable[Sequence[Entry]]) -> list[Place]:
    """The places of a podcast's episodes, the oldest first: as the publisher numbered them, in season 1 without a
    season. One that has no number, or that of an earlier one, has the year as its season, and its number among all."""
    taken: set[Place] = set()
    found = []
    for number, (latest, *_) in enumerate(episodes, 1):
        place = Place(1 if latest.season is None else latest.season, _whole(latest.episode))
        if place.episode < 1 or place.season < 0 or place in taken:
            place = Place(latest.published.year if latest.published else 0, number)
        while place in taken:
            place = place._replace(episode=place.episode + 1)
        taken.add(place)
        found.append(place)
    return found


def show_nfo(podcast: Podcast, first: Entry) -> bytes:
    """The file of a podcast, whose first episode is given."""
    return _document(Element("tvshow", "", {}, _show(podcast, first)))


def episode_nfo(podcast: Podcast, episode: Episode, place: Place) -> bytes:
    """The file of an episode."""
    return _document(Element("episodedetails", "", {}, _episode(podcast, episode, place)))


def _show(podcast: Podcast, first: Entry) -> Iterator[Element]:
    title = podcast.title or podcast.id
    yield from texts(
        title=title,
        originaltitle=title,
        plot=plain_text(podcast.description),
        premiered=first.published.date().isoformat() if first.published else "",
        studio=podcast.author,
        status="Ended" if podcast.complete else "Continuing",
    )
    yield from (Element("genre", one.name) for one in podcast.categories)
    yield Element("uniqueid", podcast.id, {"type": "podcrawler", "default": "true"})


def _episode(podcast: Podcast, episode: Episode, place: Place) -> Iterator[Element]:
    aired = episode.published.date().isoformat() if episode.published else ""
    yield from texts(
        title=episode.title or UNTITLED,
        showtitle=podcast.title or podcast.id,
        season=str(place.season),
        episode=str(place.episode),
        plot=plain_text(episode.content or episode.description),
        outline=plain_text(episode.subtitle),
        runtime=str(-(-episode.duration // 60)) if episode.duration else "",
        aired=aired,
        premiered=aired,
        studio=podcast.author,
    )
    yield from (Element("genre", one.name) for one in episode.categories)
    yield Element("uniqueid", f"{podcast.id}/{episode.id}", {"type": "podcrawler", "default": "true"})


def _document(root: Element) -> bytes:
    file = BytesIO()
    with etree.xmlfile(file, encoding="utf-8") as xml:
        xml.write_declaration(standalone=True)
        write(xml, root)
    return file.getvalue() + b"\n"


def _whole(number: int | float | None) -> int:
    """0 if it is no whole number."""
    return number if isinstance(number, int) else 0
