"""What a site is: the interface between pages of the web and podcrawler's items."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

from scrapy.http import TextResponse

from podcrawler.items import Episode, Podcast


@dataclass(frozen=True, slots=True)
class Listing:
    """What one list page (or feed) lists."""

    podcast: Podcast
    #: Oldest first, whatever their order on the page.
    episodes: list[Episode] = field(default_factory=list)
    #: Absolute URLs of further list pages of the same podcast.
    next_urls: list[str] = field(default_factory=list)


class Site(ABC):
    """One kind of page or feed. Stateless: one instance serves all responses."""

    name: ClassVar[str]
    #: True for a site that matches every document of its format, whatever its address: it is tried last.
    generic: ClassVar[bool] = False

    @abstractmethod
    def matches(self, response: TextResponse) -> bool:
        """Whether this site understands the response, by its address and its content.

        Not by host alone: the same pages on a mirror or a local server match, too.
        """

    @abstractmethod
    def parse_list(self, response: TextResponse) -> Listing:
        """Read a list page, a feed, or the page of a single episode (a listing of one).

        Raises ListingError if the response cannot be read as any of these.
        """

    def parse_episode(self, response: TextResponse, episode: Episode) -> Episode:
        """Complete ``episode`` from its own page, the enclosure above all.

        Only called for episodes that ``parse_list`` returned without an enclosure. Raises EpisodeError if the page has
        none either.
        """
        raise NotImplementedError(f"{self.name} lists every episode with its enclosure")
