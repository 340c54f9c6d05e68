"""What Redis keeps of a subscription: what the user wants, and what the checks of its feed have found.

All times are in seconds since 1970.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from podcrawler.queue.values import Count, Shape, Time
from podcrawler.sites.asked import Asked
from podcrawler.subscriptions.rhythm import Rhythm


@dataclass(frozen=True, slots=True)
class Subscription:
    """What the user wants."""

    #: As the user gave it, made absolute. The subscription is known by it.
    address: str = ""
    #: Whether https is but the first guess: the user gave no scheme, and http is asked if https fails.
    is_guess: bool = False
    #: As a list of subscriptions calls it; empty if none does.
    title: str = ""
    #: The outlines of that list that it is in, from the outermost on.
    groups: tuple[str, ...] = ()
    #: Which episodes (``sites.wanted.Wanted.to_json``).
    options: Mapping[str, Any] = field(default_factory=dict)
    #: How many of its files are kept, or those of how many days: ``10``, ``30d``; empty for all.
    keep: str = ""
    since: Time = 0.0


@dataclass(frozen=True, slots=True)
class Moved:
    """An address that the feed says it has moved to, for good, and when it said so first."""

    to: str
    seen: Time


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks of a feed have found."""

    #: The address to ask, in place of the subscription's; empty if that is the one.
    feed: str = ""
    podcast_id: str = ""
    title: str = ""
    #: Validators (RFC 9110 §8.8) of the last answer that was read, and the first digits of the SHA-256 of its body, for
    #: hosts that ignore validators.
    etag: str = ""
    last_modified: str = ""
    digest: str = ""
    #: When a check was answered last; 0 if none was.
    at: Time = 0.0
    rhythm: Rhythm = field(default_factory=Rhythm)
    asked: Asked = field(default_factory=Asked)
    moved: Moved | None = None
    #: How many checks in a row have failed, since when, and how the last one did.
    failures: Count = 0
    failing_since: Time = 0.0
    error: str = ""
    #: Why it is not checked any more; empty if it is.
    parked: str = ""
    #: When an answer was the feed itself last, and not that nothing has changed; 0 if that is not known.
    whole_at: Time = 0.0

    def unread(self) -> "Checked":
        """Without what would tell that the feed has not changed."""
        return replace(self, etag="", last_modified="", digest="")


@dataclass(frozen=True, slots=True)
class Claim:
    """A check that is due, and that nobody else makes before the claim ends. Times are those of Redis's clock."""

    subscription: Subscription
    checked: Checked
    at: Time
    #: As Redis has it, in milliseconds.
    until: Count


SUBSCRIPTION, CHECKED, CLAIM = Shape[Subscription](Subscription), Shape[Checked](Checked), Shape[Claim](Claim)


def dumped(shape: Shape[Any], value: Any) -> str:
    """As JSON, without what has its default."""
    return str(shape.adapter.dump_json(value, exclude_defaults=True).decode())
