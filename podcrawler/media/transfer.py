"""An episode on its way to the disk, as a value."""

import time
from dataclasses import dataclass
from datetime import UTC

from scrapy import Request

from podcrawler.items import Episode
from podcrawler.queue.leases import Lease
from podcrawler.store.part import PartFile


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


def publication_time(episode: Episode) -> float | None:
    """When the episode was published, in seconds since 1970; None if that is unknown, before then, or still to come."""
    published = episode.published
    if published is None:
        return None
    seconds = (published if published.tzinfo else published.replace(tzinfo=UTC)).timestamp()
    return seconds if 0 <= seconds <= time.time() else None
