"""The options by which a user says which episodes of a podcast are wanted: of ``archive``, and of subscriptions."""

import argparse
import time
from collections.abc import Callable
from typing import TypeVar

from podcrawler.config import amount
from podcrawler.durations import seconds_of
from podcrawler.exceptions import UsageError
from podcrawler.sites.wanted import ORDERS, TYPES, Wanted

_T = TypeVar("_T")


def add_wanted_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that ``wanted_of`` reads."""
    group = parser.add_argument_group("which episodes (docs/choosing-episodes.md)")
    group.add_argument("--latest", type=_number, metavar="N", help="the newest N of those that the other options leave")
    group.add_argument("--since", default="", metavar="DATE|30d", help="published on this day or later")
    group.add_argument("--until", default="", metavar="DATE|30d", help="published on this day or earlier")
    group.add_argument("--match", default="", metavar="REGEX", help="whose title or description has this")
    group.add_argument("--reject", default="", metavar="REGEX", help="whose title and description do not have this")
    group.add_argument("--season", type=_number, action="append", metavar="N", help="of this season; may be repeated")
    group.add_argument("--type", choices=TYPES, action="append", help="of this type; may be repeated")
    group.add_argument("--min-duration", type=_seconds, metavar="TIME", help="not shorter than 90 (seconds), 10m or 1h")
    group.add_argument("--max-duration", type=_seconds, metavar="TIME", help="not longer")
    group.add_argument("--max-size", type=_bytes, metavar="BYTES", help="announced as not larger than 500k or 100M")
    group.add_argument("--order", choices=ORDERS, default="oldest", help="which are fetched first (oldest)")
    group.add_argument("--new-only", action="store_true", help="nothing from before now, when this is first asked for")


def wanted_of(options: argparse.Namespace) -> Wanted:
    """What the options say. Raises UsageError."""
    try:
        return Wanted(
            latest=options.latest,
            since=options.since,
            until=options.until,
            match=options.match,
            reject=options.reject,
            season=tuple(options.season or ()),
            type=tuple(options.type or ()),
            min_duration=options.min_duration,
            max_duration=options.max_duration,
            max_size=options.max_size,
            order=options.order,
            new_after=time.time() if options.new_only else None,
        )
    except ValueError as error:
        raise UsageError(f"{error}.") from None


def _number(given: str) -> int:
    if not (given.isascii() and given.isdecimal()):
        raise argparse.ArgumentTypeError(f"{given} is no number")
    return int(given)


def _seconds(given: str) -> int:
    return _read(lambda text: round(seconds_of(text)), given)


def _bytes(given: str) -> int:
    return _read(amount, given)


def _read(read: Callable[[str], _T], given: str) -> _T:
    try:
        return read(given)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
