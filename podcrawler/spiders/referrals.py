"""From an address to the page that lists episodes, when the address itself does not: guesses, referrals, and what
follows a candidate that fails.

The candidates for one podcast are asked one after the other under one lease, as redirects are: the queue sees a single
entry, which ends when a candidate lists episodes, or in the failure that tells most. A page that refers to several
podcasts, such as a list of subscriptions, makes one entry of each, with the same root.
"""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from scrapy import Request
from scrapy.http import Response

from podcrawler.exceptions import EntryError, ListingError, TransferCancelledError
from podcrawler.items import Podcast
from podcrawler.logins import LOGIN, TOLD_LOGIN, split_login, without_login
from podcrawler.queue.entries import CHECK, WANTED, page_request, private_request, told_by
from podcrawler.queue.leases import Lease
from podcrawler.queue.naming import Names
from podcrawler.sites.base import Listing, Referral
from podcrawler.sites.identity import other_address, podcast_guid
from podcrawler.spiders.paging import page_number

logger = logging.getLogger(__name__)

#: Referrals under one lease.
_MAX_REFERRALS = 5
#: Where a request keeps its trail. Never queued: it belongs to one lease.
_TRAIL = "trail"
#: What every request under a lease takes from the one before.
_INHERITED = ("lease", "root", "podcast_address", CHECK, LOGIN, TOLD_LOGIN, WANTED)
#: Of ``podcast:guid``; that of zeros alone is nobody's.
_UUID = re.compile(r"(?=.*[1-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: Failures in which no server answered.
_NO_ANSWER = frozenset({"connection", "dns", "incomplete", "proxy", "refused", "timeout"})


@dataclass(frozen=True, slots=True)
class Trail:
    """How far the search for one podcast has come, since its entry was leased."""

    #: The addresses to ask yet, in this order.
    ahead: tuple[str, ...] = ()
    #: The addresses that were asked, the present one included.
    asked: tuple[str, ...] = ()
    #: How many pages referred to others.
    referrals: int = 0
    #: The failure so far that tells most.
    failure: EntryError | None = None
    #: The page that told the addresses ahead; empty if the user did.
    teller: str = ""
    #: The request for a page that refers to podcasts and lists something itself: it is made again in case they fail.
    #: The page is not kept, because large ones would wait for each other.
    otherwise: Request | None = None
    #: Whether this is that request, made again.
    as_list: bool = False

    @classmethod
    def of(cls, request: Request) -> "Trail":
        """The trail that leads to this request."""
        trail = request.meta.get(_TRAIL)
        if isinstance(trail, cls):
            return trail
        return cls(tuple(request.meta.get("alternatives", ())), (_first_url(request),))

    def referred(self, response: Response, referral: Referral, *, is_list: bool) -> "Trail":
        """The trail after a page that refers to one podcast, and may list something itself. Raises ListingError after
        too many of them."""
        if self.referrals >= _MAX_REFERRALS:
            raise ListingError(
                "no-feed",
                f"{self.asked[0]} leads from one page to the next, and after {_MAX_REFERRALS} of them to no podcast; "
                "give the address of the podcast's feed.",
            )
        known = {*self.asked, response.url}
        candidates = [url for addresses in referral.podcasts for url in addresses if url not in known]
        trail = replace(self, otherwise=response.request) if is_list else self
        ahead = tuple(dict.fromkeys([*candidates, *self.ahead]))
        return replace(trail, ahead=ahead, referrals=self.referrals + 1, teller=response.url, as_list=False)

    def failed(self, error: EntryError) -> "Trail":
        """The trail after its present address failed."""
        # It outlives the page that it is about, which the frames that it went through would keep.
        error.__traceback__ = error.__cause__ = error.__context__ = None
        guessed = _twin(self.asked[-1]) in (*self.asked, *self.ahead)
        # A node that stops is not the address's fault, and ends the search.
        if isinstance(error, TransferCancelledError):
            return replace(self, ahead=(), failure=error, otherwise=None)
        tells_more = self.failure is None or self.as_list or _weight(error, guessed) > _weight(self.failure, guessed)
        return replace(self, failure=error) if tells_more else self

    def next_request(self, request: Request) -> Request | None:
        """The request for the next address, to be made under the lease of ``request``; None if there is none."""
        if not self.ahead:
            return self._once_more(self.otherwise) if self.otherwise else None
        following = private_request(self.ahead[0], is_told=True, dont_filter=True)
        inherited = {name: request.meta[name] for name in _INHERITED if name in request.meta}
        following.meta.update({**inherited, **following.meta})
        if self.teller:
            told_by(following, self.teller, self.asked[0])
        following.meta[_TRAIL] = replace(self, ahead=self.ahead[1:], asked=(*self.asked, following.url))
        return following

    def _once_more(self, request: Request) -> Request:
        again = request.replace(dont_filter=True)
        again.meta[_TRAIL] = replace(Trail.of(request), ahead=(), failure=self.failure, otherwise=None, as_list=True)
        return again


def _twin(url: str) -> str:
    """The address with the other one of http and https."""
    return url.replace("https:", "http:", 1) if url.startswith("https:") else url.replace("http:", "https:", 1)


def _weight(error: EntryError, guessed: bool) -> int:
    """How much a failure tells. What may pass tells more than what does not, so that the search is repeated; unless it
    comes from a guess at http or https, one of which is often not there at all."""
    if error.kind in _NO_ANSWER and guessed:
        return 0
    if error.failure_class in ("passing", "busy"):
        return 4
    if error.kind in ("no-enclosures", "no-episodes"):
        return 3
    return 2 if isinstance(error, ListingError) else 1


def _first_url(request: Request) -> str:
    """The address that was asked, before redirects."""
    return str(request.meta.get("redirect_urls", [request.url])[0])


def requests_for(referral: Referral, root: str, teller: str, wanted: Any = None) -> list[Request]:
    """The requests for the podcasts of the list at ``teller``; each podcast is known by its own address, not by that of
    the list. ``wanted`` is what the user wants of each (``WANTED``)."""
    requests = []
    for address, *others in referral.podcasts:
        alternatives, own = list(map(without_login, others)), split_login(address)[0]
        request = page_request(address, root=root, alternatives=alternatives, podcast_address=own, wanted=wanted)
        requests.append(told_by(request, teller, root))
    return requests


def visit_result(referral: Referral) -> dict[str, Any]:
    """What is recorded of a visit to a page that refers to several podcasts."""
    return {"referred": len(referral.podcasts), "not_followed": referral.left_out}


class Led(NamedTuple):
    """The addresses that led to the podcast of a page, and what the page is known as."""

    #: From the one that was given to the one that the page has: each told of the next one.
    telling: list[str]
    #: The addresses of the page itself first. What the search for it went through (a home page) leads to the podcast,
    #: too, but says least about which podcast it is.
    by_weight: list[str]


def addresses_that_led(lease: Lease, response: Response, listing: Listing) -> Led:
    """The addresses that led to the podcast of a page."""
    assert response.request is not None
    given = response.meta.get("podcast_address") or lease.group
    if page_number(response) > 1:
        # What a list names as its next page may be anybody's.
        return Led([given], [given])
    asked = Trail.of(response.request).asked
    found = [asked[-1], response.url] if len(asked) > 1 else []
    telling = [given, lease.name, *found, response.url, listing.known_as]
    return Led(*(list(dict.fromkeys(filter(None, each))) for each in (telling, [*found, *telling])))


def declared_guid(podcast: Podcast) -> str:
    """The guid that the podcast declares; empty if it declares none that could be one."""
    guid = podcast.guid.lower()
    return guid if podcast.guid != podcast_guid(podcast.address) and _UUID.fullmatch(guid) else ""


def moved_page(listing: Listing, known: Iterable[str]) -> list[str]:
    """The address that a feed says it has moved to, if it is none of the ``known`` ones in another spelling."""
    moved = other_address(listing.moved_to, known)
    return [moved] if moved else []


def claimed_move(names: Names, podcast_id: str, listing: Listing, known: Iterable[str]) -> list[str]:
    """The address that a podcast has moved to, as in ``moved_page``, once it leads to this podcast; none if it leads to
    another one. Blocks on Redis."""
    moved = moved_page(listing, known)
    owner = (names.podcast_of(moved) or names.record(moved[0], podcast_id)) if moved else podcast_id
    if owner == podcast_id:
        return moved
    logger.warning(
        "%s says that it has moved to %s, which is that of %s: not followed. If it is the same podcast: "
        "podcrawler merge %s %s",
        podcast_id,
        *moved,
        owner,
        podcast_id,
        owner,
    )
    return []
