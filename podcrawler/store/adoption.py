"""Gives a file that another program keeps a place in the store as well: a hard link, or a copy where the disk has none.
The other program's file stays as it is.
"""

import errno
import os
import shutil
from io import BufferedReader
from pathlib import Path

from podcrawler.store import names
from podcrawler.store.base import StoredFile
from podcrawler.store.description import Description, note_found
from podcrawler.store.fs import NO_HARD_LINKS, Folder, open_below
from podcrawler.store.names import Destination

#: Of the part that a copy is until it is complete: whoever died here leaves it to the next one.
_TOKEN = "adopted"


def adopt(
    root: Path, source: Folder, name: str, destination: Destination, description: Description | None
) -> StoredFile:
    """Have the store at ``root`` have the file that has ``name`` in ``source``, and beside it what ``description``
    tells. A name that is taken gets a mark. All of that survives a power cut when this returns. Blocking. Raises
    OSError."""
    with source.read(name) as file, open_below(root, [destination.podcast_id], create=True) as folder:
        for candidate in (destination, destination.disambiguated()):
            final = candidate.path.rpartition("/")[2]
            if candidate.is_default and names.collides_ignoring_case(final, folder.names()):
                continue
            size = os.fstat(file.fileno()).st_size
            try:
                _give(source, name, file, folder, final, destination.episode_id)
            except FileExistsError:
                if not folder.has(final, file.fileno()):
                    continue
                # Whoever died here may have described it in part.
                is_new = False
            else:
                is_new = True
            if description:
                note_found(folder, final, description, is_new=is_new)
            # Nobody knows whether the other program has done so.
            os.fsync(file.fileno())
            folder.sync()
            return StoredFile(candidate.path, size)
    raise FileExistsError(errno.EEXIST, "another file is in the way")


def _give(source: Folder, name: str, file: BufferedReader, folder: Folder, final: str, episode_id: str) -> None:
    """Give the open file the name ``final`` in the store, too. FileExistsError if that is taken."""
    try:
        os.link(name, final, src_dir_fd=source.fd, dst_dir_fd=folder.fd, follow_symlinks=False)
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        _copy(file, folder, final, episode_id)
        return
    if not folder.has(final, file.fileno()):
        folder.remove(final)
        raise OSError(errno.ESTALE, "another program has put something else in its place")


def _copy(file: BufferedReader, folder: Folder, final: str, episode_id: str) -> None:
    part = names.part_name(episode_id, _TOKEN)
    folder.remove(part)
    copied = folder.new_file(part)
    try:
        with open(copied, "wb", closefd=False) as to:
            shutil.copyfileobj(file, to)
        times = os.fstat(file.fileno())
        os.utime(copied, ns=(times.st_atime_ns, times.st_mtime_ns))
        os.fsync(copied)
        folder.link(part, copied, folder, final)
    finally:
        os.close(copied)
        folder.remove(part)
