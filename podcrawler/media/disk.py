"""What a store asks of the disk beneath it: new files, names that outlast a power cut, and sentences for refusals."""

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path

from podcrawler.exceptions import DiskFullError, MediaError

#: How a file system says that there is no room.
FULL = (errno.ENOSPC, errno.EDQUOT)
#: How a file system says that folders cannot be synced.
_NO_FOLDER_SYNC = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP)
_NEW = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC


def file_in(folder: str | Path, name: str) -> str:
    """The path of a file, as text. What is done for every episode uses this and no Path: pathlib interns the parts of
    each (sys.intern), and Python's table of interned strings grows by megabytes with the names that pass through it."""
    return f"{folder}/{name}"


def new_file(path: str) -> int:
    """The descriptor of a new file, for reading and writing, locked (flock). Its folder is made if need be, but not the
    one around that, which may be the place of a disk that is not there. Blocking. Raises MediaError."""
    try:
        try:
            file = os.open(path, _NEW, 0o666)
        except FileNotFoundError:
            folder = Path(path).parent
            with suppress(FileExistsError):
                folder.mkdir()
            sync_folder(folder.parent)
            file = os.open(path, _NEW, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            raise
    except OSError as error:
        raise disk_error(Path(path), error) from error
    return file


def sync_folder(folder: Path) -> None:
    """Bring the names in ``folder`` to the disk; without this a power cut may take changes back. Blocking. Raises
    OSError."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(opened)


def drop_from_memory(file: int, size: int) -> None:
    """Have the system keep the first ``size`` bytes of a file on the disk alone: those that ``fsync`` brought there.

    Nobody reads them again soon, and as files come they would push out of memory what others on the machine need. The
    memory that they let go of is warm for the bytes that come next: fresh memory costs more time than all else in a
    write, most of all in a virtual machine. Blocking.
    """
    # macOS has no such call. It is advice: where a file system does not take it, nothing is lost.
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):
            os.posix_fadvise(file, 0, size, os.POSIX_FADV_DONTNEED)


def disk_error(path: Path, error: OSError) -> MediaError:
    """The sentence for a file operation that failed."""
    if error.errno in FULL:
        sentence = (
            f"{path} cannot be written because the disk is full; free some space and podcrawler goes on by itself."
        )
        return DiskFullError(path.parent, sentence, needed=0)
    sentence = f"{path} cannot be used ({error.strerror}); check the disk, try again later."
    return MediaError("disk-error", sentence, "local")
