"""Dates in HTTP headers (RFC 9110 §5.6.7), whatever a server writes there."""

from datetime import UTC
from email.utils import parsedate_to_datetime


def http_date(text: str | None) -> float | None:
    """The date in seconds since 1970; None if it is no date, or lies in no year that there is. Without a
    time zone it is in UTC, as in the oldest of the three formats."""
    try:
        date = parsedate_to_datetime(text or "")
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    # A month 0, a number with a thousand digits, a zone of a million hours.
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
