"""The names that people choose for files: a template such as ``{podcast}/{year}/{date} {title}.{ext}``, checked before
anything is made, and filled with values that publishers gave, which can lead nowhere else.
"""

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from podcrawler.items import Podcast
from podcrawler.publish.details import number as number_text
from podcrawler.publish.index import Entry
from podcrawler.store import names

#: What can be in braces, and what it stands for. Numbers may have a width, as in ``{episode:03}``.
FIELDS = {
    "podcast": "the podcast's title",
    "podcast_id": "its id, which is the name of its folder",
    "id": "the episode's id",
    "guid": "the identity that the publisher gave it, else its id",
    "title": "its title",
    "date": "when it was published, such as 2026-11-02; `undated` if nobody has told it",
    "year": "the year of that date; `undated` without one",
    "month": "its month, 01 to 12; 00 without one",
    "day": "its day, 01 to 31; 00 without one",
    "season": "the season; 0 if there is none",
    "episode": "the number that the publisher gave it; 0 if there is none",
    "number": "its place among the podcast's episodes, the oldest of which is 1",
    "version": "of its file: 1, or what stands behind the `.v` of its name",
    "ext": "the extension of its file",
}
_NUMBERS = frozenset(("season", "episode", "number", "version"))
_WIDTH = re.compile("0?[1-9]?")
_END = ".{ext}"


@dataclass(frozen=True, slots=True)
class _Piece:
    """A literal text, then a field, if that is not empty."""

    literal: str
    field: str
    width: int

    def filled(self, values: Mapping[str, str]) -> str:
        return self.literal + (values[self.field].zfill(self.width) if self.field else "")


@dataclass(frozen=True, slots=True)
class Template:
    """A template that can be used."""

    text: str
    #: For each folder, and for the file without its extension.
    _parts: tuple[tuple[_Piece, ...], ...]

    @classmethod
    def read(cls, text: str) -> Self:
        """The template that a user gives. Raises ValueError with the end of a sentence."""
        if not text.endswith(_END):
            raise ValueError(f"it does not end in {_END}, and players know files by their extensions")
        parts = text.removesuffix(_END).split("/")
        for part in parts:
            if part.strip() in ("", ".", "..") or part.startswith("."):
                raise ValueError(
                    "it would lead out of its folder, or to a hidden file: write folders and names between single "
                    "slashes, none of which begins with a dot"
                )
        return cls(text, tuple(_read_part(part) for part in parts))

    @property
    def has_versions(self) -> bool:
        """Whether older versions of an episode's file have names of their own."""
        return any(piece.field == "version" for part in self._parts for piece in part)

    @property
    def depth_of_podcast(self) -> int:
        """How many folders lead to the one that is of one podcast alone, itself included; 0 if none is."""
        depths = (depth for depth, part in enumerate(self._parts[:-1], 1) if any(map(_is_of_podcast, part)))
        return next(depths, 0)

    def path(self, podcast: Podcast, entry: Entry, number: int) -> str:
        """Where a media file goes, below the tree's folder. ``number`` as in FIELDS."""
        values = _values(podcast, entry, number)
        # The template is divided already: a slash in a value makes no folder.
        filled = ["".join(piece.filled(values) for piece in part) for part in self._parts]
        *folders, stem = filled
        end = f".{values['ext']}"
        room = names.MAX_NAME_BYTES - len(end) - MARK_BYTES
        return "/".join([*(names.safe_name(folder) for folder in folders), names.safe_name(stem, room) + end])


def _is_of_podcast(piece: _Piece) -> bool:
    return piece.field in ("podcast", "podcast_id")


#: What ``marked`` needs.
MARK_BYTES = 6


def marked(path: str, mark: str) -> str:
    """The path with four characters that tell its file from another one whose name would be the same."""
    stem, _, extension = path.rpartition(".")
    return f"{stem} ~{mark[:4]}.{extension}"


def _read_part(part: str) -> tuple[_Piece, ...]:
    try:
        parsed = list(string.Formatter().parse(part))
    except ValueError as error:
        raise ValueError(f"its braces do not match ({error}); a brace itself is written twice") from None
    found = []
    for literal, field, width, conversion in parsed:
        if field is None:
            found.append(_Piece(literal, "", 0))
            continue
        if field not in FIELDS:
            raise ValueError(f"there is no field {{{field}}}; there are {', '.join(FIELDS)}")
        if conversion or not _WIDTH.fullmatch(width or "") or (width and field not in _NUMBERS):
            raise ValueError(f"{{{field}}} can have nothing behind its name; numbers can have a width: {{episode:03}}")
        found.append(_Piece(literal, field, int(width or 0)))
    return tuple(found)


def _values(podcast: Podcast, entry: Entry, number: int) -> dict[str, str]:
    day = entry.published
    return {
        "podcast": podcast.title or podcast.id,
        "podcast_id": podcast.id,
        "id": entry.episode_id,
        "guid": entry.guid or entry.episode_id,
        "title": entry.title or names.UNTITLED,
        "date": day.date().isoformat() if day else "undated",
        "year": f"{day.year:04}" if day else "undated",
        "month": f"{day.month:02}" if day else "00",
        "day": f"{day.day:02}" if day else "00",
        "season": str(entry.season or 0),
        "episode": number_text(entry.episode or 0),
        "number": str(number),
        "version": str(entry.version),
        "ext": entry.name.rpartition(".")[2].lower(),
    }
