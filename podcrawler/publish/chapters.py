"""Files with chapters, as Podcasting 2.0 has them
(https://github.com/Podcastindex-org/podcast-namespace/blob/main/docs/examples/chapters/jsonChapters.md)."""

import math

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from podcrawler.details import Chapter
from podcrawler.publish.beside import validated

#: More are not for people.
_MOST = 1000
#: Seconds: no episode is longer.
LONGEST = 1_000_000


class _Chapter(TypedDict, total=False):
    startTime: float
    title: str | None
    url: str | None
    img: str | None
    toc: bool | None


class _Chapters(TypedDict):
    chapters: list[_Chapter]


_CHAPTERS = TypeAdapter(_Chapters)


def read_chapters(raw: bytes) -> list[Chapter]:
    """The chapters in a file that are to be shown, by their start. Raises ValueError if it is no such file."""
    found = [
        Chapter(one.get("startTime", math.nan), one.get("title") or "", one.get("url") or "", one.get("img") or "")
        for one in validated(_CHAPTERS, raw)["chapters"]
        if one.get("toc") is not False
    ]
    return in_order(found)


def in_order(chapters: list[Chapter]) -> list[Chapter]:
    """The chapters by their start, without those that begin at no time."""
    possible = (one for one in chapters if 0 <= one.start < LONGEST)
    return sorted(possible, key=lambda one: one.start)[:_MOST]
