"""What the readers of the formats of feeds return: the texts of a feed and its entries, as the publisher wrote them."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias, TypeVar

from podcrawler.sites.asked import Asked

T = TypeVar("T")


class MediaFile(NamedTuple):
    """A file that an entry names. The address is not empty."""

    address: str
    #: The media type, or whatever the publisher put in its place, in lower case.
    type: str
    length: str


class Entry(NamedTuple):
    """One entry; texts are empty if missing. Its addresses are relative to ``base``."""

    base: str
    title: str
    guid: str
    link: str
    #: The dates that it has, the one of its publication first.
    dates: list[str]
    duration: str
    description: str
    #: An absolute address.
    image: str
    #: The other fields of the Episode that are told (docs/items.md).
    details: dict[str, Any]
    files: list[MediaFile]
    #: Other forms of the same episode, which count if there is no file.
    other_files: list[MediaFile]
    #: Files that its texts play or link to, which count if it names no file, or pictures alone.
    embedded: Callable[[], list[MediaFile]]


#: What is made of the entries of a feed while they are read: what a feed says of itself may stand behind them. Called
#: again, with all of them, if a document turns out not to be well-formed.
Take: TypeAlias = Callable[[Iterator[Entry]], T]


class Document(NamedTuple):
    """A whole feed but for its entries; fields as in ``Entry``."""

    base: str
    title: str
    guid: str
    description: str
    link: str
    image: str
    language: str
    author: str
    #: The other fields of the Podcast that are told.
    details: dict[str, Any]
    #: Addresses of further pages, and the one that the feed has moved to.
    further: list[str]
    moved_to: str
    has_entries: bool
    is_well_formed: bool
    #: Whether it ends in an entry that cannot be told from others yet.
    breaks_off: bool = False
    asked: Asked = Asked()
