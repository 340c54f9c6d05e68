"""A transfer in flight: the ``.part`` file that one response is streamed into, locked as long as its node lives.

The lock (flock) is what tells a transfer from the remains of a dead node: the kernel releases it with the process.
A checkpoint (checkpoint.py) is only ever written about bytes that are in the part already, and is removed, on the disk
too, before bytes of another version are written.
"""

import asyncio
import io
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TypeAlias, TypeVar

from podcrawler.cancellation import Cancellation
from podcrawler.exceptions import MediaError
from podcrawler.store.checkpoint import OWN_KEY, Checkpoint, Mark
from podcrawler.store.disk_space import DiskBudget
from podcrawler.store.evidence import Evidence, Judgement, Verdict
from podcrawler.store.fs import Folder, append, batches, drop_from_cache, open_folder, set_mtime
from podcrawler.store.fs_errors import disk_error
from podcrawler.store.progress import Progress
from podcrawler.store.validators import Validator

_T = TypeVar("_T")
#: Gives a file another name, in a folder, as ``Folder.link``.
GiveName: TypeAlias = Callable[[Folder, str], None]

#: Bytes from which on a part has a checkpoint and is kept; fewer are fetched again sooner than they are resumed.
WORTH_KEEPING = 1024 * 1024
#: Bytes between two fsyncs of a growing part: the most that a power cut takes.
SYNC_EVERY = 16 * 1024 * 1024
#: Bytes between two checks of the disk budget.
_CHECK_BUDGET_EVERY = 16 * 1024 * 1024

#: Threads of their own for fsync, which may take seconds and must not delay a write.
_SYNCERS = ThreadPoolExecutor(2, thread_name_prefix="fsync")


