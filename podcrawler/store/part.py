"""A transfer in flight: the ``.part`` file that one response is streamed into, locked as long as its node lives.

The lock (flock) is what tells a transfer from the leavings of a dead node: the kernel lets go of it with the process.
A memo (memo.py) is only ever written about bytes that are in the part already, and is gone, on the disk too, before
bytes of another version come.
"""

import asyncio
import hashlib
import io
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from podcrawler.exceptions import MediaError
from podcrawler.store.checkpoint import Checkpoint, remove_checkpoint
from podcrawler.store.fs import append, batches, drop_from_memory, new_file, sync_folder
from podcrawler.store.fs_errors import disk_error
from podcrawler.store.validators import Validator

_T = TypeVar("_T")

#: Bytes from which on a part has a memo and is kept, or is worth another transfer; fewer are sooner fetched again.
_WORTH_KEEPING = 1024 * 1024
#: Bytes between two times that a growing part is brought to the disk, which bounds what a power cut takes.
_SYNC_EVERY = 16 * 1024 * 1024
#: Bytes between two looks at the room on the disk.
_CHECK_ROOM_EVERY = 16 * 1024 * 1024

#: Threads of their own for fsync, which may take seconds, so that it never keeps a write waiting.
_SYNCERS = ThreadPoolExecutor(2, thread_name_prefix="fsync")


class Allowance(Protocol):
    """What a part may take of the disk."""

    def needed(self, part: "PartFile") -> int:
        """The bytes that must be free on the disk for what is in memory of the part, and for what is still to come."""

    def check(self, part: "PartFile") -> None:
        """Raise MediaError if they are not. Blocking."""


