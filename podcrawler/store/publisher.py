"""Gives complete files their names, off the event loop: small ones in a process that writes many at a time (writer.py),
and what is large, or has more to be seen to, in threads."""

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
from podcrawler.store.base import Store
from podcrawler.store.part import PartFile
from podcrawler.store.writer import Job, message

logger = logging.getLogger(__name__)

#: Bytes up to which a file is small: of a larger one the copying costs more than the threads.
SMALL = 256 * 1024
#: Files that are sent to the writer at once, at most.
_MOST_JOBS = 32
#: Seconds that the writer may take for what it was sent, and to end: far more than a disk that works.
_PATIENCE = 60.0
#: How often in a row the writer may fail before it is not started any more.
_MOST_FAILURES = 3
#: What the writer runs, with where podcrawler is as its argument; its socket is its standard input.
_PROGRAM = """
import socket, sys
sys.path.append(sys.argv[1])
from podcrawler.store.writer import serve
serve(socket.socket(fileno=0))
"""


class Publisher:
    """What one node publishes in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._writer = Writer()

    async def publish(
        self, part: PartFile, podcast_id: str, name: str, held_until: Callable[[], float]
    ) -> tuple[str, int] | None:
        """Publish a complete part under ``name`` (made by naming.file_name): its path relative to the store, and its
        size in bytes, once the name outlasts a power cut. None if ``held_until`` (a time of ``clock.now``) was over by
        then; then, and if this raises, the part stays this node's. Raises MediaError."""
        if is_small(part) and (place := self._store.reserve_path(podcast_id, name)):
            job = Job(os.fsencode(part.location), os.fsencode(place), part.buffered, part.room_needed, held_until())
            if await self._writer.write(job):
                part.note_published()
                return f"{podcast_id}/{name}", part.received
        return await asyncio.to_thread(self._publish, part, podcast_id, name, held_until)

    async def close(self) -> None:
        """Let the writer end."""
        await self._writer.close()

    def _publish(
        self, part: PartFile, podcast_id: str, name: str, held_until: Callable[[], float]
    ) -> tuple[str, int] | None:
        part.seal()
        if clock.now() >= held_until():
            return None
        adopted = part.hand_over(lambda: self._store.publish(part, podcast_id, name))
        self._store.sync(podcast_id)
        return adopted


def is_small(part: PartFile) -> bool:
    """Whether all of the part is in memory, and not much."""
    return part.is_buffered and part.received <= SMALL


class _Process(NamedTuple):
    process: "subprocess.Popen[bytes]"
    answers: asyncio.StreamReader
    jobs: asyncio.StreamWriter


class Writer:
    """The writer's process, which is started with its first file, and anew if it was killed."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Job, asyncio.Future[bool]]] = []
        self._sender: asyncio.Task[None] | None = None
        self._process: _Process | None = None
        self._failures = 0

    async def write(self, job: Job) -> bool:
        """Whether the file is published for good. One that is not may be there all the same: the process may have been
        killed before it could tell."""
        told: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, told))
        if self._sender is None:
            self._sender = asyncio.get_running_loop().create_task(self._send())
        return await told

    async def close(self) -> None:
        """Let the process end, and wait for that."""
        if self._sender:
            await self._sender
        if self._process:
            await _end(self._process)

    async def _send(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_MOST_JOBS], self._waiting[_MOST_JOBS:]
            outcomes = await self._ask([job for job, _ in batch])
            for (_, told), outcome in zip(batch, outcomes, strict=True):
                if not told.done():
                    told.set_result(outcome)
        self._sender = None

    async def _ask(self, jobs: Sequence[Job]) -> Sequence[bool]:
        """What became of the files; of none anything, if the process cannot be had."""
        if self._failures < _MOST_FAILURES:
            try:
                if self._process is None:
                    self._process = await _start()
                self._process.jobs.writelines(message(jobs))
                async with asyncio.timeout(_PATIENCE):
                    answer = await self._process.answers.readexactly(len(jobs))
            # Whatever it is, nobody may be left waiting for an answer.
            except Exception as error:
                self._failures += 1
                await self._give_up(error, jobs)
            else:
                self._failures = 0
                return [bool(outcome) for outcome in answer]
        return [False] * len(jobs)

    async def _give_up(self, error: Exception, jobs: Sequence[Job]) -> None:
        """Have threads do what the process did not, which is of no use any more."""
        why = str(error)
        if self._process:
            process, self._process = self._process, None
            process.process.kill()
            why = f"it ended with status {await _end(process)}"
        logger.warning("Threads write the small files, because the process for that cannot be had: %s.", why)
        await asyncio.to_thread(_clear, jobs)


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
    # A folder, or one of scrapyd's eggs.
    root = Path(podcrawler.__file__).parent.parent
    command = [sys.executable, "-I", "-S", "-c", _PROGRAM, str(root)]
    # In a session of its own, so that Ctrl-C does not end it before the node.
    return subprocess.Popen(command, stdin=theirs.fileno(), start_new_session=True)


async def _end(process: _Process) -> int:
    """Let the process end; its exit status."""
    process.jobs.close()
    return await asyncio.to_thread(_wait, process.process)


def _wait(process: "subprocess.Popen[bytes]") -> int:
    try:
        return process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _clear(jobs: Sequence[Job]) -> None:
    """Remove the parts that a killed process left: they would be in the way of those that threads write."""
    for job in jobs:
        with suppress(OSError):
            os.unlink(job.part)  # noqa: PTH108  # bytes, as the process had them
