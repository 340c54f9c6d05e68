"""File operations that the store is made of. They raise OSError; fs_errors.py has the sentences for that.

Standard library only, and paths may be bytes: the writer process (writer.py) shall start at once, take little memory,
and use names in the encoding of its node.
"""

import errno
import fcntl
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

AnyPath = str | bytes | os.PathLike[str]

#: The errors of a file system that cannot sync folders.
_NO_FOLDER_SYNC = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP)
#: The errors of a file system that has no hard links, or none here.
_NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)
#: The most pieces that one writev takes (IOV_MAX on Linux and macOS), and about the most bytes.
_MAX_PIECES = 1024
_MAX_BYTES = 1024 * 1024
_NEW = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC


def new_file(path: AnyPath) -> int:
    """The descriptor of a new file, for reading and writing, locked (flock). Its folder is created if need be, but not
    the parent of that, which may be the mount point of a disk that is not mounted."""
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
    """The pieces that are not empty, in batches for ``append``."""
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
    """Write a whole batch. Yields the bytes that each system call wrote; the last one may fail."""
    waiting = deque(memoryview(piece) for piece in batch)
    while waiting:
        written = os.writev(file, waiting)
        yield written
        while waiting and written >= len(waiting[0]):
            written -= len(waiting.popleft())
        if written:
            waiting[0] = waiting[0][written:]


def link(path: AnyPath, final: AnyPath) -> None:
    """Give the file at ``path`` the name ``final`` too, or instead where the disk has no hard links. FileExistsError if
    another file has it. A power cut may undo this until ``sync_folder``."""
    try:
        os.link(path, final)
    except FileExistsError:
        # NFS: a retried link finds its own first attempt, whose answer was lost.
        if not os.path.samestat(os.lstat(path), os.lstat(final)):
            raise
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        # The lease keeps other nodes from this episode. What may create the file in between is not podcrawler, or a
        # node that lost the lease, and that one publishes complete files only, too.
        if os.path.lexists(final):
            raise FileExistsError(errno.EEXIST, "there is a file of that name", final) from error
        os.rename(path, final)


def sync_folder(folder: AnyPath) -> None:
    """Bring the names in ``folder`` to the disk; without this a power cut may undo changes."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(opened)


def drop_from_cache(file: int, size: int) -> None:
    """Drop the first ``size`` bytes of a file from the page cache, and begin to write back those that are dirty.

    Nobody reads them again soon, and they would evict what other programs need. The pages are free for the bytes that
    come next: new pages cost more time than all else in a write, most of all in a virtual machine.
    """
    # macOS has no such call. It is advice: a file system that ignores it loses nothing.
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):
            os.posix_fadvise(file, 0, size, os.POSIX_FADV_DONTNEED)


def free_bytes(folder: AnyPath | int) -> int:
    """The bytes that this user may still write in a folder, or beside an open file."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
