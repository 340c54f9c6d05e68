"""Writes files so that whoever reads them sees the old one or the new one, and leaves those alone that stay the same:
their times tell readers and caches that nothing has changed.

Nothing follows a symbolic link, because an archive may be shared (store/fs.py).
"""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

from podcrawler.exceptions import PublishError
from podcrawler.store.fs import Folder

#: Bytes that are compared at once.
_PIECE = 256 * 1024


def write_if_changed(folder: Folder, path: Path, write: Callable[[IO[bytes]], object]) -> bool:
    """Have ``write`` write a file of the open folder; whether its content is another one than before. It needs no
    memory for the file. ``path`` is where the file is.

    Raises PublishError if another process is writing it, and OSError."""
    try:
        return _write(folder, path.name, write)
    except OSError as error:
        # In an open folder errors are about names alone, and those of writing about nothing.
        raise OSError(error.errno, error.strerror, str(path)) from error


def _write(folder: Folder, name: str, write: Callable[[IO[bytes]], object]) -> bool:
    fresh = f".{name}.new"
    is_new = False
    with os.fdopen(_new_file(folder, fresh), "w+b") as file:
        try:
            write(file)
            file.flush()
            is_new = not _has_content(folder, name, file)
            if is_new:
                os.fsync(file.fileno())
                folder.rename(fresh, name)
        finally:
            if folder.has(fresh, file.fileno()):
                folder.remove(fresh)
    if is_new:
        folder.sync()
    return is_new


def _new_file(folder: Folder, name: str) -> int:
    try:
        return folder.new_file(name)
    except FileExistsError:
        pass
    except BlockingIOError:
        raise _at_work(name) from None
    # Left by a process that was killed, unless it is locked.
    with folder.read(name) as left:
        try:
            fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _at_work(name) from None
        folder.remove(name)
    return folder.new_file(name)


def _at_work(name: str) -> PublishError:
    return PublishError(f"Another process is writing {name[1:].removesuffix('.new')}; run this again when it is done.")


def _has_content(folder: Folder, name: str, file: IO[bytes]) -> bool:
    """Whether the file that has the name has the same content."""
    found = folder.found_file(name)
    if found is None or found.st_size != os.fstat(file.fileno()).st_size:
        return False
    file.seek(0)
    with folder.read(name) as old:
        while piece := file.read(_PIECE):
            if piece != old.read(_PIECE):
                return False
    return True