class PartFile:
    """A file that is created with its first byte on the disk, and locked from then on until ``publish``, ``suspend``
    or ``discard``. Other modules read its attributes and change them through its methods alone.

    ``resume``, ``content``, ``seal`` and ``publish`` block: call them in a thread. They, and the awaitable ones, raise
    MediaError (``disk-full``, ``disk-error``). All other methods are for the event loop's thread and do not block.
    """

    def __init__(
        self,
        path: Path,
        enclosure: str = "",
        *,
        key: bytes = OWN_KEY,
        budget: DiskBudget | None = None,
        keep_cached: bool = False,
        sync_every: int = SYNC_EVERY,
    ) -> None:
        """``path`` must not exist. Its folder is created if need be, but not the parent of that. ``enclosure`` is
        ``validators.resource`` of what is fetched; ``key`` proves the checkpoints. ``budget`` is checked as the file
        grows; None if the disk is boundless. ``keep_cached``: in the page cache, because the file is read soon."""
        self.path = path
        #: Bytes in the file, buffered ones included.
        self.received = 0
        #: Bytes of the whole file, as the server announced; None if it did not.
        self.expected: int | None = None
        #: Bytes that an earlier transfer left; 0 if this one began afresh.
        self.resumed_from = 0
        self.cancellation = Cancellation()
        self._progress = Progress(enclosure, key)
        self._budget = budget
        self._keep_cached = keep_cached
        self._sync_every = sync_every
        self._check_budget_at = 0
        self._buffer: list[bytes] = []
        # A cancelled task leaves its thread running: the descriptor must not be closed under its write.
        self._in_use = threading.Lock()
        self._closed = False
        self._sync_at = sync_every
        self._syncing: Future[None] | None = None
        self._sync_error: OSError | None = None
        #: The open file and its folder.
        self._file: int | None = None
        self._folder: Folder | None = None

    @classmethod
    def resume(
        cls,
        path: Path,
        folder: Folder,
        file: int,
        checkpoint: Checkpoint,
        *,
        key: bytes = OWN_KEY,
        budget: DiskBudget | None = None,
        keep_cached: bool = False,
    ) -> "PartFile":
        """The part of an earlier transfer: those bytes of ``file``, a locked descriptor, that the checkpoint proves.
        Takes over ``folder``, which it is in, and ``file``: both are closed if this raises."""
        part = cls(path, checkpoint.enclosure, key=key, budget=budget, keep_cached=keep_cached)
        part._folder, part._file = folder, file
        part.expected = checkpoint.validator.size
        try:
            with open(file, "rb", closefd=False) as content:
                proven = checkpoint.proven(content, key)
            part._progress.take(checkpoint, proven)
            part.received = part.resumed_from = proven.size
            part._sync_at = proven.size + part._sync_every
            os.ftruncate(file, proven.size)
            os.lseek(file, 0, os.SEEK_END)
            os.fsync(file)
            part._write_checkpoint()
        except OSError as error:
            os.close(file)
            folder.close()
            raise disk_error(path, error) from error
        return part

    @property
    def evidence(self) -> Evidence:
        """What is known of the file."""
        return Evidence(self._progress.validator, self.received, self._progress.since)

    @property
    def sha256(self) -> str:
        """Of all bytes received, in hex digits."""
        tally = self._progress.written.copy()
        for piece in self._buffer:
            tally.add(piece)
        return tally.mark().sha256

    @property
    def is_buffered(self) -> bool:
        """Whether nothing of it is on the disk yet."""
        return self._file is None

    @property
    def space_needed(self) -> int:
        """The bytes that must be free on the disk before the buffered ones are written."""
        return self._budget.needed(self) if self._budget else 0

    async def begin(self, judgement: Judgement) -> None:
        """Go on with a body that was judged: after what is there, or in place of it."""
        since = self._progress.since_of(judgement)
        if judgement.verdict is Verdict.REPLACE and (self.received or self._progress.has_checkpoint):
            await asyncio.to_thread(self._truncate)
        self._progress.validator, self._progress.since = judgement.validator, since
        self.expected = judgement.size
        if self._budget:
            self._budget.reserve(self)

    def invalidate(self) -> None:
        """Never resume what is there: it was refused, or belongs to no known version."""
        self._progress.validator = None

    async def reject(self) -> None:
        """Discard the bytes, which contradict what is known of their version. That stays, in the checkpoint, so that
        no later transfer takes the same bytes for the file."""
        await asyncio.to_thread(self._reject)

    async def write(self, chunks: Iterable[bytes]) -> None:
        """Append the chunks. If ``chunks`` is a generator, it runs in the writing thread."""
        await asyncio.to_thread(self._write, chunks)

    def buffer(self, chunks: Sequence[bytes]) -> None:
        """Append the chunks, which stay in memory until the file is used next: a small file needs no thread for its
        bytes."""
        self._buffer += chunks
        self.received += sum(map(len, chunks))

    def content(self) -> BinaryIO:
        """What was received so far, for reading; from memory if all of it is buffered."""
        with self._in_use:
            if self._file is None:
                return io.BytesIO(b"".join(self._buffer))
            self._flush()
        try:
            return self._opened_folder.read(self.path.name)
        except OSError as error:
            raise disk_error(self.path, error) from error

    def seal(self, mtime: float | None = None) -> None:
        """Bring every byte to the disk (fsync), and check that all are there. ``mtime``: as ``fs.set_mtime``."""
        if self._syncing:
            # It would write a checkpoint about a file that has another name by then.
            self._syncing.result()
        with self._in_use:
            file = self._flush()
            try:
                set_mtime(file, mtime)
                os.fsync(file)
                if self._sync_error:
                    raise self._sync_error
                found = os.fstat(file).st_size
                if self.received >= self._sync_every:
                    self._drop_from_cache(file, self.received)
            except OSError as error:
                raise disk_error(self.path, error) from error
        if found != self.received:
            raise MediaError(
                "disk-error",
                f"{self.path} has {found} bytes, but {self.received} were written; check the disk and whether another "
                "program writes there, try again later.",
                "local",
            )

    def publish(self, link: Callable[[GiveName], _T]) -> _T:
        """Have ``link`` give the sealed file its final name, by what it is called with; then remove the name of the
        part and close it. If ``link`` raises, so does this, and the part stays with this node."""
        published = link(self._give_name)
        self._unlink()
        self._close()
        return published

    async def suspend(self) -> int:
        """Close the file. It stays if a later transfer can resume it and it is worth that, else it is removed. Returns
        the bytes that stay. Does nothing when the part was published or discarded."""
        return 0 if self._closed else await asyncio.to_thread(self._suspend)

    async def discard(self) -> None:
        """Remove the file and close it."""
        if self.is_buffered and not self._in_use.locked():
            self._discard()
        else:
            await asyncio.to_thread(self._discard)

    def _truncate(self) -> None:
        with self._in_use:
            self._refuse_closed()
            self._buffer.clear()
            try:
                if self._progress.has_checkpoint:
                    self._progress.remove(self._opened_folder, self.path.name)
                    self._opened_folder.sync()
                if self._file is not None:
                    os.ftruncate(self._file, 0)
                    os.lseek(self._file, 0, os.SEEK_SET)
            except OSError as error:
                raise disk_error(self.path, error) from error
            self._progress.clear()
            self.received = self.resumed_from = 0
            self._sync_at = self._sync_every
            self._check_budget_at = 0

    def _reject(self) -> None:
        validator = self._progress.validator
        self._truncate()
        if validator:
            with self._in_use, suppress(OSError):
                self._flush()
                # A copy: a sync under way would write a checkpoint about the discarded bytes of the other.
                self._progress.validator = validator.model_copy()
                self._write_checkpoint()

    def _write(self, chunks: Iterable[bytes]) -> None:
        with self._in_use:
            file = self._flush()
            self._append_all(file, chunks)
            progress = self._progress
            if progress.validator and self.received >= WORTH_KEEPING and not progress.has_checkpoint:
                with suppress(OSError):
                    self._write_checkpoint()
            if self.received >= self._sync_at and (self._syncing is None or self._syncing.done()):
                self._sync_at = self.received + self._sync_every
                self._syncing = _SYNCERS.submit(self._sync, os.dup(file), progress.validator, progress.written.mark())

    def _flush(self) -> int:
        """Write the buffered bytes; the descriptor of the file."""
        self._refuse_closed()
        if self._file is None:
            try:
                if self._folder is None:
                    self._folder = open_folder(self.path.parent, create=True)
                self._file = self._folder.new_file(self.path.name)
            except OSError as error:
                raise disk_error(self.path, error) from error
        buffered, self._buffer = self._buffer, []
        self.received -= sum(map(len, buffered))
        self._append_all(self._file, buffered)
        return self._file

    def _append_all(self, file: int, chunks: Iterable[bytes]) -> None:
        for batch in batches(chunks):
            if self.received >= self._check_budget_at:
                self._check_budget_at = self.received + _CHECK_BUDGET_EVERY
                if self._budget:
                    self._budget.check(self)
            try:
                self._append(file, batch)
            except OSError as error:
                raise disk_error(self.path, error) from error

    def _append(self, file: int, batch: list[bytes]) -> None:
        # Hashed before they are written, so that a node that is killed in between has noted what it wrote.
        written = self._progress.written.copy()
        for piece in batch:
            written.add(piece)
        for size in append(file, batch):
            self.received += size
        self._progress.written = written
        with suppress(OSError):
            self._progress.note()

    def _sync(self, file: int, validator: Validator | None, written: Mark) -> None:
        """Bring these bytes to the disk while more are written, and checkpoint them. Closes ``file``."""
        try:
            os.fsync(file)
            self._drop_from_cache(file, written.size)
        except OSError as error:
            # The kernel reports a failed write to one fsync only: that of seal() would not hear of it.
            self._sync_error = error
            return
        finally:
            os.close(file)
        with self._in_use, suppress(OSError):
            if validator and validator is self._progress.validator and not self._closed:
                self._progress.synced = written
                self._write_checkpoint()

    def _drop_from_cache(self, file: int, size: int) -> None:
        if not self._keep_cached:
            drop_from_cache(file, size)

    def _give_name(self, folder: Folder, name: str) -> None:
        assert self._file is not None
        self._opened_folder.link(self.path.name, self._file, folder, name)

    def _write_checkpoint(self) -> None:
        """Raises OSError."""
        self._progress.write(self._opened_folder, self.path.name)

    @property
    def _opened_folder(self) -> Folder:
        assert self._folder is not None
        return self._folder

    def _suspend(self) -> int:
        with self._in_use:
            if self._closed:
                return 0
            if self._progress.validator and self.received >= WORTH_KEEPING:
                with suppress(OSError, MediaError):
                    os.fsync(self._flush())
                    self._progress.synced = self._progress.written.mark()
                    self._write_checkpoint()
            stays = self._progress.validator is not None and self._progress.has_checkpoint
        if not stays:
            # What cannot be removed is left to `clean`: how the transfer ended matters more.
            with suppress(MediaError):
                self._discard()
            return 0
        self._close()
        return self._progress.written.size

    def _discard(self) -> None:
        with self._in_use:
            # Before the name goes: the late write of a cancelled task would create the file anew.
            was_closed, self._closed = self._closed, True
            # The exception that ended the transfer may refer to this part until the next garbage collection.
            self._buffer.clear()
        if was_closed:
            return
        try:
            self._unlink()
        finally:
            self._release()

    def _unlink(self) -> None:
        """Remove the part's name and its checkpoint: no transfer resumes it from then on."""
        self._progress.validator = None
        try:
            if self._folder and self._file is not None:
                self._progress.remove(self._folder, self.path.name)
                self._folder.remove(self.path.name)
        except OSError as error:
            raise disk_error(self.path, error) from error

    def _close(self) -> None:
        with self._in_use:
            was_closed, self._closed = self._closed, True
        if not was_closed:
            self._release()

    def _release(self) -> None:
        if self._budget:
            self._budget.release(self)
        if self._file is not None:
            os.close(self._file)
        if self._syncing:
            # Its descriptor holds the lock on the file, too.
            self._syncing.result()
        self._progress.close()
        if self._folder:
            self._folder.close()

    def _refuse_closed(self) -> None:
        if self._closed:
            raise ValueError(f"{self.path} is closed")
