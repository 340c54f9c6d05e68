"""The search for a podcast under one lease: which address is asked next, and which failure is told."""

from dataclasses import replace

import pytest
from scrapy import Request
from scrapy.http import Response

from podcrawler.exceptions import EntryError, FetchError, ListingError, TransferCancelledError
from podcrawler.items import Podcast
from podcrawler.queue.entries import page_request
from podcrawler.queue.keys import Keys
from podcrawler.queue.leases import Lease
from podcrawler.queue.naming import Names
from podcrawler.sites.base import Listing, Referral
from podcrawler.sites.identity import podcast_guid
from podcrawler.spiders.referrals import (
    Trail,
    addresses_that_led,
    claimed_move,
    declared_guid,
    moved_page,
    requests_for,
)
from tests.conftest import Client

HOME, FEED, OTHER = "https://h.example/", "https://h.example/feed", "https://h.example/other"
LIST = "https://list.example/"
GUID = "917393e3-1b1e-5cef-ace4-edaa54e1f810"
LEASE = Lease(HOME, "token", "page", HOME, HOME, 0, b"{}")

REFUSED = FetchError("refused", "Nobody listens.", "passing")
TLS = FetchError("tls", "Not safe.")
GONE = FetchError("http-404", "Gone.")
BUSY = FetchError("http-503", "Busy.", "busy")
UNKNOWN = ListingError("unknown-page", "What is this?")
BLOG = ListingError("no-enclosures", "A blog.")


def response_to(request: Request) -> Response:
    return Response(request.url, request=request)


def listing(moved_to: str = "", guid: str = "", address: str = FEED) -> Listing:
    return Listing(Podcast("show-1", "Show", address, guid=guid or podcast_guid(address)), moved_to=moved_to)


def urls(trail: Trail, request: Request) -> list[str]:
    """The addresses that are asked in turn, if each fails."""
    found = []
    while following := trail.next_request(request):
        found.append(following.url)
        request, trail = following, Trail.of(following).failed(GONE)
    return found


def test_the_candidates_of_a_page_come_before_the_alternatives_of_its_address() -> None:
    request = page_request(HOME, alternatives=["http://h.example/"])
    trail = Trail.of(request).referred(response_to(request), Referral([[FEED, HOME, OTHER, FEED]]), is_list=False)
    assert urls(trail, request) == [FEED, OTHER, "http://h.example/"]


def test_no_address_is_asked_twice_and_referrals_end() -> None:
    request = page_request(HOME)
    for number in range(5):
        trail = Trail.of(request).referred(response_to(request), Referral([[HOME, f"{HOME}{number}"]]), is_list=False)
        following = trail.next_request(request)
        assert following
        assert following.url == f"{HOME}{number}"
        request = following
    with pytest.raises(ListingError, match="leads from one page to the next, and after 5 of them to no podcast"):
        Trail.of(request).referred(response_to(request), Referral([[FEED]]), is_list=False)


def test_a_request_on_the_trail_keeps_what_belongs_to_the_lease_and_nothing_else() -> None:
    request = page_request("https://u:p@h.example/", root=HOME, alternatives=[FEED], podcast_address=OTHER)
    request.meta.update({"lease": LEASE, "redirect_times": 3, "redirect_urls": [HOME], "proxy": "http://p/"})
    following = Trail.of(request).next_request(request)
    assert following
    assert following.meta.keys() == {"lease", "root", "podcast_address", "told_login", "trail"}
    assert following.dont_filter


def test_a_login_of_the_next_address_is_its_own() -> None:
    request = page_request("https://u:p@h.example/", alternatives=["https://v:q@i.example/"])
    following = Trail.of(request).next_request(request)
    assert following
    assert (following.meta["login"]["user"], following.meta["told_login"]["user"]) == ("u", "v")


@pytest.mark.parametrize(
    ("errors", "told"),
    [
        # Of a guess, what the server that is there says; else the first.
        ([REFUSED, GONE], GONE),
        ([GONE, REFUSED], GONE),
        ([TLS, REFUSED], TLS),
        ([REFUSED, UNKNOWN], UNKNOWN),
        ([GONE, UNKNOWN], UNKNOWN),
        ([REFUSED, REFUSED], REFUSED),
    ],
)
def test_of_https_and_http_the_one_that_is_there_tells_more(errors: list[EntryError], told: EntryError) -> None:
    request = page_request("https://x.example/", alternatives=["http://x.example/"])
    trail = Trail.of(request).failed(errors[0])
    following = trail.next_request(request)
    assert following
    assert Trail.of(following).failed(errors[1]).failure is told


