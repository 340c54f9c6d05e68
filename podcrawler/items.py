"""What podcrawler collects: podcasts, and their episodes with the media file (the enclosure) of each.

docs/items.md lists every field with the elements of feeds that it is read from. A text that is unknown is empty, a
number or a yes-or-no that is unknown is None, a list of which nothing is known is empty.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from annotated_types import Ge, Le

from podcrawler.details import EpisodeDetails, PodcastDetails
from podcrawler.ids import MOST_VERSIONS


@dataclass(slots=True)
class Podcast(PodcastDetails):
    """A show. ``id`` is unique in the archive; docs/sites.md says how it is made."""

    id: str
    title: str
    #: The canonical address: the feed, or the page that lists the episodes.
    address: str
    #: The identity by the Podcasting 2.0 specification (``podcast:guid``): declared, else computed.
    guid: str = ""
    #: The show's web page and its cover, absolute URLs; empty if unknown.
    link: str = ""
    image: str = ""
    language: str = ""
    author: str = ""


@dataclass(slots=True)
class Enclosure:
    """The media file of an episode, as its publisher announced it (RSS 2.0, ``enclosure``)."""

    url: str
    #: The media type; empty if unknown.
    type: str = ""
    #: Bytes, as announced; often wrong, so no download is checked against it.
    length: int | None = None


@dataclass(slots=True)
class Episode(EpisodeDetails):
    """One entry of a podcast. ``id`` is unique in its podcast."""

    id: str
    podcast_id: str
    title: str
    #: None if only the episode's page has it.
    enclosure: Enclosure | None = None
    #: The episode's web page, an absolute URL; empty if there is none.
    page: str = ""
    #: The identity that the publisher gave: the raw text of the element; empty if there is none.
    guid: str = ""
    published: datetime | None = None
    #: Of its file: 1, and one more each time that the publisher has replaced it (docs/stores.md).
    version: Annotated[int, Ge(1), Le(MOST_VERSIONS)] = 1
    #: Seconds.
    duration: int | None = None
    image: str = ""
    #: The path of the media file, relative to the store; None until it is archived.
    file: str | None = None
    #: Bytes of that file; None until it is archived.
    size: int | None = None
    #: Whether that file is known to be complete, by the length that its server announced or by its container; False if
    #: neither says. None until it is downloaded.
    verified: bool | None = None
    #: The URLs that led to that file, from the enclosure's to the one that the bytes came from, without their queries,
    #: which contain signatures and tokens.
    redirects: list[str] = field(default_factory=list)
    #: Sentences about how the host sent that file, for whoever keeps the archive; empty if there is nothing to say.
    remarks: list[str] = field(default_factory=list)
    #: SHA-256 of that file in hex digits; None until it is downloaded, and for a file that was there before.
    sha256: str | None = None
    #: The id that this episode has if its own turns out to be that of another entry (docs/sites.md); empty if no other
    #: entry can have its id. Not queued.
    twin_id: str = ""
    #: The other media files of the entry, in order of preference (docs/sites.md). Not queued.
    alternates: list[Enclosure] = field(default_factory=list)

    @property
    def key(self) -> str:
        """The episode's name in the queue, unique in the archive."""
        return f"{self.podcast_id}/{self.id}"
