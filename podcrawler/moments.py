"""Moments as people give them: how long ago, or a date."""

import re
from datetime import UTC, date, datetime, timedelta

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_AGO = re.compile(rf"(\d{{1,6}}) ?({'|'.join(_UNITS)})")
_TO_ITS_END = timedelta(days=1, microseconds=-1)


def is_relative(given: str) -> bool:
    """Whether the text says how long ago."""
    return _AGO.fullmatch(given) is not None


def moment(given: str, now: float, *, is_end: bool = False) -> float:
    """The moment, in seconds since 1970, as ``now``: ``2h`` is two hours ago; dates are in UTC unless they have a zone.
    A day is its first moment, or its last if it ``is_end``. Raises ValueError."""
    if ago := _AGO.fullmatch(given):
        return now - int(ago[1]) * _UNITS[ago[2]]
    try:
        found = datetime.fromisoformat(given)
        if is_end and _is_day(given):
            found += _TO_ITS_END
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise ValueError(
            f"{given} is no moment; write how long ago, such as 30min, 2h or 7d, or a date such as 2026-11-01"
        ) from None


def _is_day(given: str) -> bool:
    try:
        date.fromisoformat(given)
    except ValueError:
        return False
    return True
