"""Finds the parts that dead nodes left of an episode: the best one is resumed, the others are removed.

A part is a dead node's if its lock can be taken; which of two nodes took it first, the name tells afterwards.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from podcrawler.store import names
from podcrawler.store.checkpoint import OWN_KEY, Checkpoint, remove_checkpoint
from podcrawler.store.disk_space import DiskBudget
from podcrawler.store.fs import Folder, open_folder
from podcrawler.store.fs_errors import disk_error
from podcrawler.store.part import PartFile
from podcrawler.store.validators import resource


@dataclass(frozen=True, slots=True)
class _Abandoned:
    """A part of a dead node, locked by this one."""

    name: str
    file: int
    checkpoint: Checkpoint | None
    #: Bytes that a transfer can resume from, if they are proven.
    usable: int


def open_part(
    path: Path,
    episode_id: str,
    token: str,
    enclosure: str,
    *,
    key: bytes = OWN_KEY,
    budget: DiskBudget | None = None,
    keep_cached: bool = False,
) -> PartFile:
    """The part for a transfer of ``enclosure`` (the address) under a lease: the longest that a dead node left of that
    enclosure in the folder ``path``, else a new one. Parts of living nodes stay; the others of the episode are removed.

    An enclosure that differs in its query alone counts as the same: signed addresses are new each time, and the
    server's answer proves the version anyway. One that differs in more is another file, because a validator is valid
    for one resource only (RFC 9110 §8.8).

    ``key`` is that of the fleet, which proves what a part has. Blocking. Raises MediaError if the folder cannot be
    used, ValueError if id or token are illegal.
    """
    name = names.part_name(episode_id, token)
    with _opened(path) as folder:
        best = _best(folder, episode_id, resource(enclosure), key) if folder else None
        if folder and best and best.checkpoint:
            try:
                folder.rename(best.name, name)
                own = folder.copy()
            except OSError:
                os.close(best.file)
                raise
            part = PartFile.resume(
                path / name, own, best.file, best.checkpoint, key=key, budget=budget, keep_cached=keep_cached
            )
            _remove_checkpoint(folder, best.name)
            return part
    return PartFile(path / name, resource(enclosure), key=key, budget=budget, keep_cached=keep_cached)


def clean(path: Path, episode_id: str) -> None:
    """Remove the parts of the episode that dead nodes left. Blocking; raises as ``open_part``."""
    with _opened(path) as folder:
        if folder:
            for abandoned in _abandoned(folder, episode_id, "", b""):
                _remove(folder, abandoned)


def kept(path: Path, episode_id: str) -> int:
    """Bytes of the parts of the episode. Blocking; raises as ``open_part``."""
    with _opened(path) as folder:
        parts = (name for name in folder.names() if names.is_part_of(name, episode_id)) if folder else ()
        files = [folder.found(name) for name in parts if folder and not names.checkpointed_part(name)]
    return sum(file.st_size for file in files if file)


@contextmanager
def _opened(path: Path) -> Iterator[Folder | None]:
    """The folder; None if there is none."""
    try:
        with ExitStack() as stack:
            try:
                folder = stack.enter_context(open_folder(path))
            except FileNotFoundError:
                folder = None
            yield folder
    except OSError as error:
        raise disk_error(path, error) from error


def _best(folder: Folder, episode_id: str, enclosure: str, key: bytes) -> _Abandoned | None:
    """The part to go on with; the others of dead nodes are removed."""
    abandoned = sorted(
        _abandoned(folder, episode_id, enclosure, key), key=lambda found: (found.checkpoint is not None, found.usable)
    )
    # Also one without a byte that is of use: its checkpoint says what is known of the file.
    best = abandoned.pop() if abandoned and abandoned[-1].checkpoint else None
    for other in abandoned:
        _remove(folder, other)
    return best


def _abandoned(folder: Folder, episode_id: str, enclosure: str, key: bytes) -> Iterator[_Abandoned]:
    """The parts of dead nodes; only those of ``enclosure`` are usable. Checkpoints without a part are removed."""
    found = names.of_episode(folder.names(), episode_id)
    parts = {name for name in found if names.is_part_of(name, episode_id)}
    for name in sorted(parts):
        if part := names.checkpointed_part(name):
            if part not in parts:
                _remove_checkpoint(folder, part)
        elif abandoned := _lock(folder, name, enclosure, key):
            yield abandoned


def _lock(folder: Folder, name: str, enclosure: str, key: bytes) -> _Abandoned | None:
    """Lock the part of a dead node; None if it is another node's, or no file."""
    try:
        # Over NFS a lock needs a descriptor that may write.
        file = folder.open_file(name, os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The holder of the lock may have renamed, published or removed the file before it released it.
        is_there = folder.has(name, file)
    except OSError:
        is_there = False
    if not is_there:
        os.close(file)
        return None
    checkpoint, found = Checkpoint.read(folder, name, key), os.fstat(file)
    # A second name means that its node died between publishing and unlinking it: not one byte of it may change.
    if checkpoint is None or checkpoint.enclosure != enclosure or found.st_nlink > 1:
        return _Abandoned(name, file, None, 0)
    return _Abandoned(name, file, checkpoint, checkpoint.usable(found.st_size))


def _remove_checkpoint(folder: Folder, part: str) -> None:
    with suppress(OSError):
        remove_checkpoint(folder, part)


def _remove(folder: Folder, abandoned: _Abandoned) -> None:
    with suppress(OSError):
        remove_checkpoint(folder, abandoned.name)
        folder.remove(abandoned.name)
    os.close(abandoned.file)