@pytest.mark.parametrize(
    ("errors", "told"),
    [
        ([GONE, BLOG, UNKNOWN], BLOG),
        ([UNKNOWN, GONE, BLOG], BLOG),
        ([UNKNOWN, ListingError("unknown-page", "Another."), GONE], UNKNOWN),
        # What may pass is worth another search.
        ([BUSY, BLOG, UNKNOWN], BUSY),
        ([BLOG, REFUSED, GONE], REFUSED),
    ],
)
def test_of_candidates_that_all_fail_one_failure_is_told(errors: list[EntryError], told: EntryError) -> None:
    trail = Trail(asked=(HOME,))
    for number, error in enumerate(errors):
        trail = replace(trail, asked=(*trail.asked, f"{HOME}{number}")).failed(error)
    assert trail.failure is told


def test_a_node_that_stops_ends_the_search() -> None:
    request = page_request(HOME, alternatives=[FEED])
    trail = replace(Trail.of(request), otherwise=request).failed(TransferCancelledError())
    assert trail.next_request(request) is None
    assert trail.otherwise is None
    assert isinstance(trail.failure, TransferCancelledError)


def test_each_podcast_of_a_list_is_known_by_its_own_address() -> None:
    first, second = requests_for(Referral([[FEED], [OTHER, HOME]]), LIST, LIST)
    assert (first.url, first.meta) == (FEED, {"root": LIST, "podcast_address": FEED, "is_told": True})
    assert second.meta["alternatives"] == [HOME]


def test_a_list_keeps_its_logins_out_of_what_its_podcasts_are_known_by() -> None:
    (request,) = requests_for(Referral([["https://u:p@h.example/feed", "https://u:p@h.example/"]]), LIST, LIST)
    assert (request.url, request.meta["podcast_address"], request.meta["alternatives"]) == (FEED, FEED, [HOME])
    assert request.meta["told_login"]["user"] == "u"


def test_a_podcast_is_known_by_the_addresses_that_led_to_it() -> None:
    plain = page_request(HOME)
    assert addresses_that_led(LEASE, response_to(plain), listing()).telling == [HOME]
    # The first page of another address, a next one, and one of a list of subscriptions.
    further = replace(LEASE, key=FEED, name=FEED)
    request = page_request(FEED, root=HOME)
    assert addresses_that_led(further, response_to(request), listing()).telling == [HOME, FEED]
    request.meta["page"] = 2
    assert addresses_that_led(further, response_to(request), listing()).telling == [HOME]
    listed = page_request(FEED, root=HOME, podcast_address=OTHER)
    assert addresses_that_led(further, response_to(listed), listing()).telling == [OTHER, FEED]
    # What the search found comes before what it went through.
    found = Trail(ahead=(FEED,), asked=(HOME,)).next_request(plain)
    assert found
    redirected = Response(OTHER, request=found)
    led = addresses_that_led(LEASE, redirected, replace(listing("https://new.example/", GUID), known_as="site:1"))
    assert led.telling == [HOME, FEED, OTHER, "site:1"]
    assert led.by_weight == [FEED, OTHER, HOME, "site:1"]


@pytest.mark.parametrize("guid", ["", "show", "00000000-0000-0000-0000-000000000000", "urn:uuid:" + GUID])
def test_what_is_no_guid_of_a_podcast_is_declared_by_none(guid: str) -> None:
    assert declared_guid(listing(guid=guid).podcast) == ""
    assert declared_guid(listing(guid=GUID.upper()).podcast) == GUID


@pytest.mark.parametrize("spelling", [FEED, "http://h.example/feed", "https://h.example/feed/", ""])
def test_a_feed_that_names_its_own_address_has_not_moved(spelling: str) -> None:
    assert moved_page(listing(spelling), [FEED]) == []


def test_an_address_of_another_podcast_is_not_taken_over(redis: Client, caplog: pytest.LogCaptureFixture) -> None:
    names = Names(redis, Keys())
    names.record(OTHER, "other-1")
    assert claimed_move(names, "show-1", listing(OTHER), [FEED]) == []
    assert f"says that it has moved to {OTHER}, which is that of other-1" in caplog.text
    assert claimed_move(names, "show-1", listing(HOME), [FEED]) == [HOME]
    assert names.podcast_of([HOME]) == "show-1"
