"""File operations that the store is made of. They raise OSError; fs_errors.py has the sentences for that.

A store may be shared with strangers, who put symbolic links where podcrawler expects its own files. So a folder of the
store is opened, and all that is done in it is done by names in the open folder: no link leads out of it, neither one in
place of the folder nor one in place of a file.

Standard library only, and paths may be bytes: the writer process (writer.py) shall start at once, take little memory,
and use names in the encoding of its node.
"""

import errno
import fcntl
import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from io import BufferedReader
from typing import Self

AnyPath = str | bytes | os.PathLike[str]
Name = str | bytes

#: The errors of a file system that cannot sync folders.
_NO_FOLDER_SYNC = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP)
#: The errors of a file system that has no hard links, or none here.
NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)
#: The most pieces that one writev takes (IOV_MAX on Linux and macOS), and about the most bytes.
_MAX_PIECES = 1024
_MAX_BYTES = 1024 * 1024
#: A folder. Not the one that a symbolic link leads to.
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NEW = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
#: Does not wait for the other end of a pipe.
_THERE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
#: What the umask narrows. Nothing is made for everybody to write.
FILE_MODE, _FOLDER_MODE = 0o664, 0o775
_PRIVATE_MODE = 0o700


class Folder:
    """An open folder of the store, to be closed. Names are of files in it; what has a name and is no file, such as a
    symbolic link, is not opened (OSError)."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        os.close(self.fd)

    def copy(self) -> "Folder":
        """Another one, to be closed by itself."""
        return Folder(os.dup(self.fd))

    def inner(self, name: Name, *, create: bool = False) -> "Folder":
        """A folder in this one, which is made if need be and ``create``."""
        flags = _FOLDER | os.O_NOFOLLOW
        try:
            return Folder(os.open(name, flags, dir_fd=self.fd))
        except FileNotFoundError:
            if not create:
                raise
        with suppress(FileExistsError):
            os.mkdir(name, _FOLDER_MODE, dir_fd=self.fd)
        self.sync()
        return Folder(os.open(name, flags, dir_fd=self.fd))

    def restrict(self) -> None:
        """Leave it to the user that podcrawler runs as. What may not be changed stays as it is."""
        with suppress(PermissionError):
            os.fchmod(self.fd, _PRIVATE_MODE)

    def names(self) -> list[str]:
        return os.listdir(self.fd)

    def new_file(self, name: Name) -> int:
        """The descriptor of a new file, for reading and writing, locked (flock)."""
        file = os.open(name, _NEW, FILE_MODE, dir_fd=self.fd)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.remove(name)
            os.close(file)
            raise
        return file

    def open_file(self, name: Name, flags: int = os.O_RDONLY) -> int:
        """The descriptor of a file that is there."""
        return open_file(name, flags, folder=self.fd)

    def read(self, name: Name) -> BufferedReader:
        """A file that is there, for reading."""
        return open(self.open_file(name), "rb")

    def found(self, name: Name) -> os.stat_result | None:
        """What has the name, be it a link; None if nothing has."""
        try:
            return os.stat(name, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def found_file(self, name: Name) -> os.stat_result | None:
        """The file that has the name; None if nothing has, or something else, such as a link."""
        found = self.found(name)
        return found if found and stat.S_ISREG(found.st_mode) else None

    def has(self, name: Name, file: int) -> bool:
        """Whether the name is that of the open file."""
        found = self.found(name)
        return found is not None and os.path.samestat(os.fstat(file), found)

    def link(self, name: Name, file: int, to: "Folder", final: Name) -> None:
        """Give the open file, whose name here is ``name``, the name ``final`` in ``to`` as well, or instead where the
        disk has no hard links. FileExistsError if another file has it. A power cut may undo this until ``to.sync``."""
        try:
            os.link(name, final, src_dir_fd=self.fd, dst_dir_fd=to.fd, follow_symlinks=False)
        except FileExistsError:
            # NFS: a retried link finds its own first attempt, whose answer was lost.
            if not to.has(final, file):
                raise
        except OSError as error:
            if error.errno not in NO_HARD_LINKS:
                raise
            # The lease keeps other nodes from this episode. What may create the file in between is not podcrawler, or a
            # node that lost the lease, and that one publishes complete files only, too.
            if to.found(final):
                raise FileExistsError(errno.EEXIST, "there is a file of that name", final) from error
            os.rename(name, final, src_dir_fd=self.fd, dst_dir_fd=to.fd)
        # Not by their inodes: the names of a file have different ones in some file systems that lie on a network.
        found = to.found_file(final)
        if found is None or found.st_size != os.fstat(file).st_size:
            raise OSError(errno.ESTALE, "another program has put something else in its place")

    def rename(self, name: Name, to: Name) -> None:
        os.rename(name, to, src_dir_fd=self.fd, dst_dir_fd=self.fd)

    def remove(self, name: Name) -> None:
        """Remove what has the name, if anything has. Of a link the link."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.fd)

    def sync(self) -> None:
        """Bring the names in the folder to the disk; without this a power cut may undo changes."""
        try:
            os.fsync(self.fd)
        except OSError as error:
            if error.errno not in _NO_FOLDER_SYNC:
                raise


def open_file(path: AnyPath, flags: int = os.O_RDONLY, *, folder: int | None = None) -> int:
    """The descriptor of a file that is there, and is no symbolic link, pipe or device. ``folder`` as ``dir_fd``."""
    file = os.open(path, flags | _THERE, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "it is no file")
    return file


def open_folder(path: AnyPath, *, create: bool = False) -> Folder:
    """A folder of the store. ``path`` may lead through symbolic links, but not end in one. ``create``: it is made if
    need be, but not the parent of it, which may be the mount point of a disk that is not mounted."""
    try:
        return Folder(os.open(path, _FOLDER | os.O_NOFOLLOW))
    except FileNotFoundError:
        if not create:
            raise
    parent, name = os.path.split(os.fsencode(path))
    return open_below(parent or b".", (name,), create=True)


def open_below(root: AnyPath, names: Iterable[Name], *, create: bool = False) -> Folder:
    """The folder that these names lead to from ``root``, one in the other; ``create``: they are made if need be. The
    root is the operator's, and may be a symbolic link."""
    folder, path = Folder(os.open(root, _FOLDER)), os.fsencode(root)
    for name in names:
        path = os.path.join(path, os.fsencode(name))
        # Closes the outer one.
        with folder:
            try:
                folder = folder.inner(name, create=create)
            except OSError as error:
                # It is about the name alone.
                raise OSError(error.errno, error.strerror, os.fsdecode(path)) from error
    return folder


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


def drop_from_cache(file: int, size: int) -> None:
    """Drop the first ``size`` bytes of a file from the page cache, and begin to write back those that are dirty.

    Nobody reads them again soon, and they would evict what other programs need. The pages are free for the bytes that
    come next: new pages cost more time than all else in a write, most of all in a virtual machine.
    """
    # macOS has no such call. It is advice: a file system that ignores it loses nothing.
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):
            os.posix_fadvise(file, 0, size, os.POSIX_FADV_DONTNEED)


def set_mtime(file: int, mtime: float | None) -> None:
    """Have an open file say that it was changed at a time, in seconds since 1970; nothing is done if that is None, or
    if the file system refuses it."""
    if mtime is not None:
        with suppress(OSError, OverflowError):
            os.utime(file, (mtime, mtime))


def free_bytes(folder: AnyPath | int) -> int:
    """The bytes that this user may still write in a folder, or beside an open file."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
