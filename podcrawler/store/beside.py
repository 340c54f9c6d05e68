"""Files beside a media file: its cover, transcripts and chapters, named after it. The sidecar of the media file tells
of each, the manifest has its checksum, and the events when it came.

A file is told of before it has its name, so that one that is there lacks nothing: whoever dies in between leaves a
sidecar that tells of a file that is missing, and the next lease of the episode brings it.
"""

import errno
import hashlib
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from itertools import chain, count, takewhile

from podcrawler.agent import Agent
from podcrawler.exceptions import MediaError
from podcrawler.store import names
from podcrawler.store.beside_content import MEDIA_TYPES
from podcrawler.store.fs import Folder
from podcrawler.store.journal import MANIFEST, Event, append, append_events, correct_manifest, manifest_line, put
from podcrawler.store.part import PartFile
from podcrawler.store.sidecar import AbsentFile, BesideFile, Sidecar, SidecarError, dumps, is_about, loads, sidecar_name

#: Bytes of UTF-8 of a name, so that there is room for an ``.old`` behind it.
_LONGEST = 251
#: A language (RFC 5646) that may be in a name.
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,3}")
#: What is between the stem of the media file and the ending: a language, a number, and a word ("chapters", "html").
_MOST_BETWEEN = 3
_ENDINGS = frozenset(name.rpartition(".")[2] for name in MEDIA_TYPES)


def stem(media: str) -> str:
    """What the names of files beside a media file begin with, before a dot."""
    return media.rpartition(".")[0]


def is_beside(name: str, stems: Collection[str]) -> bool:
    """Whether a file of this name can be one beside a media file with one of these stems."""
    if "/" in name or "\0" in name or is_about(name):
        return False
    before, _, ending = name.rpartition(".")
    if ending not in _ENDINGS:
        return False
    for _ in range(_MOST_BETWEEN):
        if before in stems:
            return True
        before = before.rpartition(".")[0]
    return before in stems


def stems_in(present: Collection[str]) -> set[str]:
    """The stems of the media files with these names."""
    return {stem(name) for name in present if names.episode_of(name)}


def beside_of(sidecar: Sidecar, media: str) -> list[BesideFile]:
    """The files that the sidecar of a media file tells of; without what cannot be such a file by its name."""
    return [one for one in sidecar.beside if is_beside(one.name, (stem(media),))]


def is_same(one: BesideFile | AbsentFile, other: BesideFile | AbsentFile) -> bool:
    """Whether they are one file of an episode, in whatever state."""
    return (one.kind, one.url) == (other.kind, other.url)


def read(folder: Folder, media: str) -> Sidecar | None:
    """The sidecar of a media file; None if there is none that can be read. Raises OSError."""
    try:
        with folder.read(sidecar_name(media)) as file:
            return loads(file.read())
    except (FileNotFoundError, SidecarError):
        return None


def present(folder: Folder, media: str) -> Sidecar | None:
    """As ``read``, and of the files beside the media file only those that are there. Raises OSError."""
    sidecar = read(folder, media)
    if sidecar is None or not sidecar.beside:
        return sidecar
    there = [one for one in beside_of(sidecar, media) if size_of(folder, one.name) == one.size]
    return replace(sidecar, beside=there)


def amend(folder: Folder, media: str, change: Callable[[Sidecar], Sidecar]) -> None:
    """Write the sidecar of a media file anew, if there is one. Raises OSError."""
    if sidecar := read(folder, media):
        put(folder, sidecar_name(media), dumps(change(sidecar)))
        folder.sync()


def publish(folder: Folder, media: str, part: PartFile, told: BesideFile, agent: Agent) -> BesideFile:
    """Give a sealed part a name beside the media file, and tell of it. ``told`` describes it; in place of a name it has
    what the name is to end with. A file that has the bytes of the part is taken for it; any other one stays, whatever
    its name. Raises OSError, also if the media file has no sidecar, and MediaError if no name is free."""
    sidecar = read(folder, media)
    if sidecar is None:
        raise FileNotFoundError(errno.ENOENT, "its sidecar is gone")
    name = free_name(sidecar, media, told, lambda name: folder.found(name) is None or has_bytes(folder, name, part))
    one = replace(told, name=name, size=part.received, sha256=part.sha256)
    put(folder, sidecar_name(media), dumps(with_beside(sidecar, one)))
    if any(is_same(other, told) for other in sidecar.beside):
        # It was told of before, and may have a line.
        correct_manifest(folder, {name: one.sha256})
    else:
        append(folder, MANIFEST, manifest_line(name, one.sha256))
    append_events(folder, Event("captured", str(agent), sidecar.key, name, one.sha256))
    # Last, so that a file that is there lacks nothing.
    if folder.found(name) is None:
        part.publish(lambda give_name: give_name(folder, name))
    folder.sync()
    return one


def with_beside(sidecar: Sidecar, told: BesideFile) -> Sidecar:
    """The sidecar with a file beside its media file that was fetched, in place of what was told of it before."""
    absent = [one for one in sidecar.absent if not is_same(one, told)]
    others = [one for one in sidecar.beside if not is_same(one, told)]
    return replace(sidecar, beside=[*others, told], absent=absent)


def free_name(sidecar: Sidecar, media: str, told: BesideFile, is_free: Callable[[str], bool]) -> str:
    """The name for a file that has none yet. ``is_free``: whether the file may have it, for all that is in the folder.
    Raises MediaError if there is none."""
    taken = {one.name for one in sidecar.beside if not is_same(one, told)}
    for name in candidates(media, told.name, told.language):
        if name not in taken and is_free(name):
            return name
    raise MediaError("file-path", f"No name is free beside {media}.")


def candidates(media: str, ending: str, language: str) -> Iterator[str]:
    """The names that a file beside a media file may have, the usual one first: none that says something else."""
    marks = chain([""], (f".{number}" for number in count(2)))
    spoken = f".{language}" if _LANGUAGE.fullmatch(language) else ""
    begin = stem(media)
    if not _fits(f"{begin}{spoken}.2.{ending}"):
        spoken = ""
    found = (f"{begin}{spoken}{mark}.{ending}" for mark in marks)
    # What ends with the title of an episode may be the name of a sidecar: "Live.mp3" in JSON.
    return (name for name in takewhile(_fits, found) if not is_about(name))


def _fits(name: str) -> bool:
    return len(name.encode()) <= _LONGEST


def has_bytes(folder: Folder, name: str, part: PartFile) -> bool:
    """Whether a file has the bytes of a sealed part. Raises OSError."""
    if size_of(folder, name) != part.received:
        return False
    with folder.read(name) as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == part.sha256


def size_of(folder: Folder, name: str) -> int | None:
    """Bytes of a file; None if there is none."""
    found = folder.found_file(name)
    return found.st_size if found else None
