"""A lease that this node holds, and how far the work under it has got."""

from dataclasses import dataclass, field
from enum import Enum, auto

from scrapy.exceptions import DropItem

from podcrawler.exceptions import PodcrawlerError
from podcrawler.queue.leases import Lease


class Phase(Enum):
    """In the order in which a lease goes through them. From each, it may go to the last."""

    #: Leased ahead of time; nothing was begun.
    PREFETCHED = auto()
    #: The entry is worked on.
    WORKING = auto()
    #: The file has been received, and is examined and written to the disk.
    PUBLISHING = auto()
    #: The end of the lease is on its way to Redis.
    ACKNOWLEDGING = auto()


@dataclass(slots=True)
class HeldLease:
    """Changed by the event loop only. Other threads may read ``held_until``."""

    lease: Lease
    #: Until when Redis leases the entry to no other node (``clock.now``), as far as this node knows.
    held_until: float
    phase: Phase = Phase.PREFETCHED
    #: When the work began, of ``time.monotonic``; without a meaning before that.
    begun: float = 0.0
    #: The host that the lease counted for last.
    host: str = field(init=False)

    def __post_init__(self) -> None:
        self.host = self.lease.host


class LeaseEndedError(PodcrawlerError, DropItem):
    """Raised to drop an episode on which this node holds no lease any more, so that there is nothing to acknowledge.

    Not in exceptions.py, which does not import Scrapy."""
