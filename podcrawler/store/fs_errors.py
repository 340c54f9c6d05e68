"""What podcrawler says when the file system refuses something."""

import errno
from pathlib import Path

from podcrawler.exceptions import DiskFullError, MediaError
from podcrawler.store.fs import open_folder

#: The errors of a file system that has no space left, or none for this user.
FULL = (errno.ENOSPC, errno.EDQUOT)
#: The errors for a symbolic link in place of a file or a folder.
_LINK = (errno.ELOOP, errno.ENOTDIR)


def names_in(folder: Path) -> list[str]:
    """The names in a folder; empty if it does not exist. Blocking. Raises MediaError if it cannot be listed."""
    try:
        with open_folder(folder) as opened:
            return opened.names()
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
    if error.errno in _LINK and (link := _link_in(path)):
        sentence = (
            f"{link} is a symbolic link, and podcrawler follows none inside of a store, because a stranger may have "
            "made it; remove it, or mount in its place what it is to lead to."
        )
        return MediaError("disk-error", sentence, "local")
    sentence = f"{path} cannot be used ({error.strerror}); check the disk, try again later."
    return MediaError("disk-error", sentence, "local")


def _link_in(path: Path) -> Path | None:
    """The symbolic link in place of a file in the store, or of its folder."""
    if path.is_symlink():
        return path
    return path.parent if path.parent.is_symlink() and not path.is_file() else None
