"""A transfer in flight: the ``.part`` file that one response is streamed into, locked as long as its node lives.

The lock (flock) is what tells a transfer from the leavings of a dead node: the kernel lets go of it with the process.
"""

import asyncio
import errno
import fcntl
import os
import threading
from collections import deque
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from podcrawler.exceptions import MediaError
from podcrawler.media import naming

#: The most pieces that one writev takes (IOV_MAX on Linux and macOS).
_MAX_PIECES = 1024
#: How a file system says that there is no room.
FULL = (errno.ENOSPC, errno.EDQUOT)


class PartFile:
    """A new file, open for writing and locked until ``close`` or ``discard``.

    The constructor blocks: call it in a thread. It raises MediaError (``disk-full``, ``disk-error``) if the file
    exists or cannot be made. All other methods are for the event loop's thread and keep file operations out of it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        #: Bytes in the file.
        self.received = 0
        #: Bytes that the server announced (Content-Length); None if it did not.
        self.expected: int | None = None
        self.cancelled = False
        self._on_cancel: list[Callable[[], object]] = []
        # A cancelled task leaves its thread running: the descriptor must not be closed under a write, because its
        # number may then already mean another file.
        self._in_use = threading.Lock()
        self._closed = False
        try:
            self._file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise disk_error(path, error) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise disk_error(path, error) from error

    async def write(self, chunks: list[bytes]) -> None:
        """Append the chunks. Raises MediaError (``disk-full``, ``disk-error``)."""
        await asyncio.to_thread(self._write, chunks)

    async def seal(self) -> None:
        """Bring every byte to the disk (fsync). Raises MediaError."""
        await asyncio.to_thread(self._seal)

    async def close(self) -> None:
        """Let go of the file, which stays. Does nothing the second time."""
        await asyncio.to_thread(self._close)

    async def discard(self) -> None:
        """Remove the file and let go of it."""
        await asyncio.to_thread(self._discard)

    def cancel(self) -> None:
        """Have the transfer end at once, for the handler to raise TransferCancelledError. The file stays as it is."""
        self.cancelled = True
        for callback in self._on_cancel:
            callback()

    def on_cancel(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` on ``cancel``; now, if that already happened."""
        self._on_cancel.append(callback)
        if self.cancelled:
            callback()

    def _write(self, chunks: list[bytes]) -> None:
        waiting = deque(memoryview(chunk) for chunk in chunks if chunk)
        with self._in_use:
            self._refuse_closed()
            while waiting:
                try:
                    written = os.writev(self._file, list(islice(waiting, _MAX_PIECES)))
                except OSError as error:
                    raise disk_error(self.path, error) from error
                self.received += written
                while waiting and written >= len(waiting[0]):
                    written -= len(waiting.popleft())
                if written:
                    waiting[0] = waiting[0][written:]

    def _seal(self) -> None:
        with self._in_use:
            self._refuse_closed()
            try:
                os.fsync(self._file)
            except OSError as error:
                raise disk_error(self.path, error) from error

    def _close(self) -> None:
        with self._in_use:
            if not self._closed:
                self._closed = True
                os.close(self._file)

    def _discard(self) -> None:
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise disk_error(self.path, error) from error
        finally:
            self._close()

    def _refuse_closed(self) -> None:
        if self._closed:
            raise ValueError(f"{self.path} is closed")


def take_over(folder: Path, episode_id: str) -> None:
    """Remove the parts of the episode that dead nodes left in ``folder``; those of living nodes stay.

    Blocking. Raises MediaError if the folder cannot be read, ValueError if the id is illegal.
    """
    try:
        with os.scandir(folder) as entries:
            parts = [Path(entry) for entry in entries if naming.is_part_of(entry.name, episode_id)]
    except OSError as error:
        raise disk_error(folder, error) from error
    for part in parts:
        _remove_if_abandoned(part)


def _remove_if_abandoned(part: Path) -> None:
    try:
        # Over NFS a lock needs a descriptor that may write.
        file = os.open(part, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        part.unlink()
    except OSError:
        # Locked, so another node's; or that node has just published or removed it.
        pass
    finally:
        os.close(file)


def disk_error(path: Path, error: OSError) -> MediaError:
    """The sentence for a file operation that failed."""
    if error.errno in FULL:
        sentence = (
            f"{path} cannot be written because the disk is full; free some space and podcrawler goes on by itself."
        )
        return MediaError("disk-full", sentence, "local")
    sentence = f"{path} cannot be used ({error.strerror}); check the disk, try again later."
    return MediaError("disk-error", sentence, "local")
