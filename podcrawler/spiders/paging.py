"""Further pages of a list: which are read, and when a list that goes on for ever has told everything."""

import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

from scrapy import Request
from scrapy.http import Response

from podcrawler.queue.entries import page_request
from podcrawler.queue.leases import Lease
from podcrawler.queue.listings import Listings
from podcrawler.sites.base import Listing

logger = logging.getLogger(__name__)


class Paging:
    """Follows the pages of lists. ``note`` blocks on Redis."""

    def __init__(self, listings: Listings, max_pages: int, visit_seconds: int) -> None:
        """Up to ``max_pages`` of a list are read, one after the other. What each page of a visit listed is kept for
        ``visit_seconds``."""
        self._listings = listings
        self._max_pages = max_pages
        self._visit_seconds = visit_seconds

    def wants_names(self, number: int, listing: Listing) -> bool:
        """Whether it matters what the page with this ``number`` lists: there are pages before it, or after it."""
        return number > 1 or bool(listing.next_urls)

    def note(self, lease: Lease, podcast_id: str, names: Sequence[str], *, is_first: bool) -> bool:
        """Note names of entries of a page; whether no page before it has listed one of them in this visit.
        ``is_first``: they are the first ones of the first page."""
        return self._listings.note_listed(podcast_id, names, lease.name, seconds=self._visit_seconds, is_first=is_first)

    def further_pages(
        self,
        lease: Lease,
        number: int,
        listing: Listing,
        moved: Sequence[str],
        podcast_address: str,
        *,
        is_new: bool,
        wanted: Any,
    ) -> list[Request]:
        """The requests for the pages that the page of this lease names: the next ones of its list, unless it lists
        nothing that no page before it has listed in this visit (``is_new``), and the first ones of lists that it has
        ``moved`` to. The queue leaves out those that were read in this visit.

        The page is the one with this ``number``; ``podcast_address`` is what the podcast is known by. ``wanted`` is
        what the user wants of it (``WANTED``)."""
        address = podcast_address if podcast_address != lease.group else ""
        of_podcast = partial(page_request, root=lease.group, podcast_address=address, wanted=wanted)
        first_pages = [of_podcast(url) for url in moved]
        next_pages = [of_podcast(url) for url in self._next_urls(lease, number, listing, is_new=is_new)]
        for request in next_pages:
            request.meta["page"] = number + 1
        return next_pages + first_pages

    def _next_urls(self, lease: Lease, number: int, listing: Listing, *, is_new: bool) -> list[str]:
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


def page_number(page: Request | Response) -> int:
    """How many pages of the list led to this one, itself included."""
    number = page.meta.get("page")
    return number if isinstance(number, int) else 1
