"""What podcrawler says when the disk refuses something, and how it names files there, and finds their names."""

import errno
import os
from pathlib import Path

from podcrawler.exceptions import DiskFullError, MediaError

#: How a file system says that there is no room.
FULL = (errno.ENOSPC, errno.EDQUOT)


def file_in(folder: str | Path, name: str) -> str:
    """The path of a file, as text. What is done for every episode uses this and no Path: pathlib interns the parts of
    each (sys.intern), and Python's table of interned strings grows by megabytes with the names that pass through it."""
    return f"{folder}/{name}"


def names_in(folder: Path) -> list[str]:
    """The names in a folder; none if it is not there. Blocking. Raises MediaError if it cannot be listed."""
    try:
        return os.listdir(folder)  # noqa: PTH208  # making a Path of each would take longer than all the rest
    except FileNotFoundError:
        return []
    except OSError as error:
        raise disk_error(folder, error) from error


def disk_error(path: Path, error: OSError) -> MediaError:
    """The sentence for a file operation that failed."""
    if error.errno in FULL:
        sentence = (
            f"{path} cannot be written because the disk is full; free some space and podcrawler goes on by itself."
        )
        return DiskFullError(path.parent, sentence, needed=0)
    sentence = f"{path} cannot be used ({error.strerror}); check the disk, try again later."
    return MediaError("disk-error", sentence, "local")
