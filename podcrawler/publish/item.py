"""An episode as the elements of an RSS item: its file in the archive is the enclosure."""

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.utils import format_datetime

from podcrawler.details import Chapter, Transcript
from podcrawler.items import Episode
from podcrawler.publish.beside import Beside
from podcrawler.publish.details import authors, common, number
from podcrawler.publish.elements import Element, texts
from podcrawler.publish.media_types import media_type
from podcrawler.store.names import UNTITLED
from podcrawler.store.sidecar import Sidecar
from podcrawler.tokens import without_secrets

_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Published:
    """A media file as it is published."""

    sidecar: Sidecar
    #: Where it is on the web.
    address: str
    #: Bytes of the file as it is, which its owner may have changed since the sidecar was written.
    size: int
    #: The files beside it that are there, with where they are on the web.
    beside: Sequence[tuple[Beside, str]] = ()

    @property
    def type(self) -> str:
        episode, capture = self.sidecar.episode, self.sidecar.capture
        announced = episode.enclosure.type if episode.enclosure else ""
        answered = capture.headers.get("content-type", "") if capture else ""
        return media_type(self.sidecar.file.name, announced, answered)


def item(versions: Sequence[Published], *, has_own_guid: bool) -> Element:
    """The episode that these are the versions of the file of, the latest first. ``has_own_guid``: no other episode of
    the podcast has its guid. Raises ValueError or OverflowError if what is told makes no sense."""
    return Element("item", "", {}, [*_parts(versions, has_own_guid=has_own_guid)])


def _parts(versions: Sequence[Published], *, has_own_guid: bool) -> Iterator[Element]:
    latest = versions[0]
    episode = latest.sidecar.episode
    title = episode.title or UNTITLED
    yield from texts(title=title, link=episode.page)
    yield _guid(episode, has_own_guid=has_own_guid)
    if episode.published:
        yield Element("pubDate", format_datetime(episode.published))
    yield from texts(description=episode.description, content__encoded=episode.content)
    attributes = {"url": latest.address, "length": str(latest.size), "type": latest.type}
    yield Element("enclosure", "", attributes)
    yield from texts(
        itunes__title=episode.title,
        itunes__duration=number(episode.duration),
        itunes__episodeType=episode.episode_type,
        dc__language=episode.language,
        dc__rights=episode.copyright,
    )
    if image := _own(latest, "cover") or episode.image:
        yield Element("itunes:image", "", {"href": image})
    yield from authors("", episode)
    yield from _numbers(episode)
    for category in episode.categories:
        yield from (Element("category", name) for name in (category.name, *category.subcategories))
    yield from common(episode)
    yield from _transcripts(latest)
    yield from _moments(latest)
    yield from (_alternate(file, is_latest=file is latest) for file in versions)


def _guid(episode: Episode, *, has_own_guid: bool) -> Element:
    """The publisher's, so that players know the episode again; else our id, which is unique in the podcast."""
    if not episode.guid or not has_own_guid:
        return Element("guid", episode.id, {"isPermaLink": "false"})
    is_page = episode.guid == episode.page
    return Element("guid", episode.guid, {"isPermaLink": "true" if is_page else "false"})


def _numbers(episode: Episode) -> Iterator[Element]:
    # iTunes has whole numbers only, from 1.
    if episode.season:
        yield Element("itunes:season", str(episode.season))
    if isinstance(episode.episode, int) and episode.episode > 0:
        yield Element("itunes:episode", str(episode.episode))
    if episode.season is not None:
        yield Element("podcast:season", str(episode.season), {"name": episode.season_name})
    if episode.episode is not None:
        yield Element("podcast:episode", number(episode.episode), {"display": episode.episode_display})


def _own(file: Published, kind: str) -> str:
    """Where the archive has the file of this kind; empty if it has none."""
    return next((address for one, address in file.beside if one.kind == kind), "")


def _transcripts(file: Published) -> Iterator[Element]:
    """Those of the archive, and for others those of their publisher."""
    ours = [(one, address) for one, address in file.beside if one.kind == "transcript"]
    fetched = {one.url for one, _ in ours}
    for one, address in ours:
        yield _transcript(address, one)
    for theirs in file.sidecar.episode.transcripts:
        if without_secrets(theirs.url) not in fetched:
            yield _transcript(theirs.url, theirs)


def _transcript(address: str, told: Beside | Transcript) -> Element:
    attributes = {"url": address, "type": told.type, "language": told.language, "rel": told.rel}
    return Element("podcast:transcript", "", attributes)


def _moments(file: Published) -> Iterator[Element]:
    """What refers to moments in the episode."""
    episode = file.sidecar.episode
    if address := _own(file, "chapters"):
        yield Element("podcast:chapters", "", {"url": address, "type": "application/json+chapters"})
    elif told := episode.chapters_file:
        yield Element("podcast:chapters", "", {"url": told.url, "type": told.type})
    if episode.chapters:
        yield Element("psc:chapters", "", {"version": "1.2"}, [*map(_chapter, episode.chapters)])
    for bite in episode.soundbites:
        attributes = {"startTime": _seconds(bite.start), "duration": _seconds(bite.duration)}
        yield Element("podcast:soundbite", bite.title, attributes)


def _chapter(chapter: Chapter) -> Element:
    minutes, seconds = divmod(chapter.start, 60)
    hours, minutes = divmod(int(minutes), 60)
    start = f"{hours:02}:{minutes:02}:{seconds:06.3f}"
    return Element(
        "psc:chapter", "", {"start": start, "title": chapter.title, "href": chapter.href, "image": chapter.image}
    )


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}".rstrip("0").rstrip(".")


def _alternate(file: Published, *, is_latest: bool) -> Element:
    facts, version = file.sidecar.file, file.sidecar.episode.version
    children = [Element("podcast:source", "", {"uri": file.address})]
    if facts.sha256 and _SHA256.fullmatch(facts.sha256) and facts.size == file.size:
        digest = base64.b64encode(bytes.fromhex(facts.sha256)).decode()
        children.append(Element("podcast:integrity", "", {"type": "sri", "value": f"sha256-{digest}"}))
    attributes = {
        "type": file.type,
        "length": str(file.size),
        "default": "true" if is_latest else "",
        "title": "" if is_latest else f"Version {version}",
    }
    return Element("podcast:alternateEnclosure", "", attributes, children)
