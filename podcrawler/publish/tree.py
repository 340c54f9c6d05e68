"""A tree of an archive's files under names that people choose, made of hard links, or of copies where the disk has no
links, and of files that are written for it. Deleting it costs nothing: the archive has all that it is made of.

A hidden file in the tree's folder lists what was made. What the archive no longer has, or has under another name, is
removed; whatever is not listed there is somebody else's, and is left alone.
"""

import fcntl
import filecmp
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from podcrawler.exceptions import PublishError
from podcrawler.publish.files import write_if_changed
from podcrawler.publish.index import reason
from podcrawler.publish.wanted import Content, Link, Wanted, Written, named
from podcrawler.store.fs import NO_HARD_LINKS, open_below
from podcrawler.store.fs_errors import FULL

_STATE = ".podcrawler-tree.json"
#: What a file is called before it has its name.
_FRESH = ".podcrawler-tree.new"
#: Seconds: some disks, such as those of cameras and players, keep times no better.
_COARSE = 2


@dataclass(frozen=True, slots=True)
class _Made:
    """A file in the tree as it was made. Bytes and nanoseconds."""

    size: int
    time: int
    #: Of a link; 0 of a copy.
    inode: int
    #: Of the file in the archive, if there is one.
    source_time: int
    #: As ``Written.made_of``; empty for a link, and a copy in place of one.
    made_of: str = ""

    @classmethod
    def of(cls, made: os.stat_result, source: os.stat_result) -> "_Made":
        inode = made.st_ino if os.path.samestat(made, source) else 0
        return cls(made.st_size, made.st_mtime_ns, inode, source.st_mtime_ns)

    def is_still(self, found: os.stat_result) -> bool:
        """Whether a file is the one that was made, and nobody has changed it since."""
        is_same = (found.st_size, found.st_mtime_ns) == (self.size, self.time)
        return is_same and (not self.inode or self.inode == found.st_ino)


@dataclass(slots=True)
class _State:
    format: Literal["podcrawler tree 1"] = "podcrawler tree 1"
    #: By their paths below the tree's folder.
    files: dict[str, _Made] = field(default_factory=dict)


_STATES = TypeAdapter(_State)


@dataclass(slots=True)
class Grown:
    """What became of a tree."""

    made: int = 0
    #: How many of those are copies in place of links.
    copied: int = 0
    removed: int = 0
    unchanged: int = 0
    #: Sentences about files that are less than was asked for.
    notes: list[str] = field(default_factory=list)
    #: Sentences about files that cannot be in it.
    left_out: list[str] = field(default_factory=list)


