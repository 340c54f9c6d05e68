"""What a user wants of a podcast that is followed, as it leaves Redis: without secrets."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Following:
    """What the user wants of a podcast that is followed (docs/subscriptions.md)."""

    #: As the user gave it, without login and signature.
    address: str = ""
    #: Whether it leads nowhere without what is left out.
    lacks_secret: bool = False
    #: Whether https is but the first guess.
    is_guess: bool = False
    #: As a list of subscriptions calls it.
    title: str = ""
    #: The outlines of that list that it is in, from the outermost on.
    groups: tuple[str, ...] = ()
    #: Which episodes are wanted, by the names of the options (docs/choosing-episodes.md), with underscores.
    options: dict[str, Any] = field(default_factory=dict)
    #: How many of its files are kept, or those of how many days: ``10``, ``30d``; empty for all.
    keep: str = ""
