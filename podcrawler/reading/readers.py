"""A node's reading processes: which of them reads which document, for how long, and what becomes of one that dies."""

import asyncio
import logging
import os
import pickle
import signal
from collections.abc import AsyncIterator, Awaitable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from scrapy.http import Response
from scrapy.settings import BaseSettings

from podcrawler.config import TransferConfig
from podcrawler.exceptions import EntryError, EpisodeError, ListingError, TransferCancelledError
from podcrawler.reading.messages import HEADER, Broken, Done, Failed, Job, ReadEpisode, packed
from podcrawler.reading.program import Fork, Program

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

#: Documents that are read at once; the others wait for their turn.
_READERS = 2
#: Bytes of memory that a document may take: for each byte of the largest one, and at least. A well-formed feed takes no
#: more than 4, however short its entries are.
_MEMORY_PER_BYTE = 4
_MEMORY = 256 * 1024 * 1024
#: Bytes that the event loop sends, and holds of what it receives, at once.
_PIECE = 256 * 1024


class Readers:
    """The reading processes of one node. For the event loop's thread."""

    def __init__(self, sites: str, parse_time: float, max_size: int) -> None:
        """``sites`` is the folder of the user's sites; a document of up to ``max_size`` bytes may take ``parse_time``
        seconds."""
        self._parse_time = parse_time
        self._program = Program(sites, max(_MEMORY, _MEMORY_PER_BYTE * max_size))
        # Not the loop's own threads: those write to a disk that may hang.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="reading")
        self._turns = asyncio.Semaphore(_READERS)
        self._idle: list[_Reader] = []
        #: Those in the middle of a document, and those whose entries are being taken.
        self._busy: set[_Reader] = set()
        self._taken: set[_Reader] = set()
        self._is_draining = False

    @classmethod
    def from_settings(cls, settings: BaseSettings) -> "Readers":
        parse_time = TransferConfig.read(settings).parse_time
        return cls(settings["PODCRAWLER_SITES"], parse_time, settings.getint("DOWNLOAD_MAXSIZE"))

    async def start(self) -> None:
        """Start the program before the first document comes. Without that, it is started then."""
        # If it cannot be, the first document will say so.
        with suppress(OSError):
            await self._call(self._program.start)

    @asynccontextmanager
    async def reading(self, job: Job, response: Response) -> AsyncIterator["Reading"]:
        """Read a document: the reading with its first answer. Raises EntryError if it cannot be read."""
        async with self._turns:
            reader = await self._take()
            reading = Reading(self, reader, job)
            self._busy.add(reader)
            try:
                await reading.begin(response.body)
            except BaseException:
                await self._put(reader, reading)
                raise
            finally:
                self._busy.discard(reader)
        # What the page lists is taken while others are read.
        self._taken.add(reader)
        try:
            yield reading
        finally:
            self._taken.discard(reader)
            await self._put(reader, reading)

    def drain(self) -> None:
        """Give up what is being read, and read nothing more. What has been read may still be taken."""
        self._is_draining = True
        for reader in self._busy:
            reader.sender.transport.abort()

    def stop(self) -> None:
        """Take nothing more of what has been read, either."""
        self.drain()
        for reader in self._taken:
            reader.sender.transport.abort()

    async def close(self) -> None:
        """End all processes."""
        self.stop()
        for reader in self._idle:
            reader.sender.transport.abort()
        await self._call(self._program.stop)

    async def end(self, reader: "_Reader") -> int:
        """End a process, whatever it does: its status, as ``os.waitpid`` has it."""
        reader.sender.transport.abort()
        if reader.status is None:
            reader.status = int(await self._call(self._program.end, reader.fork))
        return reader.status

    def raise_if_draining(self) -> None:
        """Raises TransferCancelledError if the node drains."""
        if self._is_draining:
            raise TransferCancelledError

    async def _take(self) -> "_Reader":
        """A process that waits for a document."""
        self.raise_if_draining()
        while self._idle:
            reader = self._idle.pop()
            if await reader.stays(self._parse_time):
                return reader
            await self.end(reader)
        try:
            fork = await self._call(self._program.fork)
        except OSError as error:
            # Threads could read it; but then this document, or the next, could stop the node.
            raise EntryError(
                "no-reader",
                f"No process can be started that reads pages ({error}); see whether this machine has memory left, and "
                "how many processes it allows.",
                "local",
            ) from error
        receiver, sender = await asyncio.open_unix_connection(sock=fork.node, limit=_PIECE)
        self.raise_if_draining()
        return _Reader(fork, receiver, sender)

    async def _put(self, reader: "_Reader", reading: "Reading") -> None:
        """Keep a process for the next document, or end it if it is still busy with the last one."""
        if reading.is_over and len(self._idle) < _READERS and not self._is_draining:
            self._idle.append(reader)
        else:
            await asyncio.shield(self.end(reader))

    async def _call(self, function: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    @property
    def parse_time(self) -> float:
        return self._parse_time


class _Reader:
    """One process."""

    def __init__(self, fork: Fork, receiver: asyncio.StreamReader, sender: asyncio.StreamWriter) -> None:
        self.fork = fork
        self.receiver = receiver
        self.sender = sender
        #: How it ended; None before.
        self.status: int | None = None

    async def stays(self, seconds: float) -> bool:
        """Whether the process, which has read a document, reads another one."""
        try:
            async with asyncio.timeout(seconds):
                done = await self.receive()
        except (TimeoutError, EOFError, ConnectionError):
            return False
        return isinstance(done, Done) and done.stays

    async def send(self, value: Any, body: bytes = b"") -> None:
        self.sender.write(packed(value, body))
        for start in range(0, len(body), _PIECE):
            # In pieces, of which no more than one is copied.
            self.sender.write(body[start : start + _PIECE])
            await self.sender.drain()

    async def receive(self) -> Any:
        size, _ = HEADER.unpack(await self.receiver.readexactly(HEADER.size))
        return pickle.loads(await self.receiver.readexactly(size))


class Reading:
    """One document, as a process reads it."""

    def __init__(self, readers: Readers, reader: _Reader, job: Job) -> None:
        self._readers = readers
        self._reader = reader
        self._job = job
        #: The first answer (messages.py).
        self.first: Any = None
        #: Whether the process is done with the document.
        self.is_over = False

    async def begin(self, body: bytes) -> None:
        """Send the document and receive the first answer."""
        self.first = await self._bounded(self._job, body)

    async def ask(self, value: Any) -> Any:
        """Send a message, and receive the next one, as ``receive``."""
        return await self._bounded(value)

    async def tell(self, value: Any) -> None:
        """Send a message that has no answer. Raises EntryError as ``receive``."""
        await self._within(self._reader.send(value))

    async def receive(self) -> Any:
        """The next message. Raises EntryError if the process takes too long, dies, or cannot read the document."""
        return await self._bounded()

    def end(self) -> None:
        """Note that the last message has come."""
        self.is_over = True

    async def _bounded(self, value: Any = None, body: bytes = b"") -> Any:
        answer = await self._within(self._exchanged(value, body))
        if isinstance(answer, Failed):
            self.end()
            kind = EpisodeError if isinstance(self._job, ReadEpisode) else ListingError
            raise kind(answer.kind, answer.sentence, answer.failure_class)
        if isinstance(answer, Broken):
            self.end()
            logger.error("The code that reads %s failed:\n%s", self._job.page.url, answer.traceback)
            raise EntryError("error", f"The code that reads {self._job.page.url} failed: {answer.error}.", "passing")
        return answer

    async def _exchanged(self, value: Any, body: bytes) -> Any:
        if value is not None:
            await self._reader.send(value, body)
        return await self._reader.receive()

    async def _within(self, exchange: Awaitable[_T]) -> _T:
        """The outcome of an exchange with the process, if it comes in time, and before the process ends."""
        seconds = self._readers.parse_time
        try:
            async with asyncio.timeout(seconds):
                return await exchange
        except TimeoutError as error:
            raise ListingError(
                "parse-time",
                f"{self._job.page.url} could not be read within {seconds:g} s; raise PODCRAWLER_PARSE_TIME if it is "
                "that large.",
                "passing",
            ) from error
        except (EOFError, ConnectionError):
            self._readers.raise_if_draining()
            raise await self._death() from None

    async def _death(self) -> EntryError:
        """What became of the process."""
        status = await self._readers.end(self._reader)
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        how = f"was ended by {signal.Signals(number).name}" if number else f"ended with status {status >> 8}"
        return ListingError(
            "unreadable",
            f"The process that read {self._job.page.url} {how} before it could tell what is in it; see whether this "
            "machine has memory left, else tell the authors of podcrawler.",
            "passing",
        )
