"""What podcrawler collects: podcasts, and their episodes with the media file (the enclosure) of each.

docs/items.md lists every field with the elements of feeds that it is read from. A text that is unknown is empty, a
number or a yes-or-no that is unknown is None, a list of which nothing is known is empty.
"""

import re
from collections.abc import Iterator, KeysView
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from itemadapter import ItemAdapter
from itemadapter.adapter import DataclassAdapter
from typing_extensions import override

from podcrawler.details import EpisodeDetails, PodcastDetails

#: The ids are folder and file names, and keys in Redis: nothing in them needs quoting, and an episode's has no dot.
PODCAST_ID = re.compile(r"[a-z0-9-]{1,60}")
EPISODE_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")


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


class _EpisodeAdapter(DataclassAdapter):
    """How Scrapy's exporters see an Episode: its own fields, its details, and ``description_text``."""

    @classmethod
    @override
    def is_item(cls, item: Any) -> bool:
        return isinstance(item, Episode)

    @classmethod
    @override
    def is_item_class(cls, item_class: type) -> bool:
        return issubclass(item_class, Episode)

    @classmethod
    @override
    def get_field_names_from_class(cls, item_class: type) -> list[str]:
        names = super().get_field_names_from_class(item_class) or []
        # Dataclasses begin with what they inherit.
        own = [name for name in names if name in Episode.__slots__]
        return [*own, *(name for name in names if name not in own), "description_text"]

    @override
    def get_field_meta(self, field_name: str) -> MappingProxyType[str, Any]:
        return MappingProxyType({}) if field_name == "description_text" else super().get_field_meta(field_name)

    @override
    def field_names(self) -> KeysView[str]:
        return dict.fromkeys(self).keys()

    @override
    def __getitem__(self, field_name: str) -> Any:
        return self.item.description_text if field_name == "description_text" else super().__getitem__(field_name)

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self.get_field_names_from_class(type(self.item)))


# itemadapter's README, "Extending itemadapter": the first class that takes an item is used.
ItemAdapter.ADAPTER_CLASSES = (_EpisodeAdapter, *ItemAdapter.ADAPTER_CLASSES)
