"""The units of work as values: an entry of a queue, and a lease on one. entries.py makes them from requests."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["page", "episode", "seed"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One unit of work, as it is pushed."""

    kind: Kind
    #: Unique in the archive: ``<podcast id>/<episode id>``, or the address of a list page.
    key: str
    #: What the entry belongs to: the podcast's id, or the address that the user gave.
    group: str
    #: The entry's name in its group.
    name: str
    #: The host of the request, as ``host_of`` has it; hosts take turns.
    host: str
    #: The request, as the codec writes it.
    payload: str
    #: Higher ones are leased first.
    priority: int = 0
    #: True for an address that a user gave: a new visit, even if an earlier one is finished.
    fresh: bool = False
    #: Changes when another file is requested, and not when only its address does, with a token or by way of a tracker.
    #: Empty for a list page: any other request is a change.
    version: str = ""
    #: True for another version of an episode: queued even if one is finished.
    is_version: bool = False


@dataclass(frozen=True, slots=True)
class Lease:
    """A node's time-limited hold on an entry, proven by ``token``."""

    key: str
    token: str
    kind: Kind
    group: str
    name: str
    #: How many earlier leases on this entry ended in an error.
    tries: int
    #: The request, as the codec wrote it; of a seed, the bytes that a user pushed.
    payload: bytes
    #: Whether there was an earlier lease on this entry, so that a part of its file may be on disk.
    redelivered: bool = True
    #: The host that the lease was granted for: that of the address, or the one that the podcast's last file came from.
    host: str = ""
    #: That of the address.
    own_host: str = ""
