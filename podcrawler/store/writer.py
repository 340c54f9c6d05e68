"""A process that writes and publishes small files for a node, many at a time.

In the node itself threads would have to write them, and each of the ten system calls that a file takes would release
Python's lock and wait for it again: that costs more time than all else. So the node (publisher.py) sends jobs to a
child process through a socket. The child knows no more than this module. It tries each file once, in the plainest way,
and answers only whether that worked; what did not work the node does itself, where errors have their sentences.
"""

import math
import os
import signal
import socket
import struct
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from itertools import accumulate, pairwise
from typing import BinaryIO, NamedTuple

from podcrawler import clock
from podcrawler.store.fs import Folder, drop_from_cache, free_bytes, open_folder, set_mtime
from podcrawler.store.journal import EVENTS, MANIFEST, PART_SUFFIX, SIDECAR_SUFFIX, Notes, append

#: A message: the number of jobs, the header of each, the two paths and the notes of each, and the content of each.
_COUNT = struct.Struct("!I")
#: Bytes of the part's path, of the final path, of the three notes and of the content; ``Job.needed``; ``Job.until``;
#: ``Job.mtime``, NaN for None.
_HEADER = struct.Struct("!HHIHHIQdd")
#: What is put behind the final path of a file for that of its sidecar, and of that while it is written.
_SIDECAR, _SIDECAR_PART = os.fsencode(SIDECAR_SUFFIX), os.fsencode(SIDECAR_SUFFIX + PART_SUFFIX)
#: Of a file of which nothing is written down.
NO_NOTES = Notes(b"", b"", b"")
#: How many of those bytes come before the contents.
_TEXTS = 5


class Job(NamedTuple):
    """A file to be written and published."""

    #: Where it is written first: a path that does not exist yet. As bytes, because the node decides how its archive
    #: encodes names.
    part: bytes
    #: Its final path, in the same folder.
    final: bytes
    content: bytes | memoryview
    #: The bytes that must be free on the disk before it is written.
    needed: int
    #: The time (``clock.now``) until which it may be published: that of the lease.
    until: float
    #: What is written beside it.
    notes: Notes = NO_NOTES
    #: As that of a Destination.
    mtime: float | None = None

    @property
    def sidecar_part(self) -> bytes:
        """Where the sidecar is written first."""
        return self.final + _SIDECAR_PART


class _Started(NamedTuple):
    """The descriptors of what is being written of a job."""

    file: int
    #: None if it has no sidecar.
    sidecar: int | None


def message(jobs: Sequence[Job]) -> list[bytes | memoryview]:
    """The jobs as a message to the process, in pieces that follow each other. It answers with a byte for each job: 1 if
    ``write`` returned True for it, else 0."""
    headers = [
        _HEADER.pack(
            len(job.part),
            len(job.final),
            *map(len, job.notes),
            len(job.content),
            job.needed,
            job.until,
            math.nan if job.mtime is None else job.mtime,
        )
        for job in jobs
    ]
    texts = [part for job in jobs for part in (job.part, job.final, *job.notes)]
    # The contents are not joined: a copy of them all would be megabytes.
    return [b"".join((_COUNT.pack(len(jobs)), *headers, *texts)), *(job.content for job in jobs)]


def write(jobs: Sequence[Job]) -> list[bool]:
    """Write and publish the files, with their notes: whether each has its final name, and content, sidecar and names
    survive a power cut. No part is left of one that does not. Blocking."""
    with ExitStack() as stack:
        folders = _opened(jobs, stack)
        # All are started before the first is synced, so that the disk can take them together.
        files = [_start(job, folders) for job in jobs]
        named = [file is not None and _complete(job, folders, file) for job, file in zip(jobs, files, strict=True)]
        published = [job for job, is_named in zip(jobs, named, strict=True) if is_named]
        noted = {path for path in set(map(_folder, published)) if _note(folders[path], _in(path, published))}
    return [is_named and _folder(job) in noted for job, is_named in zip(jobs, named, strict=True)]


def serve(node: socket.socket) -> None:
    """Work for the node until it closes the socket."""
    # The node stops this process by closing the socket, and waits for it until then.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    with node, node.makefile("rb") as messages, suppress(ConnectionError, EOFError):
        while True:
            node.sendall(bytes(write(_read_jobs(messages))))


