"""The nearest name, for what somebody has misspelt."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(given: str, names: Iterable[str], *, least: float = 0.6) -> str:
    """The name that is most like what was given; empty if none is. ``least`` is how like, from 0 to 1."""
    found = get_close_matches(given, list(names), n=1, cutoff=least)
    return found[0] if found else ""


def did_you_mean(given: str, names: Iterable[str], otherwise: str) -> str:
    """The second half of a sentence that refuses a name."""
    name = nearest(given, names)
    return f"did you mean {name}?" if name else otherwise
