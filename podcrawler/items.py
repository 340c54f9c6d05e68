"""What podcrawler collects: podcasts, and their episodes with the media file (the enclosure) of each."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class Podcast:
    """A show. ``id`` is unique in the archive; DESIGN and docs/sites.md tell how it is made."""

    id: str
    title: str
    #: The canonical address: the feed, or the page that lists the episodes.
    address: str
    #: The identity by the Podcasting 2.0 specification (``podcast:guid``): declared, else computed.
    guid: str = ""
    description: str = ""
    #: The show's web page and its cover, absolute URLs, empty where not told.
    link: str = ""
    image: str = ""
    language: str = ""
    author: str = ""


@dataclass(slots=True)
class Enclosure:
    """The media file of an episode, as its publisher announced it (RSS 2.0, ``enclosure``)."""

    url: str
    #: The media type, empty where not told.
    type: str = ""
    #: Bytes, as announced; often wrong, so nothing is ever checked against it.
    length: int | None = None


@dataclass(slots=True)
class Episode:
    """One entry of a podcast. ``id`` is unique in its podcast."""

    id: str
    podcast_id: str
    title: str
    #: None where only the episode's page tells it.
    enclosure: Enclosure | None = None
    #: The episode's web page, an absolute URL, empty where there is none.
    page: str = ""
    #: The publisher's own identity: the raw text of the element, empty where there is none.
    guid: str = ""
    published: datetime | None = None
    #: Seconds.
    duration: int | None = None
    description: str = ""
    image: str = ""
    #: Where the media file lies, relative to the store; None until it was archived.
    file: str | None = None
    #: Bytes of that file; None until it was archived.
    size: int | None = None
    #: Whether that file is known to be whole: as long as its server announced, or by what its container says; False
    #: where neither told. None until it was downloaded.
    verified: bool | None = None
    #: The addresses that led to that file, from the enclosure's to the one that the bytes came from, without their
    #: queries, which hold signatures and tokens.
    redirects: list[str] = field(default_factory=list)
    #: SHA-256 of that file, in hex digits; None until it was downloaded, and for a file that was there before.
    sha256: str | None = None

    @property
    def key(self) -> str:
        """The episode's name in the queue, unique in the archive."""
        return f"{self.podcast_id}/{self.id}"
