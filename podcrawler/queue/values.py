"""Values that come from Redis. Anybody who can write there may have written them, so each is checked before it is used.

What cannot be read is left out, and logged once.
"""

import logging
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from annotated_types import Ge, Le

from podcrawler.printing import printable
from podcrawler.validation import cause

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import CoreSchema

logger = logging.getLogger(__name__)

_T = TypeVar("_T")


class _Finite:
    """For pydantic: a number that is neither infinite nor NaN."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> "CoreSchema":
        return {**handler(source), "allow_inf_nan": False}


#: Numbers that JSON and Lua hold exactly.
Count = Annotated[int, Ge(0), Le(2**53)]
#: The end of the year 9999, in seconds since 1970: what people can be shown.
LAST_TIME = 253_402_300_799
#: What is recorded in place of a store if the file was dropped on purpose: the episode is finished, and not missed.
DROPPED = "dropped"
#: In seconds since 1970.
Time = Annotated[float, _Finite(), Ge(0), Le(LAST_TIME)]
#: Bytes per second.
Rate = Annotated[float, _Finite(), Ge(0), Le(1e15)]

#: What was logged already; so many lines at most.
_told: set[str] = set()
_MOST_TOLD = 1000
#: Characters of a hostile name in a sentence.
_SHOWN = 120


class Shape(Generic[_T]):
    """The type that values must have. pydantic is imported with the first check, because that takes half of the time of
    a command that reads little."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind

    @cached_property
    def adapter(self) -> "TypeAdapter[_T]":
        from pydantic import TypeAdapter

        return TypeAdapter(self._kind)

    def read(self, value: Any, what: str) -> _T | None:
        """As ``read_json``, for a value that was read from JSON before."""
        from pydantic import ValidationError

        try:
            return self.adapter.validate_python(value)
        except ValidationError as error:
            tell(what, cause(error))
            return None


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


def whole(value: object, most: int = 2**53) -> int | None:
    """The whole number, from 0 on, that JSON had; None for what is none, or more than ``most``."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
        return None
    return int(value) if value == int(value) else None


def read_recorded(value: bytes, what: str) -> tuple[int, str, int] | None:
    """What is recorded of a finished episode: its bytes, the id of the store that has its file, empty if that is
    unknown, and the version of the file. None if it cannot be read; ``what`` is as for `read_json`."""
    size, _, rest = value.partition(b" ")
    store, _, version = rest.partition(b" ")
    if (found := number(size)) or size == b"0":
        return found, text(store), number(version) or 1
    tell(what, "it is no number")
    return None


def recorded(size: int, store: str, version: int = 1) -> str:
    """The inverse of ``read_recorded``."""
    return f"{size} {store} {version}" if version > 1 else f"{size} {store}".strip()


def moment(time: tuple[int, int]) -> float:
    """What Redis's ``TIME`` answers, in seconds since 1970."""
    seconds, microseconds = time
    return seconds + microseconds / 1e6


def read_json(shape: Shape[_T], value: bytes, what: str) -> _T | None:
    """The value in the JSON; None if it has another shape, which is logged. ``what`` names the value in that log line:
    ``the login of show-1``."""
    from pydantic import ValidationError

    try:
        return shape.adapter.validate_json(value)
    except ValidationError as error:
        tell(what, cause(error))
        return None


def tell(what: str, why: Any) -> None:
    """Log once that something cannot be read."""
    shown = printable(what[:_SHOWN])
    if shown not in _told and len(_told) < _MOST_TOLD:
        _told.add(shown)
        logger.warning("Redis has a value that cannot be read and is left out: %s (%s).", shown, str(why)[:_SHOWN])
