"""What media files ask of the system, in its own words: what fails raises OSError; disk.py has the sentences for that.

Nothing but Python's standard library is imported here: the writer (writer.py) shall start at once and take little
memory.
"""

import errno
import fcntl
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

#: How a file system says that folders cannot be synced.
_NO_FOLDER_SYNC = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP)
#: How a file system says that it has no hard links, or none here.
_NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)
#: The most pieces that one writev takes (IOV_MAX on Linux and macOS), and about the most bytes.
_MAX_PIECES = 1024
_MAX_BYTES = 1024 * 1024
_NEW = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC


def new_file(path: str | bytes) -> int:
    """The descriptor of a new file, for reading and writing, locked (flock). Its folder is made if need be, but not the
    one around that, which may be the place of a disk that is not there."""
    path = os.fsencode(path)
    try:
        file = os.open(path, _NEW, 0o666)
    except FileNotFoundError:
        folder = os.path.dirname(path)
        with suppress(FileExistsError):
            os.mkdir(folder)
        sync_folder(os.path.dirname(folder) or b".")
        file = os.open(path, _NEW, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.unlink(path)
        os.close(file)
        raise
    return file


def batches(pieces: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The pieces that are not empty, as many at once as ``append`` may be given."""
    batch: list[bytes] = []
    size = 0
    for piece in pieces:
        if piece:
            batch.append(piece)
            size += len(piece)
        if size >= _MAX_BYTES or len(batch) == _MAX_PIECES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def append(file: int, batch: Sequence[bytes]) -> Iterator[int]:
    """Write all of a batch: the bytes that each call of the system took, of which the last may fail."""
    waiting = deque(memoryview(piece) for piece in batch)
    while waiting:
        written = os.writev(file, waiting)
        yield written
        while waiting and written >= len(waiting[0]):
            written -= len(waiting.popleft())
        if written:
            waiting[0] = waiting[0][written:]


def link(path: str | bytes, final: str | bytes) -> None:
    """Give the file at ``path`` the name ``final`` too, or instead where the disk has no hard links. FileExistsError if
    another has it. A power cut may take the name back until ``sync_folder``."""
    try:
        os.link(path, final)
    except FileExistsError:
        # It is the same file where an answer of the file system was lost (a retried link over NFS).
        if not os.path.samestat(os.lstat(path), os.lstat(final)):
            raise
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        # The lease keeps other nodes from this episode: what may come in between is not podcrawler, or the last deed of
        # a node that is gone, and that was a complete file, too.
        if os.path.lexists(final):
            raise FileExistsError(errno.EEXIST, "there is a file of that name", final) from error
        os.rename(path, final)


def sync_folder(folder: str | bytes | os.PathLike[str]) -> None:
    """Bring the names in ``folder`` to the disk; without this a power cut may take changes back."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(opened)


def drop_from_memory(file: int, size: int) -> None:
    """Have the system keep the first ``size`` bytes of a file on the disk alone; what is not there yet it begins to
    write.

    Nobody reads them again soon, and as files come they would push out of memory what others on the machine need. The
    memory that they let go of is warm for the bytes that come next: fresh memory costs more time than all else in a
    write, most of all in a virtual machine.
    """
    # macOS has no such call. It is advice: where a file system does not take it, nothing is lost.
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):
            os.posix_fadvise(file, 0, size, os.POSIX_FADV_DONTNEED)


def free_bytes(folder: str | os.PathLike[str] | int) -> int:
    """What this user may still write in a folder, or beside an open file."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
