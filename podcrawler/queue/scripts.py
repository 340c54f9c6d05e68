"""The texts of the Lua scripts, and the time as they take it."""

from functools import cache
from importlib.resources import files


@cache
def source(script: str) -> str:
    """The text of a script, preceded by those of lua/hosts.lua and lua/states.lua."""
    return "\n".join(map(source_alone, ("hosts", "states", script)))


def source_alone(script: str) -> str:
    """The text of a script."""
    return (files(__package__) / "lua" / f"{script}.lua").read_text(encoding="utf-8")


def time_argument(now: int | None) -> int | str:
    """``now``, in milliseconds since 1970, as an argument of a script. None means Redis's own clock."""
    return "" if now is None else now
