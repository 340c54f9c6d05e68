"""File operations on real files, and on file systems that cannot do all of them."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from podcrawler.exceptions import DiskFullError
from podcrawler.store import fs
from podcrawler.store.fs_errors import disk_error, names_in


def refuse(number: int) -> Callable[..., None]:
    def refusing(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refusing


def link(folder: Path, part: str, final: str) -> None:
    with fs.open_folder(folder) as opened, (folder / part).open("rb") as file:
        opened.link(part, file.fileno(), opened, final)


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK])
def test_without_hard_links_a_file_is_renamed_unless_the_name_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(os, "link", refuse(number))
    part, final = tmp_path / "part", tmp_path / "final"
    part.write_bytes(b"1")
    link(tmp_path, "part", "final")
    assert [path.name for path in tmp_path.iterdir()] == ["final"]
    part.write_bytes(b"2")
    with pytest.raises(FileExistsError):
        link(tmp_path, "part", "final")
    assert (part.read_bytes(), final.read_bytes()) == (b"2", b"1")


def test_other_refusals_of_a_link_are_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", refuse(errno.ENOSPC))
    (tmp_path / "part").write_bytes(b"1")
    with pytest.raises(OSError, match="No space left"):
        link(tmp_path, "part", "final")


def test_a_link_that_took_the_place_of_a_part_is_not_published(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"1")
    (tmp_path / "part").write_bytes(b"1")
    with fs.open_folder(tmp_path) as folder, (tmp_path / "part").open("rb") as file:
        (tmp_path / "part").unlink()
        (tmp_path / "part").symlink_to("secret")
        with pytest.raises(OSError, match="something else in its place"):
            folder.link("part", file.fileno(), folder, "final")
    assert (tmp_path / "secret").stat().st_nlink == 1


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder with a file, and links to both in the folder ``store``."""
    store, elsewhere = tmp_path / "store", tmp_path / "elsewhere"
    store.mkdir()
    elsewhere.mkdir()
    (elsewhere / "file").write_bytes(b"x")
    (store / "link").symlink_to(elsewhere / "file")
    (store / "folder").symlink_to(elsewhere)
    return elsewhere


def test_no_link_is_followed(tmp_path: Path, elsewhere: Path) -> None:
    store = tmp_path / "store"
    steps: list[Callable[[], fs.Folder]] = [
        lambda: fs.open_folder(store / "folder"),
        lambda: fs.open_folder(store / "folder", create=True),
        lambda: fs.open_below(store, ["folder"]),
        lambda: fs.open_below(store, ["folder", "new"], create=True),
    ]
    for step in steps:
        with pytest.raises(OSError, match=r"directory|symbolic"):
            step()
    with fs.open_below(store, ()) as folder:
        for flags in (os.O_RDONLY, os.O_RDWR):
            with pytest.raises(OSError, match="symbolic"):
                folder.open_file("link", flags)
        with pytest.raises(FileExistsError):
            folder.new_file("link")
        folder.remove("link")
    assert [path.name for path in elsewhere.iterdir()] == ["file"]


def test_an_error_names_the_whole_path(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").touch()
    with pytest.raises(NotADirectoryError) as caught:
        fs.open_below(tmp_path, ["a", "b", "c"], create=True)
    assert caught.value.filename == str(tmp_path / "a" / "b")


def test_the_root_may_be_a_link(tmp_path: Path, elsewhere: Path) -> None:
    root = tmp_path / "root"
    root.symlink_to(elsewhere)
    with fs.open_below(root, ["a", "b"], create=True) as folder:
        os.close(folder.new_file("c"))
    assert (elsewhere / "a" / "b" / "c").exists()


def test_a_pipe_is_no_file_and_nothing_waits_for_its_other_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with fs.open_folder(tmp_path) as folder, pytest.raises(OSError, match="no file"):
        folder.read("pipe")


def test_nothing_is_made_for_everybody_to_write(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with fs.open_folder(tmp_path / "show", create=True) as folder:
            os.close(folder.new_file("file"))
    finally:
        os.umask(before)
    assert not (tmp_path / "show").stat().st_mode & stat.S_IWOTH
    assert not (tmp_path / "show" / "file").stat().st_mode & stat.S_IWOTH


def test_batches_are_what_one_system_call_takes() -> None:
    assert list(fs.batches([b"", b"a", b"", b"b"])) == [[b"a", b"b"]]
    assert [len(batch) for batch in fs.batches([b"x"] * 1500)] == [1024, 476]
    large = bytes(1024 * 1024)
    assert [len(batch) for batch in fs.batches([b"x", large, b"y"])] == [2, 1]
    assert list(fs.batches([])) == []


def test_a_file_system_that_cannot_sync_folders_is_good_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", refuse(errno.EINVAL))
    with fs.open_folder(tmp_path) as folder:
        folder.sync()
        monkeypatch.setattr(os, "fsync", refuse(errno.EIO))
        with pytest.raises(OSError, match="Input/output"):
            folder.sync()


def test_the_names_in_a_folder_that_does_not_exist_are_none(tmp_path: Path) -> None:
    (tmp_path / "1.title.mp3").touch()
    assert names_in(tmp_path) == ["1.title.mp3"]
    assert names_in(tmp_path / "not-there") == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_without_space_is_a_reason_to_wait(tmp_path: Path, number: int) -> None:
    error = disk_error(tmp_path / "1.part", OSError(number, os.strerror(number)))
    assert isinstance(error, DiskFullError)
    assert (error.kind, error.failure_class, error.folder) == ("disk-full", "local", tmp_path)
