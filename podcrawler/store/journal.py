"""The files of a podcast's folder that all nodes of an archive add lines to: the manifest, which ``sha256sum -c``
checks, and the events, which tell what became of each media file.

A line is appended in one write, under a lock (flock), so that those of several nodes never mix. Whoever rewrites the
manifest puts another file in its place under the same lock; whoever waited for that lock sees it, and opens the new
one. docs/sidecars.md describes both forms.

Standard library only, as fs.py, because the writer process (writer.py) appends, too. Everything here blocks, and raises
OSError.
"""

import errno
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

from podcrawler.store.fs import FILE_MODE, Folder

MANIFEST = "manifest-sha256.txt"
EVENTS = "events.jsonl"
#: What is put behind the name of a media file for that of its sidecar, and behind a name while its file is written.
SIDECAR_SUFFIX = ".json"
PART_SUFFIX = ".part"
#: How often a file is opened to get the lock of the one that has the name: without a bound a file system whose open
#: files have other inodes than their names would be waited for for ever.
_TRIES = 100
#: Not the file that a symbolic link leads to.
_APPEND = os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Notes(NamedTuple):
    """What is written of one media file, ready to be written."""

    sidecar: bytes
    #: A line of the manifest, and one of the events, each with its end.
    line: bytes
    event: bytes


class Event(NamedTuple):
    """Something that became of an episode's file."""

    #: A word of docs/sidecars.md, such as ``captured``.
    event: str
    #: Who did it (``Agent``).
    agent: str
    #: The key of the episode.
    episode: str
    #: The name of the file in the folder; empty if it is about no single one.
    file: str = ""
    sha256: str | None = None

    def line(self, time: datetime | None = None) -> bytes:
        """As a line of JSON, of this moment unless another ``time`` is given."""
        told = {name: value for name, value in self._asdict().items() if value}
        when = (time or datetime.now(UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        text = json.dumps({"time": when, **told}, ensure_ascii=False)
        return text.encode("utf-8", "backslashreplace") + b"\n"


def append_events(folder: Folder, *events: Event) -> None:
    """Write events down in the folder of their podcast."""
    append(folder, EVENTS, b"".join(event.line() for event in events))


def append(folder: Folder, name: str, lines: bytes) -> None:
    """Append whole lines to a file, which is made if need be: all of them, or none."""
    with _locked(folder, name) as file:
        size = os.fstat(file).st_size
        # A power cut may have left a line without its end.
        begin = b"\n" if size and os.pread(file, 1, size - 1) != b"\n" else b""
        if os.write(file, begin + lines) < len(begin) + len(lines):
            os.ftruncate(file, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)


def manifest_line(name: str, sha256: str) -> bytes:
    """The line of a file, as GNU sha256sum writes and reads it."""
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return os.fsencode(f"{chr(92) * (escaped != name)}{sha256}  {escaped}\n")


def read_manifest(folder: Folder) -> dict[str, str]:
    """The digests of the files in the folder, in hex, by name. The last line of a file counts."""
    try:
        with folder.read(MANIFEST) as file:
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return {}
    return {name: digest for line in lines for name, digest in _read_line(line)}


def correct_manifest(folder: Folder, digests: Mapping[str, str | None]) -> None:
    """Have the manifest tell these digests, by the names of files, in one line each, and nothing of the files whose
    digest is None. A folder without a manifest gets one for a digest alone."""
    wanted = b"".join(manifest_line(name, digest) for name, digest in digests.items() if digest)
    if not wanted and folder.found(MANIFEST) is None:
        return
    with _locked(folder, MANIFEST) as file:
        with open(file, "rb", closefd=False) as content:
            lines = content.read().splitlines(keepends=True)
        others = [line for line in lines if not any(name in digests for name, _ in _read_line(line.rstrip(b"\n")))]
        if others and not others[-1].endswith(b"\n"):
            others[-1] += b"\n"
        # Those that change come last, so that a manifest that is right stays as it is.
        if sorted(corrected := [*others, *wanted.splitlines(keepends=True)]) != sorted(lines):
            put(folder, MANIFEST, b"".join(corrected))


def put(folder: Folder, name: str, content: bytes) -> None:
    """Give a file this content, whole and on the disk before it has its name; in place of another, if there is one. A
    power cut may undo this until ``folder.sync``."""
    part = name + PART_SUFFIX
    with _locked(folder, part) as file:
        try:
            # What a process left that died here.
            os.ftruncate(file, 0)
            with open(file, "wb", closefd=False) as opened:
                opened.write(content)
            os.fsync(file)
            folder.rename(part, name)
        except OSError:
            folder.remove(part)
            raise


def _read_line(line: bytes) -> Iterator[tuple[str, str]]:
    """The name and the digest in a line of a manifest, if it is one."""
    is_escaped = line.startswith(b"\\")
    digest, _, name = line[is_escaped:].partition(b" ")
    if len(digest) == 64 and name[:1] in (b" ", b"*"):
        text = os.fsdecode(name[1:])
        if is_escaped:
            text = "\\".join(part.replace("\\n", "\n").replace("\\r", "\r") for part in text.split("\\\\"))
        yield text, digest.decode("ascii", "replace").lower()


@contextmanager
def _locked(folder: Folder, name: str) -> Iterator[int]:
    """The descriptor of a file to append to, which is made if need be, locked."""
    for tries_left in reversed(range(_TRIES)):
        file = os.open(name, _APPEND, FILE_MODE, dir_fd=folder.fd)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            # Whoever had the lock before may have put another file in its place, or given it another name.
            if folder.has(name, file) or not tries_left:
                yield file
                return
        finally:
            os.close(file)
