"""File operations on real files, and on file systems that cannot do all of them."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from podcrawler.exceptions import DiskFullError
from podcrawler.store import fs
from podcrawler.store.fs_errors import disk_error, names_in


def refuse(number: int) -> Callable[..., None]:
    def refusing(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return refusing


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK])
def test_without_hard_links_a_file_is_renamed_unless_the_name_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(os, "link", refuse(number))
    part, final = tmp_path / "part", tmp_path / "final"
    part.write_bytes(b"1")
    fs.link(part, final)
    assert [path.name for path in tmp_path.iterdir()] == ["final"]
    part.write_bytes(b"2")
    with pytest.raises(FileExistsError):
        fs.link(part, final)
    assert (part.read_bytes(), final.read_bytes()) == (b"2", b"1")


def test_other_refusals_of_a_link_are_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", refuse(errno.ENOSPC))
    (tmp_path / "part").write_bytes(b"1")
    with pytest.raises(OSError, match="No space left"):
        fs.link(tmp_path / "part", tmp_path / "final")


def test_batches_are_what_one_system_call_takes() -> None:
    assert list(fs.batches([b"", b"a", b"", b"b"])) == [[b"a", b"b"]]
    assert [len(batch) for batch in fs.batches([b"x"] * 1500)] == [1024, 476]
    large = bytes(1024 * 1024)
    assert [len(batch) for batch in fs.batches([b"x", large, b"y"])] == [2, 1]
    assert list(fs.batches([])) == []


def test_a_file_system_that_cannot_sync_folders_is_good_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", refuse(errno.EINVAL))
    fs.sync_folder(tmp_path)
    monkeypatch.setattr(os, "fsync", refuse(errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        fs.sync_folder(tmp_path)


def test_the_names_in_a_folder_that_does_not_exist_are_none(tmp_path: Path) -> None:
    (tmp_path / "1.title.mp3").touch()
    assert names_in(tmp_path) == ["1.title.mp3"]
    assert names_in(tmp_path / "not-there") == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_without_space_is_a_reason_to_wait(tmp_path: Path, number: int) -> None:
    error = disk_error(tmp_path / "1.part", OSError(number, os.strerror(number)))
    assert isinstance(error, DiskFullError)
    assert (error.kind, error.failure_class, error.folder) == ("disk-full", "local", tmp_path)
