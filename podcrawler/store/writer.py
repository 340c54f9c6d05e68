"""A process that writes and publishes small files for a node, many at a time.

In the node itself threads would have to write them, and each of the ten system calls that a file takes would release
Python's lock and wait for it again: that costs more time than all else. So the node (publisher.py) sends jobs to a
child process through a socket. The child knows no more than this module. It tries each file once, in the plainest way,
and answers only whether that worked; what did not work the node does itself, where errors have their sentences.
"""

import os
import signal
import socket
import struct
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import BinaryIO, NamedTuple

from podcrawler import clock
from podcrawler.store.fs import Folder, drop_from_cache, free_bytes, open_folder

#: A message: the number of jobs, the header of each, the two paths of each, and the content of each.
_COUNT = struct.Struct("!I")
#: Bytes of the part's path, of the final path and of the content; ``Job.needed``; ``Job.until``.
_HEADER = struct.Struct("!HHIQd")


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


def message(jobs: Sequence[Job]) -> list[bytes | memoryview]:
    """The jobs as a message to the process, in pieces that follow each other. It answers with a byte for each job: 1 if
    ``write`` returned True for it, else 0."""
    headers = [_HEADER.pack(len(job.part), len(job.final), len(job.content), job.needed, job.until) for job in jobs]
    paths = [job.part + job.final for job in jobs]
    # The contents are not joined: a copy of them all would be megabytes.
    return [b"".join((_COUNT.pack(len(jobs)), *headers, *paths)), *(job.content for job in jobs)]


def write(jobs: Sequence[Job]) -> list[bool]:
    """Write and publish the files: whether each has its final name, and content and name survive a power cut. No part
    is left of one that does not. Blocking."""
    with ExitStack() as stack:
        folders = _opened(jobs, stack)
        # All are started before the first is synced, so that the disk can take them together.
        files = [_start(job, folders) for job in jobs]
        named = [file is not None and _complete(job, folders, file) for job, file in zip(jobs, files, strict=True)]
        synced = _sync({_folder(job): folders[_folder(job)] for job, done in zip(jobs, named, strict=True) if done})
    return [done and _folder(job) in synced for job, done in zip(jobs, named, strict=True)]


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
    paths = _read_exactly(messages, sum(part + final for part, final, *_ in headers))
    # In one call: with many small ones the two processes would wait for each other.
    contents = memoryview(_read_exactly(messages, sum(size for _, _, size, *_ in headers)))
    jobs = []
    for part, final, size, needed, until in headers:
        jobs.append(Job(paths[:part], paths[part : part + final], contents[:size], needed, until))
        paths, contents = paths[part + final :], contents[size:]
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


def _start(job: Job, folders: Mapping[bytes, Folder]) -> int | None:
    """The descriptor of the part, which has the content; writing it back has begun. None if that is not possible."""
    if (folder := folders.get(_folder(job))) is None:
        return None
    part = os.path.basename(job.part)
    try:
        file = folder.new_file(part)
    except OSError:
        return None
    try:
        if free_bytes(file) >= job.needed:
            with open(file, "wb", closefd=False) as content:
                content.write(job.content)
            drop_from_cache(file, len(job.content))
            return file
    except OSError:
        pass
    _remove(folder, part, file)
    return None


def _complete(job: Job, folders: Mapping[bytes, Folder], file: int) -> bool:
    """Bring the part to the disk, and give it its final name. Closes it."""
    folder, part = folders[_folder(job)], os.path.basename(job.part)
    try:
        os.fsync(file)
        if os.fstat(file).st_size == len(job.content) and clock.now() < job.until:
            folder.link(part, file, folder, os.path.basename(job.final))
            return True
        return False
    except OSError:
        return False
    finally:
        _remove(folder, part, file)


def _remove(folder: Folder, part: bytes, file: int) -> None:
    with suppress(OSError):
        folder.remove(part)
    os.close(file)


def _sync(folders: Mapping[bytes, Folder]) -> set[bytes]:
    """The folders whose names are on the disk now."""
    synced = set()
    for path, folder in folders.items():
        with suppress(OSError):
            folder.sync()
            synced.add(path)
    return synced
