"""Publishes complete parts off the event loop: small ones in a process that writes many at a time (writer.py), large
ones, and those that need more than a link, in threads."""

import asyncio
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import podcrawler
from podcrawler import clock
from podcrawler.batching import Batcher
from podcrawler.store.base import Published, Store
from podcrawler.store.description import Description
from podcrawler.store.fs import open_folder
from podcrawler.store.names import Destination
from podcrawler.store.part import PartFile
from podcrawler.store.writer import NO_NOTES, Job, message

logger = logging.getLogger(__name__)

#: Bytes up to which a file is small: above, sending a copy to the writer costs more than a thread.
SMALL = 256 * 1024
#: The most files in one message to the writer.
_MAX_JOBS = 32
#: Seconds that the writer may take for one message, and to end: far more than a disk that works.
_TIMEOUT = 60.0
#: Failures of the writer in a row after which it is not started any more.
_MAX_FAILURES = 3
#: What the writer runs, with the folder that podcrawler is in as its argument. Its socket is its standard input.
_PROGRAM = """
import socket, sys
sys.path.append(sys.argv[1])
from podcrawler.store.writer import serve
serve(socket.socket(fileno=0))
"""


class Publisher:
    """What one node publishes in a store."""

    def __init__(self, store: Store, *, timeout: float = _TIMEOUT) -> None:
        """``timeout``: seconds that the writer process may take for one message, and to end."""
        self._store = store
        self._writer = Writer(timeout)

    async def publish(
        self,
        part: PartFile,
        destination: Destination,
        held_until: Callable[[], float],
        description: Description | None = None,
    ) -> Published | None:
        """Publish a complete part, and what ``description`` tells of it; returns when all of that survives a power cut.
        None if ``held_until`` (a time of ``clock.now``) was over by then: the part stays with this node, as it does if
        this raises. Raises MediaError."""
        if is_small(part) and (final := self._store.reserve_path(destination)):
            published = Published(destination.path, part.received, sha256 := part.sha256)
            content = part.content().read()
            notes = description.notes(final.name, part.received, sha256) if description else NO_NOTES
            part_path, final_path = os.fsencode(part.path), os.fsencode(final)
            job = Job(part_path, final_path, content, part.space_needed, held_until(), notes, destination.mtime)
            if await self._writer.write(job):
                await part.discard()
                return published
        return await asyncio.to_thread(
            self._store.publish, part, destination, lambda: clock.now() < held_until(), description
        )

    async def close(self) -> None:
        """Wait for what is being written, and end the writer."""
        await self._writer.close()


def is_small(part: PartFile) -> bool:
    """Whether all of the part is in memory, and not much."""
    return part.is_buffered and part.received <= SMALL


class _Process(NamedTuple):
    process: "subprocess.Popen[bytes]"
    answers: asyncio.StreamReader
    jobs: asyncio.StreamWriter


class Writer:
    """The writer process, which is started with its first file, and again after it was killed."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._batcher = Batcher(self._ask, max_size=_MAX_JOBS)
        self._process: _Process | None = None
        self._failures = 0

    async def write(self, job: Job) -> bool:
        """Whether the file is published for good. If not, it may be there all the same: the process may have been
        killed before it answered."""
        return await self._batcher.submit(job)

    async def close(self) -> None:
        """Wait for the jobs under way, and for the process to end."""
        await self._batcher.drain()
        if self._process:
            await self._end(self._process)

    async def _ask(self, jobs: Sequence[Job]) -> Sequence[bool]:
        """Whether each file was published; none was if there is no process."""
        if self._failures < _MAX_FAILURES:
            try:
                if self._process is None:
                    self._process = await _start()
                self._process.jobs.writelines(message(jobs))
                async with asyncio.timeout(self._timeout):
                    answer = await self._process.answers.readexactly(len(jobs))
            # Whatever it is, threads can do the work.
            except Exception as error:
                self._failures += 1
                await self._give_up(error, jobs)
            else:
                self._failures = 0
                return [bool(outcome) for outcome in answer]
        return [False] * len(jobs)

    async def _give_up(self, error: Exception, jobs: Sequence[Job]) -> None:
        """End a process that failed, and make way for the threads."""
        reason = str(error)
        if self._process:
            process, self._process = self._process, None
            process.process.kill()
            reason = f"it ended with status {await self._end(process)}"
        logger.warning("Threads write the small files, because the process for that cannot be had: %s.", reason)
        await asyncio.to_thread(_remove_parts, jobs)

    async def _end(self, process: _Process) -> int:
        """Let the process end; its exit status."""
        process.jobs.close()
        return await asyncio.to_thread(self._wait, process.process)

    def _wait(self, process: "subprocess.Popen[bytes]") -> int:
        try:
            return process.wait(self._timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


async def _start() -> _Process:
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            process = await asyncio.to_thread(_run, theirs)
        answers, jobs = await asyncio.open_unix_connection(sock=ours)
    except BaseException:
        ours.close()
        raise
    return _Process(process, answers, jobs)


def _run(theirs: socket.socket) -> "subprocess.Popen[bytes]":
    # A folder, or an egg of scrapyd.
    root = Path(podcrawler.__file__).parent.parent
    command = [sys.executable, "-I", "-S", "-c", _PROGRAM, str(root)]
    # In a session of its own, so that Ctrl-C does not end it before the node.
    return subprocess.Popen(command, stdin=theirs.fileno(), start_new_session=True)


def _remove_parts(jobs: Sequence[Job]) -> None:
    """Remove the parts that a killed process left: threads create their own at the same paths."""
    for job in jobs:
        for path in (job.part, job.sidecar_part):
            folder, name = os.path.split(path)
            with suppress(OSError), open_folder(folder) as opened:
                opened.remove(name)
