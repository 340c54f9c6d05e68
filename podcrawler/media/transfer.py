"""An episode on its way to the disk, as a value."""

from dataclasses import dataclass

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