def _read_jobs(messages: BinaryIO) -> list[Job]:
    """The jobs of the next message. EOFError if the socket closes before its end."""
    (count,) = _COUNT.unpack(_read_exactly(messages, _COUNT.size))
    headers = list(_HEADER.iter_unpack(_read_exactly(messages, count * _HEADER.size)))
    texts = _read_exactly(messages, sum(sum(header[:_TEXTS]) for header in headers))
    # In one call: with many small ones the two processes would wait for each other.
    contents = memoryview(_read_exactly(messages, sum(header[_TEXTS] for header in headers)))
    jobs = []
    end = 0
    for *sizes, size, needed, until, mtime in headers:
        ends = list(accumulate(sizes, initial=end))
        part, final, *notes = (texts[start:stop] for start, stop in pairwise(ends))
        jobs.append(
            Job(part, final, contents[:size], needed, until, Notes(*notes), None if math.isnan(mtime) else mtime)
        )
        end, contents = ends[-1], contents[size:]
    return jobs


def _read_exactly(messages: BinaryIO, size: int) -> bytes:
    content = messages.read(size)
    if len(content) < size:
        raise EOFError
    return content


def _folder(job: Job) -> bytes:
    return os.path.dirname(job.part)


def _opened(jobs: Sequence[Job], stack: ExitStack) -> dict[bytes, Folder]:
    """The folders of the jobs, as far as they can be had; they are closed with ``stack``."""
    folders = {}
    for path in {_folder(job) for job in jobs}:
        with suppress(OSError):
            folders[path] = stack.enter_context(open_folder(path, create=True))
    return folders


def _in(path: bytes, jobs: Sequence[Job]) -> list[Job]:
    """The jobs whose files are in the folder."""
    return [job for job in jobs if _folder(job) == path]


def _start(job: Job, folders: Mapping[bytes, Folder]) -> _Started | None:
    """What is being written; writing it back has begun. None if that is not possible."""
    if (folder := folders.get(_folder(job))) is None:
        return None
    file = _begin(folder, job.part, job.content, job.needed)
    if file is None or not job.notes.sidecar:
        return None if file is None else _Started(file, None)
    sidecar = _begin(folder, job.sidecar_part, job.notes.sidecar, job.needed)
    if sidecar is None:
        _remove(folder, job.part, file)
        return None
    return _Started(file, sidecar)


def _begin(folder: Folder, path: bytes, content: bytes | memoryview, needed: int) -> int | None:
    """The descriptor of a new file with this content. None if that is not possible; then nothing is left of it."""
    part = os.path.basename(path)
    try:
        file = folder.new_file(part)
    except OSError:
        return None
    try:
        if free_bytes(file) >= needed:
            with open(file, "wb", closefd=False) as opened:
                opened.write(content)
            drop_from_cache(file, len(content))
            return file
    except OSError:
        pass
    _remove(folder, path, file)
    return None


def _complete(job: Job, folders: Mapping[bytes, Folder], started: _Started) -> bool:
    """Bring the part and that of the sidecar to the disk, and give the former its final name. Closes both."""
    folder, part = folders[_folder(job)], os.path.basename(job.part)
    file, sidecar = started
    is_named = False
    try:
        set_mtime(file, job.mtime)
        os.fsync(file)
        if sidecar is not None:
            os.fsync(sidecar)
        if os.fstat(file).st_size == len(job.content) and clock.now() < job.until:
            folder.link(part, file, folder, os.path.basename(job.final))
            is_named = True
    except OSError:
        pass
    _remove(folder, job.part, file)
    if sidecar is not None:
        if is_named:
            os.close(sidecar)
        else:
            _remove(folder, job.sidecar_part, sidecar)
    return is_named


def _note(folder: Folder, jobs: Sequence[Job]) -> bool:
    """Write the notes of files that have their names, their sidecars last; whether all of that and the names are on the
    disk now."""
    try:
        for name, lines in ((MANIFEST, [job.notes.line for job in jobs]), (EVENTS, [job.notes.event for job in jobs])):
            if any(lines):
                append(folder, name, b"".join(lines))
        for job in jobs:
            if job.notes.sidecar:
                folder.rename(os.path.basename(job.sidecar_part), os.path.basename(job.final) + _SIDECAR)
        folder.sync()
        return True
    except OSError:
        for job in jobs:
            if job.notes.sidecar:
                with suppress(OSError):
                    folder.remove(os.path.basename(job.sidecar_part))
        return False


def _remove(folder: Folder, path: bytes, file: int) -> None:
    with suppress(OSError):
        folder.remove(os.path.basename(path))
    os.close(file)
