"""How long something takes, for people."""

_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"))


def duration(seconds: float) -> str:
    """``9 s``, ``58 min``, ``2 h`` or ``3 d``: in the largest unit of which it has two, rounded up."""
    for length, unit in _UNITS:
        if seconds >= 2 * length:
            return f"{-int(-seconds // length)} {unit}"
    return f"{-int(-seconds // 1)} s"
