"""The files that lie beside media files, as they are found: covers, transcripts and chapters that sidecars name, and
the cover of a podcast, which is known by its name.
"""

import errno
import os
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from podcrawler.publish.media_types import HIDDEN_HTML, PICTURES, beside_type
from podcrawler.store.fs import Folder
from podcrawler.store.sidecar import BesideFile, Sidecar
from podcrawler.validation import cause

T = TypeVar("T")

#: Of a transcript or a list of chapters, in bytes: more is hours of speech, and is not read.
MOST_BYTES = 2_000_000
_PODCAST_COVER = "cover"


@dataclass(frozen=True, slots=True)
class Beside:
    """A file beside a media file. Texts are those of the sidecar."""

    kind: Literal["cover", "transcript", "chapters"]
    #: In the podcast's folder.
    name: str
    url: str
    #: The media type: that of the extension, else as the sidecar tells.
    type: str
    language: str
    rel: str
    #: Bytes; None if there is no such file.
    size: int | None = None
    #: When it was changed, in nanoseconds.
    time: int = 0

    @property
    def extension(self) -> str:
        """In lower case."""
        return "html" if self.name.lower().endswith(HIDDEN_HTML) else self.name.rpartition(".")[2].lower()


def named_in(sidecar: Sidecar) -> tuple[Beside, ...]:
    """The files that a sidecar names, whether they are there or not."""
    return tuple(map(_named, sidecar.beside))


def as_it_is(folder: Folder, file: Beside) -> Beside:
    """The file as the folder has it."""
    found = _found(folder, file.name)
    size, time = (found.st_size, found.st_mtime_ns) if found else (None, 0)
    return file if (size, time) == (file.size, file.time) else replace(file, size=size, time=time)


def read(folder: Folder, file: Beside) -> bytes:
    """The content of a file that is not too large to be read. Raises OSError."""
    with folder.read(file.name) as opened:
        content = opened.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise OSError(errno.EFBIG, f"it has more than {MOST_BYTES} bytes")
    return content


def validated(adapter: TypeAdapter[T], raw: bytes) -> T:
    """The content of a file in JSON. Raises ValueError, which says in one line where it is not of its form."""
    try:
        return adapter.validate_json(raw)
    except ValidationError as error:
        raise ValueError(cause(error)) from None


def podcast_cover(folder: Folder) -> str:
    """The name of the podcast's cover in its folder; empty if there is none."""
    names = (f"{_PODCAST_COVER}.{extension}" for extension in PICTURES)
    return next((name for name in names if _found(folder, name)), "")


def _named(file: BesideFile) -> Beside:
    return Beside(file.kind, file.name, file.url, beside_type(file.name) or file.type, file.language, file.rel)


def _found(folder: Folder, name: str) -> os.stat_result | None:
    """A file of the folder. Whoever can write to a store can write sidecars, so a name may lead anywhere."""
    if "/" in name or "\0" in name or name.startswith("."):
        return None
    try:
        return folder.found_file(name)
    except OSError:
        # It is too long, for example.
        return None
