"""What a site is: the interface between pages of the web and podcrawler's items."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from podcrawler.items import Episode, Podcast
from podcrawler.sites.asked import Asked
from podcrawler.sites.cause import Cause

if TYPE_CHECKING:
    from scrapy.http import TextResponse


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An entry of a page that is no episode that can be fetched."""

    cause: Cause
    title: str = ""
    #: What the entry has in place of a media file, at most 200 characters: the address as it was given, or for
    #: NOT_MEDIA the media type, if that is what shows the kind.
    named: str = ""
    #: Of BAD_ADDRESS: the episode that was announced, to be recorded as failed.
    episode: Episode | None = None
    #: Of NOT_MEDIA: the episode that the entry would be if files of this kind were wanted.
    unwanted: Episode | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """What one list page (or feed) lists. Every entry of the page is in ``episodes`` or in ``left_out``."""

    podcast: Podcast
    #: Oldest first, whatever their order on the page.
    episodes: Sequence[Episode] = field(default_factory=list)
    #: Absolute URLs of further list pages of the same podcast.
    next_urls: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    #: The address that the feed says it has moved to (``itunes:new-feed-url``), absolute; empty if it says nothing.
    moved_to: str = ""
    #: What all pages of the podcast have in common: an address, or a text in place of one. It is made of the page's own
    #: address, or of what the page says of its own host. Empty if the podcast is known by the page's address alone.
    known_as: str = ""
    #: When the publisher wants the feed to be checked.
    asked: Asked = field(default_factory=Asked)


@dataclass(frozen=True, slots=True)
class Referral:
    """What is read from a page that is no podcast itself, but names the addresses of podcasts: a home page, a page of a
    directory, a list of subscriptions."""

    #: For each podcast, absolute addresses that may be its own; the first that lists episodes is taken.
    podcasts: list[list[str]]
    #: What the page lists itself, in case no address lists episodes; only if the page refers to one podcast.
    otherwise: Listing | None = None
    #: Sentences on what the page names, but cannot be followed.
    left_out: list[str] = field(default_factory=list)


class Site(ABC):
    """One kind of page or feed. Stateless: one instance serves all responses."""

    name: ClassVar[str]
    #: True for a site that matches every document of its format, whatever its address: it is tried last.
    generic: ClassVar[bool] = False

    @abstractmethod
    def matches(self, response: "TextResponse") -> bool:
        """Whether this site understands the response, by its address and its content.

        Not by host alone: the same pages on a mirror or a local server match, too.
        """

    @abstractmethod
    def parse_list(self, response: "TextResponse") -> Listing | Referral:
        """Read a list page, a feed, the page of a single episode (a listing of one), or a page that leads to podcasts.

        Raises ListingError if the response cannot be read as any of these.
        """

    def parse_episode(self, response: "TextResponse", episode: Episode) -> Episode:
        """Complete ``episode`` from its own page, the enclosure above all.

        Only called for episodes that ``parse_list`` returned without an enclosure. Raises EpisodeError if the page has
        none either.
        """
        raise NotImplementedError(f"{self.name} lists every episode with its enclosure")
