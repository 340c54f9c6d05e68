"""Which runs of ``archive`` are at work on a state folder: one, unless the user wants others beside it.

Each holds the lock of a file (``archive-1.lock``, ...) until its process ends in whatever way.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from podcrawler.exceptions import AtWorkError, StateFolderError

#: How many may be at work at once.
_MOST = 9


@contextmanager
def place_in(state_dir: Path, *, beside_others: bool) -> Iterator[int]:
    """A place among the runs of the folder, for the time of the block: 1 for the first.

    Raises AtWorkError if others are at work, unless this one may be ``beside_others``, and StateFolderError."""
    with ExitStack() as stack:
        try:
            state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            locks = [stack.enter_context(_file(state_dir, place).open("a+b")) for place in _places(state_dir)]
        except OSError as error:
            raise StateFolderError(
                f"The state folder {state_dir} cannot be used ({error.strerror}: {error.filename or state_dir}): "
                "set PODCRAWLER_STATE_DIR to a folder that you can write to."
            ) from error
        free = [place for place, lock in enumerate(locks, 1) if _try_lock(lock)]
        others = [lock for place, lock in enumerate(locks, 1) if place not in free]
        if others and not beside_others:
            raise AtWorkError(
                f"An archive is at work in {state_dir}{_process_of(others[0])}: let it end, or work beside it "
                "with --join."
            )
        if not free:
            raise AtWorkError(f"{_MOST} archives are at work in {state_dir}, which are as many as can be.")
        place = free[0]
        for other in free[1:]:
            locks[other - 1].close()
        _note_process(locks[place - 1])
        yield place


def _places(state_dir: Path) -> range:
    """The places that are worth a look: those that some run had, and the next one."""
    known = sum(_file(state_dir, place).exists() for place in range(1, _MOST + 1))
    return range(1, min(known + 1, _MOST) + 1)


def _file(state_dir: Path, place: int) -> Path:
    return state_dir / f"archive-{place}.lock"


def _try_lock(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _note_process(file: BinaryIO) -> None:
    # On a full disk, others are not told which process it is.
    with suppress(OSError):
        os.ftruncate(file.fileno(), 0)
        os.pwrite(file.fileno(), b"%d\n" % os.getpid(), 0)


def _process_of(file: BinaryIO) -> str:
    """Whose lock it is, as a part of a sentence; empty if that is not known."""
    pid = os.pread(file.fileno(), 20, 0).decode(errors="replace").strip()
    return f" (process {pid})" if pid else ""
