"""Values that come from Redis. Anybody who can write there may have written them, so each is checked before it is used.

What cannot be read is left out, and told in one line.
"""

import logging
from typing import Annotated, Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from podcrawler.printing import printable

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

#: Numbers that JSON and Lua hold exactly.
Count = Annotated[int, Field(ge=0, le=2**53)]
#: The end of the year 9999, in seconds since 1970: what people can be shown.
LAST_TIME = 253_402_300_799
#: Seconds since 1970.
Time = Annotated[float, Field(ge=0, le=LAST_TIME, allow_inf_nan=False)]
#: Bytes per second.
Rate = Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)]

#: What was told already, so that what is read again and again is told once; so many sentences at most.
_told: set[str] = set()
_MOST_TOLD = 1000
#: Characters of a hostile name in a sentence.
_SHOWN = 120


def text(value: bytes) -> str:
    """The text; what is no UTF-8 in it is replaced."""
    return value.decode(errors="replace")


def number(value: bytes | None) -> int:
    """The number, from 0 on; 0 for what is none."""
    try:
        found = int(value or 0)
    except ValueError:
        return 0
    return found if 0 <= found <= 2**53 else 0


def moment(time: tuple[int, int]) -> float:
    """What Redis's ``TIME`` answers, in seconds since 1970."""
    seconds, microseconds = time
    return seconds + microseconds / 1e6


def read_json(adapter: TypeAdapter[_T], value: bytes, what: str) -> _T | None:
    """The value that the JSON is of; None if it is of no such value. ``what`` names it for the line that tells that:
    ``the login of show-1``."""
    try:
        return adapter.validate_json(value)
    except ValidationError as error:
        tell(what, cause(error))
        return None


def cause(error: ValidationError) -> str:
    """What is wrong, in some words that contain nothing of the value."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else first["msg"]


def tell(what: str, why: Any) -> None:
    """Tell once that something cannot be read."""
    shown = printable(what[:_SHOWN])
    if shown not in _told and len(_told) < _MOST_TOLD:
        _told.add(shown)
        logger.warning("Redis has a value that cannot be read and is left out: %s (%s).", shown, str(why)[:_SHOWN])
