"""What a publisher and its host ask of those who check a feed. Quick to import: asked_xml.py and promise.py read it."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le

_Seconds = Annotated[float, Ge(0), Le(1e9)]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a publisher and its host ask of those who check the feed. Durations are in seconds."""

    #: For how long an answer is fresh: ``ttl``, Cache-Control, Expires.
    fresh_for: _Seconds = 0.0
    #: Hours of the day, and days of the week (0 is Monday), in UTC: ``skipHours`` and ``skipDays`` of RSS 2.0.
    skip_hours: frozenset[int] = frozenset()
    skip_days: frozenset[int] = frozenset()
    #: Whether there will be no more episodes.
    is_complete: bool = False
    #: Between two episodes, as the publisher promises; 0 without a promise.
    gap: _Seconds = 0.0
