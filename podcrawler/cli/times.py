"""Times, as lists of podcasts show them."""

from datetime import UTC, datetime

from podcrawler.queue.values import LAST_TIME


def shown_time(seconds: float) -> str:
    """A time in seconds since 1970, to the minute; that of what is to be done at once is 0. ``?`` for what is none."""
    if seconds == 0:
        return "at once"
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%MZ}" if 0 < seconds <= LAST_TIME else "?"
