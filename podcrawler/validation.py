"""Says what is wrong with a value that came from outside: from Redis, from a disk, from a publisher."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


def cause(error: "ValidationError") -> str:
    """What is wrong, in some words that contain nothing of the value."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else first["msg"]
