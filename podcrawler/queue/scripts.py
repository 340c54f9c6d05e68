"""The texts of the Lua scripts."""

from functools import cache
from importlib.resources import files


@cache
def source(script: str) -> str:
    """The text of a script, preceded by those of lua/hosts.lua and lua/states.lua."""
    folder = files(__package__) / "lua"
    return "\n".join((folder / f"{name}.lua").read_text(encoding="utf-8") for name in ("hosts", "states", script))
