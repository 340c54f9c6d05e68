"""The files that a tree shall have, and the paths that they get there. Pure, but for what writes a file."""

import hashlib
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from podcrawler.publish.template import marked


@dataclass(frozen=True, slots=True)
class Link:
    """A file of the archive as it is: a hard link, or a copy."""

    source: Path


@dataclass(frozen=True, slots=True)
class Written:
    """A file that is made for the tree, and never a link."""

    #: Another text if it would have another content.
    made_of: str
    #: Writes the same content each time, where there may be a file that nobody needs. Returns a sentence if it is less
    #: than was asked for. Raises OSError.
    write: Callable[[Path], str]
    #: The file of the archive that it is made of, if it changes with that.
    source: Path | None = None


Content = Link | Written


class Wanted(NamedTuple):
    """A file, and others that are named after it."""

    #: Below the tree's folder.
    path: str
    content: Content
    #: What tells it from all others, for another path if that is taken. Empty: it is left out then.
    key: str = ""
    #: By what stands in place of its extension, dot included.
    named_after: Mapping[str, Content] = {}


def named(files: Iterable[Wanted], left_out: list[str]) -> Iterator[tuple[str, Content]]:
    """The files by their paths: all but the first of those that would have the same one, on any disk, get a mark.
    ``left_out`` gets sentences about those that can have no other."""
    taken: set[str] = set()
    for file in files:
        paths = next((paths for paths in _candidates(file) if not any(_folded(path) in taken for path in paths)), None)
        if paths is None:
            left_out.append(f"{file.path}: another podcast has one in the same folder")
            continue
        taken.update(map(_folded, paths))
        yield from zip(paths, (file.content, *file.named_after.values()), strict=True)


def _candidates(file: Wanted) -> Iterator[list[str]]:
    yield _paths(file.path, file.named_after)
    if file.key:
        digest = hashlib.sha256(file.key.encode(errors="surrogateescape")).hexdigest()
        for at in range(0, len(digest), 4):
            yield _paths(marked(file.path, digest[at:]), file.named_after)


def _paths(path: str, endings: Iterable[str]) -> list[str]:
    stem = path.rpartition(".")[0]
    return [path, *(stem + ending for ending in endings)]


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()
