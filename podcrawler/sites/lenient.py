"""Values as publishers write them: numbers with words around them, a dozen ways to say yes, authors with addresses.

What cannot be read is None or empty. Texts and lists are bounded, because all of them go through the queue.
"""

import re
from collections.abc import Hashable, Iterable
from functools import lru_cache
from itertools import islice
from typing import TypeVar

from podcrawler.details import Person
from podcrawler.sites.limits import MAX_ADDRESS, MAX_ELEMENTS, MAX_TITLE
from podcrawler.sites.reading import one_line, web_url

T = TypeVar("T")

_WORDS = {
    **dict.fromkeys(("yes", "y", "true", "1", "on", "explicit", "adult"), True),
    **dict.fromkeys(("no", "n", "false", "0", "off", "clean", "nonadult"), False),
}
_NUMBER = re.compile(r"[^0-9]*([0-9]{1,9})(?:\.([0-9]{1,6}))?[^0-9]*")
_COUNT = re.compile(r"[0-9]{1,18}")
_DECIMAL = re.compile(r"[0-9]{1,15}(?:\.[0-9]{0,30})?(?:[eE]-?[0-9]{1,2})?")
_TIME = re.compile(r"(?:(?:([0-9]{1,4}):)?([0-9]{1,4}):)?([0-9]{1,7}(?:\.[0-9]{0,9})?)")
_ADDRESS_THEN_NAME = re.compile(r"(?:mailto:)?([^\s()<>@]+@[^\s()<>@]+) *\(([^()]+)\)")
_NAME_THEN_ADDRESS = re.compile(r"([^()<>]+?) *[(<](?:mailto:)?([^\s()<>@]+@[^\s()<>@]+)[)>]")
_SOURCE = re.compile(r"(?:ipfs|ipns|magnet|lbry|gemini|hyper):[^\s<>\"]+", re.IGNORECASE)


def title(text: str) -> str:
    """A name, a title or an identifier on one line, at most MAX_TITLE characters."""
    return one_line(text)


@lru_cache(maxsize=256)  # The entries of a feed share their pictures, licenses and persons.
def address(base: str, text: str) -> str:
    """As ``web_url``."""
    return web_url(base, text) if 0 < len(text) <= MAX_ADDRESS else ""


def uri(base: str, text: str) -> str:
    """As ``address``, but an address of a network that is not the web (IPFS, BitTorrent, ...) stays as it is."""
    return text if len(text) <= MAX_ADDRESS and _SOURCE.fullmatch(text) else address(base, text)


def yes_or_no(text: str) -> bool | None:
    """Also "explicit" and "adult" for yes, and "clean" and "nonadult" for no."""
    return _WORDS.get(text[:20].strip().lower())


def number(text: str) -> int | float | None:
    """The one number in a text such as "2", "Season 2", "S02" or "315.5". None for a negative one, one of more than
    nine digits, and if there are several."""
    text = text[:MAX_TITLE].strip()
    found = None if text.startswith("-") else _NUMBER.fullmatch(text)
    if found is None:
        return None
    whole, decimals = found.groups()
    return float(f"{whole}.{decimals}") if decimals and int(decimals) else int(whole)


def whole_number(text: str) -> int | None:
    """As ``number``, without decimals."""
    found = number(text)
    return found if isinstance(found, int) else None


def count(text: str) -> int | None:
    """Bytes, pixels or shares: digits alone; None for 0, which stands for unknown."""
    return int(text) or None if _COUNT.fullmatch(text) else None


def decimal(text: str) -> float | None:
    """A number that is not negative."""
    return float(text) if _DECIMAL.fullmatch(text) else None


def seconds_in(text: str) -> float | None:
    """A time: seconds, M:S or H:M:S, each with decimals (Normal Play Time, RFC 7826 §4.4.2)."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    hours, minutes, rest = found.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(rest)


def author(text: str) -> Person:
    """RSS 2.0, ``author``: an address with a name in brackets; also the reverse, and either alone."""
    text = title(text)
    if found := _ADDRESS_THEN_NAME.fullmatch(text):
        return Person(found[2].strip(), email=found[1])
    if found := _NAME_THEN_ADDRESS.fullmatch(text):
        return Person(found[1].strip(), email=found[2])
    return Person(text)


def words(text: str) -> list[str]:
    """Keywords: a text with commas, or with semicolons if it has no comma."""
    parts = text.split("," if "," in text else ";", MAX_ELEMENTS)
    return [word for part in parts[:MAX_ELEMENTS] if (word := title(part))]


def bounded(found: Iterable[T]) -> list[T]:
    return list(islice(found, MAX_ELEMENTS))


def without_repetition(pairs: Iterable[tuple[Hashable, T]]) -> list[T]:
    """The values, of those with equal keys the first, at most MAX_ELEMENTS."""
    first: dict[Hashable, T] = {}
    for key, value in pairs:
        first.setdefault(key, value)
        if len(first) == MAX_ELEMENTS:
            break
    return list(first.values())
