"""An episode on its way to the disk, as a value; and what is asked of an episode on that way."""

import time
from dataclasses import dataclass, replace
from datetime import UTC

from scrapy import Request

from podcrawler.exceptions import EpisodeError
from podcrawler.items import Episode
from podcrawler.logins import masked, without_login
from podcrawler.queue.leases import Lease
from podcrawler.store.part import PartFile

#: Of the request for a media file, or for something beside it: a coding would hide its length.
HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity"}
#: What the request for a media file, or for something beside it, tells middlewares that are for pages: it may be on any
#: host, and a cache would keep a response without a body.
FOR_MEDIA = {"allow_offsite": True, "dont_cache": True, "dont_obey_robotstxt": True}


@dataclass(slots=True)
class Transfer:
    """An episode on its way to the disk."""

    episode: Episode
    lease: Lease
    request: Request
    #: What is being received: its media file, or then what belongs beside that. None until it is known that the store
    #: does not have it.
    part: PartFile | None = None
    #: The host that its file came from; empty if it has not come under this lease.
    came_from: str = ""
    #: Whether more than its file may be fetched under the lease.
    has_more: bool = False


def publication_time(episode: Episode) -> float | None:
    """When the episode was published, in seconds since 1970; None if that is unknown, before then, or still to come."""
    published = episode.published
    if published is None:
        return None
    seconds = (published if published.tzinfo else published.replace(tzinfo=UTC)).timestamp()
    return seconds if 0 <= seconds <= time.time() else None


def forget_logins(episode: Episode) -> None:
    """Take the logins out of the addresses that were needed with them."""
    episode.page = without_login(episode.page)
    if episode.enclosure and "@" in episode.enclosure.url:
        episode.enclosure = replace(episode.enclosure, url=without_login(episode.enclosure.url))


def bad_address(episode: Episode) -> EpisodeError:
    """The error for an episode whose file is at no address of the web."""
    address = episode.enclosure.url if episode.enclosure else ""
    return EpisodeError(
        "address",
        f'Its file is said to be at "{masked(address, is_address=True)[:200]}", which is no valid address of http or '
        "https; tell its publisher. It is tried again when its page gives another address.",
    )
