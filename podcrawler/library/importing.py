"""Finds the media files that podcrawler or its ancestor archived in a folder before."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from podcrawler.exceptions import ImportFolderError
from podcrawler.items import EPISODE_ID
from podcrawler.queue.archive import Imported
from podcrawler.store import names, sniff
from podcrawler.store.fs import open_below, open_file

_NAME = re.compile(rf"(?P<id>{EPISODE_ID.pattern})\.(?P<title>.+)\.(?P<extension>[A-Za-z0-9]{{1,5}})", re.DOTALL)

#: Why a file is not imported.
Refusal = Literal["part", "empty", "no-id", "no-media", "broken"]


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that is not imported."""

    path: Path
    why: Refusal


def find_media(folder: Path, podcast_id: str | None) -> Iterator[Imported | Refused]:
    """Every file in ``folder`` and below, except those in hidden folders, sorted by name.

    The files belong to ``podcast_id`` if it is given, else to the podcast that their folder is named after, as in a
    store. Raises ImportFolderError if the folder cannot be read, or is not named after a podcast.
    """
    if podcast_id is not None:
        _check_podcast(podcast_id, f"{podcast_id!r} is not the id of a podcast")
    try:
        top = open_below(folder, ())
    except OSError:
        raise ImportFolderError(
            f"{folder} is no folder that can be read; give the folder that the media files are in."
        ) from None
    with top:
        # Through open folders, because a symbolic link may take the place of one at any moment.
        for parent, folders, found, opened in os.fwalk(".", dir_fd=top.fd):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(found):
                yield _examine(folder / parent / name, opened, podcast_id)


def _examine(path: Path, folder: int, podcast_id: str | None) -> Imported | Refused:
    """``folder`` is the descriptor of the one that the file is in."""
    if path.name.endswith(names.PART_SUFFIX):
        return Refused(path, "part")
    found = _NAME.fullmatch(path.name)
    if found is None:
        return Refused(path, "no-id")
    if not names.is_media_extension(found["extension"]):
        return Refused(path, "no-media")
    try:
        status = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode) or status.st_size == 0:
            return Refused(path, "empty")
        with open(open_file(path.name, folder=folder), "rb") as file:  # noqa: PTH123
            if not sniff.is_sound(file, path.name):
                return Refused(path, "broken")
    except OSError:
        return Refused(path, "broken")
    if podcast_id is None:
        podcast_id = path.parent.name
        _check_podcast(podcast_id, f"{path.parent} is not named after a podcast")
    return Imported(podcast_id, found["id"], found["title"], status.st_size)


def _check_podcast(podcast_id: str, complaint: str) -> None:
    try:
        names.folder_name(podcast_id)
    except ValueError:
        raise ImportFolderError(f"{complaint}; say which one its files are of, such as --podcast rthk-287.") from None
