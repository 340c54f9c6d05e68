"""Further pages of a list: which are read, and when a list that goes on for ever has told everything."""

import logging
from collections.abc import Sequence

from scrapy import Request
from scrapy.http import Response

from podcrawler.queue.entries import Lease, page_request
from podcrawler.queue.listings import Listings
from podcrawler.sites.base import Listing
from podcrawler.sites.identity import digest

logger = logging.getLogger(__name__)


class Paging:
    """Follows the pages of lists. Blocks on Redis."""

    def __init__(self, listings: Listings, max_pages: int, visit_seconds: int) -> None:
        """Up to ``max_pages`` of a list are read, one after the other. What each page of a visit listed is kept for
        ``visit_seconds``."""
        self._listings = listings
        self._max_pages = max_pages
        self._visit_seconds = visit_seconds

    def further_pages(
        self, lease: Lease, number: int, listing: Listing, moved: Sequence[str], podcast_address: str
    ) -> list[Request]:
        """The requests for the pages that the page of this lease names: the next ones of its list, unless it lists
        nothing that no page before it has listed in this visit, and the first ones of lists that it has ``moved`` to.
        The queue leaves out those that were read in this visit.

        The page is the one with this ``number``; its listing has the podcast's id in the archive, and
        ``podcast_address`` is what the podcast is known by."""
        address = podcast_address if podcast_address != lease.group else ""
        first_pages = [page_request(url, root=lease.group, podcast_address=address) for url in moved]
        next_pages = [
            page_request(url, root=lease.group, podcast_address=address)
            for url in self._next_urls(lease, number, listing)
        ]
        for request in next_pages:
            request.meta["page"] = number + 1
        return next_pages + first_pages

    def _next_urls(self, lease: Lease, number: int, listing: Listing) -> list[str]:
        if number == 1 and not listing.next_urls:
            return []
        is_new = self._listings.note_listed(
            listing.podcast.id, _entries(listing), lease.name, seconds=self._visit_seconds, is_first=number == 1
        )
        # The first page may list nothing but pages, such as those of the years.
        if not listing.next_urls or not (is_new or number == 1):
            return []
        if number >= self._max_pages:
            logger.warning(
                "%s is page %d of its list and names another, which is not read; "
                "raise PODCRAWLER_MAX_PAGES if the list is longer.",
                lease.key,
                number,
            )
            return []
        return listing.next_urls


def page_number(response: Response) -> int:
    """How many pages of the list led to this one, itself included."""
    number = response.meta.get("page")
    return number if isinstance(number, int) else 1


def _entries(listing: Listing) -> list[str]:
    """A name for each entry of the page."""
    left_out = [digest(f"{entry.cause} {entry.title} {entry.named}") for entry in listing.left_out]
    return [episode.id for episode in listing.episodes] + left_out
