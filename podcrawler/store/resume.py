"""What dead nodes left of an episode's transfers: the best part is gone on with, the others go.

A part is a dead node's if its lock can be had; which of two nodes had it first, the name tells afterwards.
"""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from podcrawler.store import names
from podcrawler.store.checkpoint import Checkpoint, remove_checkpoint
from podcrawler.store.fs_errors import disk_error, names_in
from podcrawler.store.part import PartFile
from podcrawler.store.validators import resource


@dataclass(frozen=True, slots=True)
class _Leftover:
    """A part of a dead node, locked by this one."""

    path: Path
    file: int
    memo: Checkpoint | None
    #: Bytes that a transfer can go on from.
    trusted: int


def open_part(folder: Path, episode_id: str, token: str, enclosure: str) -> PartFile:
    """The part for a transfer of ``enclosure`` (the address) under a lease: the longest that a dead node left of that
    enclosure, else a new one. Parts of living nodes stay; the others of the episode go.

    An enclosure that differs in its query alone is taken for the same: signed addresses are new each time, and what
    the server answers proves the version anyway. One that differs in more is taken for another file, because validators
    mean something for one address only (RFC 9110 §8.8).

    Blocking. Raises MediaError if the folder cannot be used, ValueError if id or token are illegal.
    """
    path = folder / names.part_name(episode_id, token)
    left = sorted(_leftovers(folder, episode_id, resource(enclosure)), key=lambda leftover: leftover.trusted)
    best = left.pop() if left and left[-1].trusted > 0 else None
    for leftover in left:
        _remove(leftover)
    if best is None or best.memo is None:
        return PartFile(path, resource(enclosure))
    try:
        best.path.rename(path)
    except OSError as error:
        os.close(best.file)
        raise disk_error(path, error) from error
    part = PartFile.resume(path, best.file, best.memo, best.trusted)
    _remove_notes(best.path)
    return part


def clean(folder: Path, episode_id: str) -> None:
    """Remove what dead nodes left of the episode's transfers. Blocking; raises as ``open_part``."""
    for leftover in _leftovers(folder, episode_id, enclosure=""):
        _remove(leftover)


def _leftovers(folder: Path, episode_id: str, enclosure: str) -> Iterator[_Leftover]:
    """The parts of dead nodes; only those of ``enclosure`` can be gone on with. Memos without a part are removed."""
    found = names.of_episode(names_in(folder), episode_id)
    parts = {name for name in found if names.is_part_of(name, episode_id)}
    for name in sorted(parts):
        if part := names.checkpointed_part(name):
            if part not in parts:
                _remove_notes(folder / part)
        elif leftover := _lock(folder / name, enclosure):
            yield leftover


def _lock(path: Path, enclosure: str) -> _Leftover | None:
    """Lock the part of a dead node; None if it is another node's."""
    try:
        # Over NFS a lock needs a descriptor that may write.
        file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = os.fstat(file)
        # Who had the lock before may have renamed, published or removed the file.
        is_there = os.path.samestat(found, path.lstat()) and stat.S_ISREG(found.st_mode)
    except OSError:
        is_there = False
    if not is_there:
        os.close(file)
        return None
    memo = Checkpoint.of(path)
    # A second name means that its node died between publishing and removing it: not one byte of it may change.
    if memo is None or memo.enclosure != enclosure or found.st_nlink > 1:
        return _Leftover(path, file, None, 0)
    return _Leftover(path, file, memo, memo.trusted(found.st_size))


def _remove_notes(part: Path) -> None:
    with suppress(OSError):
        remove_checkpoint(part)


def _remove(leftover: _Leftover) -> None:
    with suppress(OSError):
        remove_checkpoint(leftover.path)
        leftover.path.unlink(missing_ok=True)
    os.close(leftover.file)
