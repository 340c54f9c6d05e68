"""Finds the parts that dead nodes left of an episode: the best one is resumed, the others are removed.

A part is a dead node's if its lock can be taken; which of two nodes took it first, the name tells afterwards.
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
from podcrawler.store.disk_space import DiskBudget
from podcrawler.store.fs_errors import disk_error, names_in
from podcrawler.store.part import PartFile
from podcrawler.store.validators import resource


@dataclass(frozen=True, slots=True)
class _Abandoned:
    """A part of a dead node, locked by this one."""

    path: Path
    file: int
    checkpoint: Checkpoint | None
    #: Bytes that a transfer can resume from.
    usable: int


def open_part(
    folder: Path,
    episode_id: str,
    token: str,
    enclosure: str,
    *,
    budget: DiskBudget | None = None,
    keep_cached: bool = False,
) -> PartFile:
    """The part for a transfer of ``enclosure`` (the address) under a lease: the longest that a dead node left of that
    enclosure, else a new one. Parts of living nodes stay; the others of the episode are removed.

    An enclosure that differs in its query alone counts as the same: signed addresses are new each time, and the
    server's answer proves the version anyway. One that differs in more is another file, because a validator is valid
    for one resource only (RFC 9110 §8.8).

    Blocking. Raises MediaError if the folder cannot be used, ValueError if id or token are illegal.
    """
    path = folder / names.part_name(episode_id, token)
    abandoned = sorted(
        _abandoned(folder, episode_id, resource(enclosure)),
        key=lambda found: (found.checkpoint is not None, found.usable),
    )
    # Also one without a byte that is of use: its checkpoint says what is known of the file.
    best = abandoned.pop() if abandoned and abandoned[-1].checkpoint else None
    for other in abandoned:
        _remove(other)
    if best is None or best.checkpoint is None:
        return PartFile(path, resource(enclosure), budget=budget, keep_cached=keep_cached)
    try:
        best.path.rename(path)
    except OSError as error:
        os.close(best.file)
        raise disk_error(path, error) from error
    part = PartFile.resume(path, best.file, best.checkpoint, best.usable, budget=budget, keep_cached=keep_cached)
    _remove_checkpoint(best.path)
    return part


def clean(folder: Path, episode_id: str) -> None:
    """Remove the parts of the episode that dead nodes left. Blocking; raises as ``open_part``."""
    for abandoned in _abandoned(folder, episode_id, enclosure=""):
        _remove(abandoned)


def _abandoned(folder: Path, episode_id: str, enclosure: str) -> Iterator[_Abandoned]:
    """The parts of dead nodes; only those of ``enclosure`` are usable. Checkpoints without a part are removed."""
    found = names.of_episode(names_in(folder), episode_id)
    parts = {name for name in found if names.is_part_of(name, episode_id)}
    for name in sorted(parts):
        if part := names.checkpointed_part(name):
            if part not in parts:
                _remove_checkpoint(folder / part)
        elif abandoned := _lock(folder / name, enclosure):
            yield abandoned


def _lock(path: Path, enclosure: str) -> _Abandoned | None:
    """Lock the part of a dead node; None if it is another node's."""
    try:
        # Over NFS a lock needs a descriptor that may write.
        file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = os.fstat(file)
        # The holder of the lock may have renamed, published or removed the file before it released it.
        is_there = os.path.samestat(found, path.lstat()) and stat.S_ISREG(found.st_mode)
    except OSError:
        is_there = False
    if not is_there:
        os.close(file)
        return None
    checkpoint = Checkpoint.read(path)
    # A second name means that its node died between publishing and unlinking it: not one byte of it may change.
    if checkpoint is None or checkpoint.enclosure != enclosure or found.st_nlink > 1:
        return _Abandoned(path, file, None, 0)
    return _Abandoned(path, file, checkpoint, checkpoint.usable(found.st_size))


def _remove_checkpoint(part: Path) -> None:
    with suppress(OSError):
        remove_checkpoint(part)


def _remove(abandoned: _Abandoned) -> None:
    with suppress(OSError):
        remove_checkpoint(abandoned.path)
        abandoned.path.unlink(missing_ok=True)
    os.close(abandoned.file)
