"""What a page lists, refers to or adds to an episode, as the site that understands it and the user's settings say."""

from scrapy.http import TextResponse

from podcrawler.exceptions import EpisodeError, ListingError
from podcrawler.items import Episode
from podcrawler.reading.messages import ReadEpisode, ReadPage
from podcrawler.sites import limits
from podcrawler.sites.accounting import Account
from podcrawler.sites.base import Listing, Referral
from podcrawler.sites.identity import other_address
from podcrawler.sites.known import site_for
from podcrawler.sites.selection import with_all_files, with_newest, with_wanted_files


def read_page(job: ReadPage, response: TextResponse) -> Listing | Referral:
    """What a page lists of the kinds of files that are wanted, or refers to. Raises ListingError if it cannot be read,
    or lists nothing unless it ``may_be_empty``."""
    found = site_for(response).parse_list(response)
    if isinstance(found, Referral) and not (job.as_list and found.otherwise):
        return limits.bounded_referral(found)
    listing = found.otherwise if isinstance(found, Referral) else found
    assert listing is not None
    listing = with_wanted_files(limits.bounded(listing), job.media)
    if job.enclosures == "all":
        listing = with_all_files(listing)
    listing = with_newest(listing, job.max_entries)
    if listing.episodes or listing.next_urls or any(entry.episode for entry in listing.left_out):
        return listing
    if moved := other_address(listing.moved_to, [response.url]):
        return Referral([[moved]])
    if job.may_be_empty:
        return listing
    if not listing.left_out:
        raise ListingError(
            "no-episodes",
            f"{response.url} lists nothing; check the address of the podcast, and whether its page needs a script or a "
            "click to show the episodes, which cannot be read.",
        )
    raise ListingError(
        "no-enclosures",
        f"{response.url} has {Account.of(listing)}; it may be the feed of a blog: give the address of the podcast's "
        "own feed, or name the kind of its files in PODCRAWLER_MEDIA.",
    )


def complete(job: ReadEpisode, response: TextResponse) -> Episode:
    """The episode as its own page completes it. Raises EpisodeError."""
    try:
        if not job.page.is_text:
            raise ListingError("unknown-page", f"{response.url} is no web page.")
        site = site_for(response)
    except ListingError:
        raise EpisodeError(
            "no-audio",
            f"{response.url} is not the page of an episode any more; open it in a browser to see what became of it.",
        ) from None
    return limits.bounded_episode(site.parse_episode(response, job.episode))
