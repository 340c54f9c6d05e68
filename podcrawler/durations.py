"""How long something takes, for people."""

import re

_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"))


def duration(seconds: float) -> str:
    """``9 s``, ``58 min``, ``2 h`` or ``3 d``: in the largest unit of which it has two, rounded up."""
    for length, unit in _UNITS:
        if seconds >= 2 * length:
            return f"{-int(-seconds // length)} {unit}"
    return f"{-int(-seconds // 1)} s"


_LENGTHS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_GIVEN = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.IGNORECASE)


def seconds_of(text: str) -> float:
    """The seconds that ``90``, ``90s``, ``10m``, ``2h`` or ``1d`` mean. Raises ValueError."""
    found = _GIVEN.fullmatch(text.strip())
    if found is None or found[2].lower() not in _LENGTHS:
        raise ValueError(f"{text} is no time such as 90, 10m or 2h")
    return float(found[1]) * _LENGTHS[found[2].lower()]
