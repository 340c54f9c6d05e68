"""Reads files for their SHA-256, several at once, as fast as the disk gives them; and notes which were right, so that
the next run continues one that was interrupted.
"""

import fcntl
import hashlib
import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Self, TextIO, TypeVar

from podcrawler.store.fs import drop_from_cache, open_file

T = TypeVar("T")

_BLOCK = 1024 * 1024
#: Reading from a disk and hashing take turns; many more readers only make a spinning disk seek.
_THREADS = max(2, min(8, os.cpu_count() or 1))
#: Files that are begun before the first of them is awaited, for each thread.
_AHEAD = 16
#: Seconds.
_PATIENCE = 0.5
#: In the state folder.
_NOTES = "verified.jsonl"


class Digest(NamedTuple):
    """What was read of a file."""

    #: Bytes.
    size: int
    #: In hex digits; empty if the file cannot be read.
    sha256: str
    #: Why it cannot be read.
    error: str = ""


class Reader:
    """Reads files in threads, which end with the block that it is used in. ``progress`` is called with the number of
    bytes that were read, from those threads."""

    def __init__(self, progress: Callable[[int], object] = lambda _: None) -> None:
        self._progress = progress
        self._threads = ThreadPoolExecutor(_THREADS, "read")
        self._is_over = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._threads.shutdown(cancel_futures=True)

    def digests(self, files: Iterable[tuple[T, Path]]) -> Iterator[tuple[T, Digest]]:
        """What is read of each file, in their order."""
        begun = deque[tuple[T, Future[Digest]]]()
        for one, path in files:
            begun.append((one, self._threads.submit(self._read, path)))
            if len(begun) > _THREADS * _AHEAD:
                yield self._first(begun)
        while begun:
            yield self._first(begun)

    @staticmethod
    def _first(begun: deque[tuple[T, Future[Digest]]]) -> tuple[T, Digest]:
        one, future = begun.popleft()
        # A signal that comes just before this thread blocks does not wake it.
        while not wait([future], _PATIENCE).done:
            pass
        return one, future.result()

    def _read(self, path: Path) -> Digest:
        digest, block, size = hashlib.sha256(), bytearray(_BLOCK), 0
        view = memoryview(block)
        try:
            with open(open_file(path), "rb", buffering=0) as file:  # noqa: PTH123
                while (count := file.readinto(block)) and not self._is_over.is_set():
                    digest.update(view[:count])
                    size += count
                    self._progress(count)
                drop_from_cache(file.fileno(), size)
        except OSError as error:
            return Digest(size, "", error.strerror or str(error))
        return Digest(size, digest.hexdigest())


class Notes:
    """Which files were read and right, in a file that a run empties which comes to its end. Nothing is noted, and
    nothing known, if ``folder`` is None, if it cannot be written, or while another run has the file; nor from then on
    when its disk is full."""

    def __init__(self, folder: Path | None) -> None:
        self._known: dict[str, list[int]] = {}
        self._file = _open(folder) if folder else None
        #: When the first of them was noted, in seconds since 1970; None if there are none.
        self.since: float | None = None
        for line in self._file or ():
            with suppress(ValueError):
                at, path, *status = json.loads(line)
                self._known[path] = status
                self.since = self.since or at

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    def has(self, path: str, found: os.stat_result) -> bool:
        """Whether the file was right when it had the size and the time of change that it has now."""
        return self._known.get(path) == _status(found)

    def add(self, path: str, found: os.stat_result) -> None:
        if self._file:
            try:
                self._file.write(json.dumps([round(time.time()), path, *_status(found)]) + "\n")
            except OSError:
                self._give_up()

    def forget(self, is_over: Callable[[str], bool]) -> None:
        """Forget the files that a run has come to the end of."""
        if not self._file:
            return
        try:
            self._file.seek(0)
            kept = [line for line in self._file if not is_over(_path_in(line))]
            self._file.seek(0)
            self._file.truncate()
            self._file.writelines(kept)
        except OSError:
            self._give_up()

    def _give_up(self) -> None:
        """Note nothing any more: its disk is full, or broken."""
        file, self._file = self._file, None
        if file:
            with suppress(OSError):
                file.close()


def _status(found: os.stat_result) -> list[int]:
    return [found.st_size, found.st_mtime_ns]


def _path_in(line: str) -> str:
    with suppress(ValueError, LookupError):
        path: Any = json.loads(line)[1]
        return str(path)
    return ""


def _open(folder: Path) -> TextIO | None:
    """The file of notes, locked; None if it cannot be had."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (folder / _NOTES).open("a+", buffering=1, encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    file.seek(0)
    return file
