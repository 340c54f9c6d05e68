"""What a podcast promises of its next episodes: ``itunes:complete``, ``podcast:updateFrequency``, ``expired``."""

import re
from dataclasses import replace

from podcrawler.details import PodcastDetails
from podcrawler.sites.asked import Asked

_DAY = 86_400.0
#: By frequency of RFC 5545: its period in seconds.
_PERIODS = {"HOURLY": _DAY / 24, "DAILY": _DAY, "WEEKLY": 7 * _DAY, "MONTHLY": 30.4 * _DAY, "YEARLY": 365 * _DAY}
#: Parts of a rule that name several times in one period.
_TIMES = ("BYDAY", "BYMONTHDAY", "BYMONTH", "BYHOUR")
_INTERVAL = re.compile(r"[0-9]{1,4}")
#: Characters of a rule.
_LONGEST_RULE = 200


def with_promise(asked: Asked, podcast: PodcastDetails) -> Asked:
    """What a feed asks, with what its podcast promises."""
    frequency = podcast.update_frequency
    is_complete = bool(podcast.complete or (frequency and frequency.complete))
    return replace(asked, is_complete=is_complete, gap=_gap(frequency.rrule[:_LONGEST_RULE]) if frequency else 0.0)


def _gap(rule: str) -> float:
    """The mean time between two of the times that a rule of RFC 5545 names."""
    parts = {name.upper(): value for name, _, value in (part.partition("=") for part in rule.split(";"))}
    period = _PERIODS.get(parts.get("FREQ", "").upper(), 0.0)
    interval = parts.get("INTERVAL", "1")
    times = max(len(parts[name].split(",")) if name in parts else 1 for name in _TIMES)
    return period * max(1, int(interval)) / times if _INTERVAL.fullmatch(interval) else 0.0
