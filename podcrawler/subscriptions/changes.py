"""Lists of feeds that have changed, as hosts and indexes publish them: JSON of any shape, or one address on a line."""

import json
from collections.abc import Iterator
from typing import Any

from podcrawler.queue.naming import spellings

#: Names of fields that hold the address of a feed, in lower case without underscores: ``feedUrl`` is Podcast Index's.
_FIELDS = frozenset({"url", "feedurl", "xmlurl", "address", "feed"})


def addresses_in(body: bytes) -> set[str]:
    """The addresses of feeds that a list names, each in one spelling for all that are the same. Raises ValueError for
    what is no such list."""
    text = body.decode("utf-8-sig")
    if text.lstrip()[:1] in ("{", "["):
        try:
            found = _in_json(json.loads(text))
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error
    else:
        found = (line.strip() for line in text.splitlines())
    return {bare(address) for address in found if address.startswith(("http://", "https://"))}


def bare(address: str) -> str:
    """The same for all spellings of an address that mean the same (``naming.spellings``)."""
    return min(spellings(address))


def _in_json(value: Any, *, is_address: bool = True) -> Iterator[str]:
    match value:
        case str() if is_address:
            yield value
        case list():
            for each in value:
                yield from _in_json(each, is_address=is_address)
        case dict():
            for name, each in value.items():
                yield from _in_json(each, is_address=name.lower().replace("_", "") in _FIELDS)
