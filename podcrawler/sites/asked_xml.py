"""What RSS has for those who check a feed: ``ttl``, ``skipHours`` and ``skipDays`` (RSS 2.0)."""

import re

from podcrawler.sites.asked import Asked
from podcrawler.sites.elements import Fields, text_of

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
#: Minutes that a feed may ask for: a year.
_TTL = re.compile(r"[0-9]{1,6}")
_MOST_TTL = 366 * 24 * 60
_HOUR = re.compile(r"[0-9]{1,2}")


def asked_by(channel: Fields) -> Asked:
    """What the channel of a feed asks. What cannot be read counts as not said."""
    ttl = channel.text("ttl")
    hours = (int(text) for text in _in(channel, "skiphours", "hour") if _HOUR.fullmatch(text))
    return Asked(
        fresh_for=min(int(ttl), _MOST_TTL) * 60.0 if _TTL.fullmatch(ttl) else 0.0,
        # Some write 24 for the hour from midnight on.
        skip_hours=frozenset(hour % 24 for hour in hours if hour <= 24),
        skip_days=frozenset(_DAYS.index(text) for text in _in(channel, "skipdays", "day") if text in _DAYS),
    )


def _in(channel: Fields, name: str, part: str) -> list[str]:
    parts = channel.first(name)
    return [text_of(element).lower() for element in parts.all(part)] if parts else []
