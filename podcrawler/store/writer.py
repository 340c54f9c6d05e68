"""A process that brings small files to the disk for a node, many at a time.

In the node itself they would have to be written by threads, and each of the ten calls of the system that a file takes
would let go of Python's lock and wait for it again: that costs more time than all else. So the node (publishing.py)
sends what it has to a child through a socket. The child knows no more than this module, tries each file once in the
plainest way, and only says whether that worked: for what did not, the node has the long way, which has a sentence for
everything.
"""

import os
import pickle
import signal
import socket
import struct
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import BinaryIO, NamedTuple

from podcrawler import clock
from podcrawler.store.fs import drop_from_memory, free_bytes, link, new_file, sync_folder

#: What a message begins with: how many bytes its head has, and how many all contents.
_LENGTHS = struct.Struct("!II")


class Job(NamedTuple):
    """A file to be written and published."""

    #: Where it is written first: a path that does not exist yet. As bytes, because the node decides how its archive
    #: encodes names.
    part: bytes
    #: Its name when it is complete.
    final: bytes
    content: bytes | memoryview
    #: The bytes that must be free on the disk before it is written.
    needed: int
    #: The time (``clock.now``) until which it may get its name: that of the lease.
    until: float


def message(jobs: Sequence[Job]) -> list[bytes | memoryview]:
    """The jobs as they go to the process, in pieces that follow each other. It answers with a byte for each job: 1 if
    ``write`` says so, else 0."""
    # The contents go as they are: a copy of many would be megabytes.
    contents = [job.content for job in jobs]
    head = pickle.dumps([(job.part, job.final, len(job.content), job.needed, job.until) for job in jobs])
    return [_LENGTHS.pack(len(head), sum(map(len, contents))), head, *contents]


def write(jobs: Sequence[Job]) -> list[bool]:
    """Write and publish the files: whether each has its name, and its content and name outlast a power cut. Of one that
    does not there is no part. Blocking."""
    # All are begun before one is waited for, so that the disk can take them together.
    files = [_begin(job) for job in jobs]
    named = [file is not None and _complete(job, file) for job, file in zip(jobs, files, strict=True)]
    folders = {os.path.dirname(job.final) for job, is_named in zip(jobs, named, strict=True) if is_named}
    lasting = _synced(folders)
    return [is_named and os.path.dirname(job.final) in lasting for job, is_named in zip(jobs, named, strict=True)]


def serve(node: socket.socket) -> None:
    """Do what the node sends, until it ends."""
    # The node decides when this process ends, and until then waits for it.
    for told in (signal.SIGTERM, signal.SIGINT):
        signal.signal(told, signal.SIG_IGN)
    with node, node.makefile("rb") as messages, suppress(ConnectionError, EOFError):
        while True:
            node.sendall(bytes(write(_jobs(messages))))


def _jobs(messages: BinaryIO) -> list[Job]:
    """The jobs of the next message. Raises EOFError if it is not there as a whole."""
    of_head, of_contents = _LENGTHS.unpack(_exactly(messages, _LENGTHS.size))
    # Nobody but the node can write to its socket.
    head = pickle.loads(_exactly(messages, of_head))
    # In one call: many small ones would have the two processes wait for each other.
    contents = memoryview(_exactly(messages, of_contents))
    jobs = []
    for part, final, size, needed, until in head:
        jobs.append(Job(part, final, contents[:size], needed, until))
        contents = contents[size:]
    return jobs


def _exactly(messages: BinaryIO, size: int) -> bytes:
    content = messages.read(size)
    if len(content) < size:
        raise EOFError
    return content


def _begin(job: Job) -> int | None:
    """The descriptor of the part, with all of the content, which is on its way to the disk; None if that cannot be."""
    try:
        file = new_file(job.part)
    except OSError:
        return None
    try:
        if free_bytes(file) >= job.needed:
            with open(file, "wb", closefd=False) as content:
                content.write(job.content)
            drop_from_memory(file, len(job.content))
            return file
    except OSError:
        pass
    _remove(job, file)
    return None


def _complete(job: Job, file: int) -> bool:
    """Bring the part to the disk, and give it its name. Closes it."""
    try:
        os.fsync(file)
        if os.fstat(file).st_size == len(job.content) and clock.now() < job.until:
            link(job.part, job.final)
            return True
        return False
    except OSError:
        return False
    finally:
        _remove(job, file)


def _remove(job: Job, file: int) -> None:
    with suppress(OSError):
        os.unlink(job.part)
    os.close(file)


def _synced(folders: Iterable[bytes]) -> set[bytes]:
    """Those of the folders whose names are on the disk now."""
    settled = set()
    for folder in folders:
        with suppress(OSError):
            sync_folder(folder)
            settled.add(folder)
    return settled
