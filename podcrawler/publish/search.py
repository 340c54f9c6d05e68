"""The index that the pages' search works with, as JSON: which episodes have which words.

Chinese, Japanese and Korean have no spaces between words, so that runs of their characters are looked for by pairs:
"燈塔的聲音" is found by 燈塔, 塔的, 的聲 and 聲音, and so by any part of it. Other words are whole, and found by their
beginnings. static/script.js reads it, and makes keys of what is asked in the same way.
"""

import json
import unicodedata
from array import array
from collections import defaultdict
from itertools import pairwise
from typing import IO, NamedTuple

import regex

#: Characters of a description that are looked at: the rest is mostly links and thanks.
_MOST = 1_000
_RUN = regex.compile(
    r"(?P<paired>[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}]+)|[\p{L}\p{N}\p{M}]+", regex.V1
)


class Found(NamedTuple):
    """An episode as the search shows it."""

    #: Its place among the podcasts of the index.
    podcast: int
    #: The name of its page, without ``.html``.
    page: str
    title: str
    #: ISO 8601; empty if it has none.
    date: str


class SearchIndex:
    """The index of an archive, in which episodes are shown in the order that they are added."""

    def __init__(self) -> None:
        self._podcasts: list[tuple[str, str]] = []
        self._episodes: list[Found] = []
        self._keys: dict[str, array[int]] = defaultdict(lambda: array("L"))

    def add_podcast(self, podcast_id: str, title: str) -> int:
        """Its place, for its episodes."""
        self._podcasts.append((podcast_id, title))
        return len(self._podcasts) - 1

    def add(self, episode: Found, description: str) -> None:
        """``description`` is plain text."""
        number = len(self._episodes)
        self._episodes.append(episode)
        for key in keys_of(f"{episode.title}\n{description[:_MOST]}"):
            self._keys[key].append(number)

    def write(self, file: IO[bytes]) -> None:
        """As JSON. Numbers of episodes are differences to the one before, which are short."""
        keys = {
            key: [numbers[0], *(other - one for one, other in pairwise(numbers))]
            for key, numbers in sorted(self._keys.items())
        }
        told = {"podcasts": self._podcasts, "episodes": self._episodes, "keys": keys}
        for piece in json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).iterencode(told):
            file.write(piece.encode(errors="replace"))


def keys_of(text: str) -> set[str]:
    """The keys under which a text is found."""
    found = set()
    for run in _RUN.finditer(unicodedata.normalize("NFKC", text).lower()):
        word = run[0]
        found |= {one + other for one, other in pairwise(word)} if run["paired"] and len(word) > 1 else {word}
    return found