class PartFile:
    """A file that is made with its first byte, and locked from then on until ``close``, ``suspend`` or ``discard``.

    ``resume``, ``content``, ``seal``, ``hand_over`` and ``unlink`` block: call them in a thread. They raise MediaError
    (``disk-full``, ``disk-error``). All other methods are for the event loop's thread, and keep file operations out of
    it.
    """

    def __init__(self, path: str | Path, enclosure: str = "", *, file: int | None = None) -> None:
        """``path`` must not exist, unless ``file`` is its locked descriptor; the folder is made if need be, but not the
        one that it is in. ``enclosure`` is ``version.resource`` of what is fetched."""
        #: As text: see disk.file_in.
        self.location = os.fspath(path)
        #: Bytes in the file, or held for it.
        self.received = 0
        self._found = 0
        #: Bytes of the whole that the server announced; None if it did not.
        self.expected: int | None = None
        #: Which version the bytes are of; None if no later transfer could tell.
        self.validator: Validator | None = None
        #: Whether the whole body came; what came is in the file then.
        self.complete = False
        #: Whether it was announced how long the body would be, and it was that long.
        self.verified = False
        self.cancelled = False
        #: Whether a complete file was found in its place when it was to be published.
        self.superseded = False
        #: Whether the file is read again as soon as it is complete, and shall stay in memory as long as that can be.
        self.is_read_again = False
        #: Asked before the first bytes are written, and now and then as the file grows; None if the disk is boundless.
        self.room: Allowance | None = None
        self._check_room_at = 0
        self._buffer: list[bytes] = []
        self._enclosure = enclosure
        self._hash = hashlib.sha256()
        self._on_cancel: list[Callable[[], object]] = []
        # A cancelled task leaves its thread running: the descriptor must not be closed under a write, because its
        # number may then already mean another file.
        self._in_use = threading.Lock()
        self._closed = False
        self._has_checkpoint = False
        self._sync_at = _SYNC_EVERY
        self._syncing: Future[None] | None = None
        self._refusal: OSError | None = None
        self._file = file

    @classmethod
    def resume(cls, path: Path, file: int, memo: Checkpoint, size: int) -> "PartFile":
        """The part of an earlier transfer, with the first ``size`` bytes of ``file``, a locked descriptor."""
        part = cls(path, memo.enclosure, file=file)
        part.received = part._found = size
        part.expected = memo.version.size
        part.validator = memo.version
        part._sync_at = size + _SYNC_EVERY
        try:
            os.ftruncate(file, size)
            os.lseek(file, 0, os.SEEK_SET)
            with open(file, "rb", closefd=False) as content:
                part._hash = hashlib.file_digest(content, "sha256")
            os.lseek(file, 0, os.SEEK_END)
            part._note(synced=min(memo.synced, size))
        except OSError as error:
            os.close(file)
            raise disk_error(path, error) from error
        return part

    @property
    def path(self) -> Path:
        return Path(self.location)

    @property
    def sha256(self) -> str:
        """Of all bytes in the file, in hex digits."""
        return self._hash.hexdigest()

    @property
    def is_resumed(self) -> bool:
        """Whether an earlier transfer left some of it."""
        return self._found > 0

    @property
    def is_buffered(self) -> bool:
        """Whether nothing of it is on the disk yet: it is small."""
        return self._file is None

    @property
    def made_progress(self) -> bool:
        """Whether the next transfer has more to go on from than this one had."""
        return self.validator is not None and self.received >= self._found + _WORTH_KEEPING

    def range_headers(self, url: str) -> dict[str, str]:
        """The headers that ask ``url`` for what is missing; none if the transfer has to start afresh."""
        return self.validator.range_headers(url, self.received) if self.validator and self.received else {}

    def invalidate(self) -> None:
        """Never go on with what is there: it is to be replaced, or it was refused."""
        self.validator = None

    async def begin(self, validator: Validator | None, expected: int | None) -> None:
        """Make ready for the first byte of a body of ``expected`` bytes: what is there goes. Raises MediaError."""
        if self.received or self._has_checkpoint:
            await asyncio.to_thread(self._begin)
        self.validator = validator
        self.expected = expected
        self.complete = self.verified = False

    async def write(self, chunks: Iterable[bytes]) -> None:
        """Append the chunks, which are made in the writing thread if ``chunks`` makes them. Raises MediaError
        (``disk-full``, ``disk-error``)."""
        await asyncio.to_thread(self._write, chunks)

    def buffer(self, chunks: Sequence[bytes]) -> None:
        """Append the chunks, which stay in memory until the file is used next: a small file needs no thread of its own
        for its bytes."""
        self._buffer += chunks
        self.received += sum(map(len, chunks))

    @property
    def room_needed(self) -> int:
        """The bytes that must be free before what is in memory is written."""
        return self.room.needed(self) if self.room else 0

    @property
    def buffered(self) -> bytes:
        """What is in memory."""
        return b"".join(self._buffer)

    def note_published(self) -> None:
        """What was held is a file of the archive by now, which another process wrote: there is nothing left to do."""
        for piece in self._buffer:
            self._hash.update(piece)
        self._buffer.clear()
        self._closed = True

    async def close(self) -> None:
        """Let go of the file, which stays. Does nothing the second time."""
        await asyncio.to_thread(self._close)

    async def suspend(self) -> None:
        """Let go of the file. It stays if a later transfer can go on with it and it is worth that, else it goes. Does
        nothing after another way of letting go."""
        if not self._closed:
            await asyncio.to_thread(self._suspend)

    async def discard(self) -> None:
        """Remove the file and let go of it."""
        await asyncio.to_thread(self._discard)

    def cancel(self) -> None:
        """Have the transfer end at once, for the handler to raise TransferCancelledError. The file stays as it is."""
        self.cancelled = True
        for callback in self._on_cancel:
            callback()

    @contextmanager
    def on_cancel(self, callback: Callable[[], object]) -> Iterator[None]:
        """Call ``callback`` on ``cancel`` within the block; now, if that already happened."""
        self._on_cancel.append(callback)
        try:
            if self.cancelled:
                callback()
            yield
        finally:
            # It leads to the transfer's task, which leads back to the part: only the garbage collector could free them.
            self._on_cancel.remove(callback)

    def _begin(self) -> None:
        with self._in_use:
            self._refuse_closed()
            self._buffer.clear()
            try:
                if self._has_checkpoint:
                    remove_checkpoint(self.location)
                    sync_folder(self.path.parent)
                    self._has_checkpoint = False
                if self._file is not None:
                    os.ftruncate(self._file, 0)
                    os.lseek(self._file, 0, os.SEEK_SET)
            except OSError as error:
                raise disk_error(self.path, error) from error
            self.validator = None
            self.received = 0
            self._hash = hashlib.sha256()
            self._sync_at = _SYNC_EVERY
            self._check_room_at = 0

    def _write(self, chunks: Iterable[bytes]) -> None:
        with self._in_use:
            file = self._flush()
            self._append_all(file, chunks)
            if self.validator and self.received >= _WORTH_KEEPING and not self._has_checkpoint:
                with suppress(OSError):
                    self._note(synced=0)
            if self.received >= self._sync_at and (self._syncing is None or self._syncing.done()):
                self._sync_at = self.received + _SYNC_EVERY
                self._syncing = _SYNCERS.submit(self._sync, os.dup(file), self.validator, self.received)

    def content(self) -> BinaryIO:
        """What there is so far, for reading; of a small file, it may all be in memory still."""
        with self._in_use:
            if self._file is None:
                return io.BytesIO(b"".join(self._buffer))
            self._flush()
        try:
            return open(self.location, "rb")  # noqa: PTH123
        except OSError as error:
            raise disk_error(self.path, error) from error

    def _flush(self) -> int:
        """Have all bytes in the file, whose descriptor this is."""
        self._refuse_closed()
        if self._file is None:
            try:
                self._file = new_file(self.location)
            except OSError as error:
                raise disk_error(self.path, error) from error
        held, self._buffer = self._buffer, []
        self.received -= sum(map(len, held))
        self._append_all(self._file, held)
        return self._file

    def _append_all(self, file: int, chunks: Iterable[bytes]) -> None:
        for batch in batches(chunks):
            if self.received >= self._check_room_at:
                self._check_room_at = self.received + _CHECK_ROOM_EVERY
                if self.room:
                    self.room.check(self)
            try:
                self._append(file, batch)
            except OSError as error:
                raise disk_error(self.path, error) from error

    def _append(self, file: int, batch: list[bytes]) -> None:
        for size in append(file, batch):
            self.received += size
        for piece in batch:
            self._hash.update(piece)

    def _sync(self, file: int, validator: Validator | None, size: int) -> None:
        """Bring ``size`` bytes to the disk while more are written, and note that. Closes ``file``."""
        try:
            os.fsync(file)
            self._drop(file, size)
        except OSError as error:
            # The disk tells this once: seal() would not hear of it.
            self._refusal = error
            return
        finally:
            os.close(file)
        with self._in_use, suppress(OSError):
            if validator and validator is self.validator and not self._closed:
                self._note(synced=size)

    def _drop(self, file: int, size: int) -> None:
        if not self.is_read_again:
            drop_from_memory(file, size)

    def seal(self) -> None:
        """Bring every byte to the disk (fsync), and see that all are there."""
        if self._syncing:
            # It would note something about a file that has another name by then.
            self._syncing.result()
        with self._in_use:
            file = self._flush()
            try:
                os.fsync(file)
                if self._refusal:
                    raise self._refusal
                found = os.fstat(file).st_size
                if self.received >= _SYNC_EVERY:
                    self._drop(file, self.received)
            except OSError as error:
                raise disk_error(self.path, error) from error
        if found != self.received:
            raise MediaError(
                "disk-error",
                f"{self.path} has {found} bytes, but {self.received} were written; check the disk and whether another "
                "program writes there, try again later.",
                "local",
            )

    def hand_over(self, take: Callable[[], _T]) -> _T:
        """Have ``take`` move the file, and let go of it. If ``take`` raises, so does this, and this node keeps the
        part."""
        taken = take()
        self._close()
        return taken

    def unlink(self) -> None:
        """Take away the file's name, and what is noted about it: no transfer goes on with it from then on."""
        try:
            if self._has_checkpoint:
                remove_checkpoint(self.location)
            if self._file is not None:
                with suppress(FileNotFoundError):
                    os.unlink(self.location)  # noqa: PTH108
        except OSError as error:
            raise disk_error(self.path, error) from error
        self.validator = None

    def _close(self) -> None:
        with self._in_use:
            was_closed, self._closed = self._closed, True
        if not was_closed:
            self._let_go()

    def _let_go(self) -> None:
        if self._file is not None:
            os.close(self._file)
        if self._syncing:
            # It holds the lock on the file, too.
            self._syncing.result()

    def _suspend(self) -> None:
        with self._in_use:
            if self._closed:
                return
            if self.validator and self.received >= _WORTH_KEEPING:
                with suppress(OSError, MediaError):
                    os.fsync(self._flush())
                    self._note(synced=self.received)
            stays = self.validator is not None and self._has_checkpoint
        if stays:
            self._close()
        else:
            self._discard()

    def _discard(self) -> None:
        with self._in_use:
            self.validator = None
            # Before its name goes: the late write of a cancelled task would make the file anew.
            was_closed, self._closed = self._closed, True
            # The error that ended the transfer may keep this object until Python looks for cycles.
            self._buffer.clear()
        try:
            self.unlink()
        finally:
            if not was_closed:
                self._let_go()

    def _note(self, *, synced: int) -> None:
        """Write the memo, or another in its place. Raises OSError."""
        assert self.validator is not None
        Checkpoint.now(self.validator, self._enclosure, synced).write(self.location)
        self._has_checkpoint = True

    def _refuse_closed(self) -> None:
        if self._closed:
            raise ValueError(f"{self.path} is closed")
