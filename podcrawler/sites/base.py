"""What a site is: the seam between the pages of the web and podcrawler's items."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

from scrapy.http import TextResponse

from podcrawler.items import Episode, Podcast


@dataclass(frozen=True, slots=True)
class Listing:
    """What one list page (or feed) tells."""

    podcast: Podcast
    #: Oldest first, whatever the order of the page.
    episodes: list[Episode] = field(default_factory=list)
    #: Absolute URLs of further list pages of the same podcast.
    next_urls: list[str] = field(default_factory=list)


class Site(ABC):
    """One kind of page or feed. Stateless: one instance serves all responses."""

    name: ClassVar[str]
    #: True for a site that takes any document of its format, whatever the address: it is asked last.
    generic: ClassVar[bool] = False

    @abstractmethod
    def matches(self, response: TextResponse) -> bool:
        """Whether this site understands the response, by what its address and its content are.

        Not by host alone: the same pages on a mirror or a loopback server are understood too.
        """

    @abstractmethod
    def parse_list(self, response: TextResponse) -> Listing:
        """Read a list page, a feed, or the page of a single episode (a listing of one).

        Raises ListingError if the response cannot be read as such.
        """

    def parse_episode(self, response: TextResponse, episode: Episode) -> Episode:
        """Complete ``episode`` from its own page, the enclosure above all.

        Only called for episodes that ``parse_list`` gave without an enclosure. Raises EpisodeError if the page
        does not tell it.
        """
        raise NotImplementedError(f"{self.name} tells the enclosure of every episode in its listing")