class Tree:
    """The tree in a folder, which is made if it is not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def update(self, files: Iterable[Wanted]) -> Grown:
        """Make the tree have these files, and no others that it has been made of. Raises PublishError and OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._locked():
            state = self._load()
            grown = Grown()
            wanted = dict(named(files, grown.left_out))
            if state.files and not wanted:
                raise PublishError(
                    "The archive has no files, and the tree would lose all of its own: mount the archive's disk; or "
                    f"remove {self._folder} yourself."
                )
            try:
                self._remove_others(state, wanted, grown)
                self._make(state, wanted, grown)
            finally:
                self._save(state)
            return grown

    def _remove_others(self, state: _State, wanted: dict[str, Content], grown: Grown) -> None:
        """Before anything is made: names that differ in case alone are the same to some disks."""
        for path in [path for path in state.files if path not in wanted]:
            target = self._folder / path
            found = _found(target)
            if found and state.files[path].is_still(found):
                target.unlink()
                grown.removed += 1
                self._remove_empty(target.parent)
            del state.files[path]

    def _make(self, state: _State, wanted: dict[str, Content], grown: Grown) -> None:
        for path, content in wanted.items():
            target, before = self._folder / path, state.files.pop(path, None)
            try:
                if isinstance(content, Link):
                    made = self._link(target, content.source, before, grown)
                else:
                    made = self._write(target, content, before, grown)
            except (OSError, ValueError) as error:
                if isinstance(error, OSError) and error.errno in FULL:
                    raise OSError(error.errno, error.strerror, str(target)) from error
                grown.left_out.append(f"{path}: {reason(error)}")
                continue
            if made:
                state.files[path] = made
            else:
                grown.left_out.append(f"{path}: there is another file of that name, which is left alone")

    def _link(self, target: Path, source: Path, made: _Made | None, grown: Grown) -> _Made | None:
        """Have a file of the archive in the tree; None if its place is taken."""
        original = source.lstat()
        found = _found(target)
        if found and _is_up_to_date(found, original, made):
            grown.unchanged += 1
            return _Made.of(found, original)
        if found and not (made and made.is_still(found)):
            return None
        with self._fresh(target) as fresh:
            try:
                os.link(source, fresh, follow_symlinks=False)
            except OSError as error:
                if error.errno not in NO_HARD_LINKS:
                    raise
                shutil.copy2(source, fresh)
                grown.copied += 1
            fresh.rename(target)
        grown.made += 1
        return _Made.of(target.lstat(), original)

    def _write(self, target: Path, content: Written, made: _Made | None, grown: Grown) -> _Made | None:
        """Have a file in the tree that is written for it; None if its place is taken."""
        source_time = content.source.lstat().st_mtime_ns if content.source else 0
        found = _found(target)
        is_ours = bool(found and made and made.is_still(found))
        if made and is_ours and (made.made_of, made.source_time) == (content.made_of, source_time):
            grown.unchanged += 1
            return made
        with self._fresh(target) as fresh:
            note = content.write(fresh)
            # One that an interrupted run has made, or one before the list was lost.
            is_same = found is not None and stat.S_ISREG(found.st_mode) and filecmp.cmp(fresh, target, shallow=False)
            if found and not is_ours and not is_same:
                return None
            if note:
                grown.notes.append(f"{target.relative_to(self._folder)}: {note}")
            if is_same:
                grown.unchanged += 1
            else:
                fresh.rename(target)
                grown.made += 1
        now = target.lstat()
        return _Made(now.st_size, now.st_mtime_ns, 0, source_time, content.made_of)

    @contextmanager
    def _fresh(self, target: Path) -> Iterator[Path]:
        """Where a file is before it has its name. What is left of it is removed: a part of a file takes the space that
        the list of files needs."""
        fresh = self._folder / _FRESH
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        try:
            yield fresh
        finally:
            fresh.unlink(missing_ok=True)

    def _remove_empty(self, folder: Path) -> None:
        with suppress(OSError):
            while folder != self._folder:
                folder.rmdir()
                folder = folder.parent

    @contextmanager
    def _locked(self) -> Iterator[None]:
        opened = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise PublishError(
                f"Another process is at work on {self._folder}; run this again when it is done."
            ) from None
        finally:
            os.close(opened)

    def _load(self) -> _State:
        """What was made; nothing if that is not known any more: links and copies are known again by themselves."""
        try:
            return _STATES.validate_json((self._folder / _STATE).read_bytes())
        except (FileNotFoundError, ValidationError):
            return _State()

    def _save(self, state: _State) -> None:
        raw = _STATES.dump_json(state)
        with open_below(self._folder, ()) as folder:
            write_if_changed(folder, self._folder / _STATE, lambda file: file.write(raw))


def _found(path: Path) -> os.stat_result | None:
    """What has the name, be it a link; None if nothing has."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return path.lstat()
    return None


def _is_up_to_date(found: os.stat_result, original: os.stat_result, made: _Made | None) -> bool:
    """Whether a file in the tree is the archive's, or a copy of it as it is."""
    if os.path.samestat(found, original):
        return True
    if not stat.S_ISREG(found.st_mode) or found.st_size != original.st_size:
        return False
    if made:
        is_copy = not made.inode and not made.made_of
        return made.is_still(found) and is_copy and made.source_time == original.st_mtime_ns
    # A copy that an interrupted run has made, or one before the list was lost.
    return abs(found.st_mtime - original.st_mtime) < _COARSE
