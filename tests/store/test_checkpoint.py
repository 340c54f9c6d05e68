"""What a checkpoint proves about the bytes of a part, and that it is replaced in one step."""

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from podcrawler.store.checkpoint import Checkpoint, CheckpointFile, Mark, remove_checkpoint
from podcrawler.store.fs import Folder, open_folder
from podcrawler.store.validators import Validator

KEY = b"of the fleet"
PART = "1.token.part"
BYTES = bytes(range(100))


def mark(size: int, content: bytes = BYTES) -> Mark:
    return Mark(size, hashlib.sha256(content[:size]).hexdigest())


def write(folder: Folder, *, size: int | None = None, synced: int = 10, written: int = 50, key: bytes = KEY) -> None:
    validator = Validator(value='"1"', size=size, address="a")
    file = CheckpointFile(folder, PART, key, validator, "enclosure", 1.5, mark(synced))
    file.note(mark(written))
    file.close()


def read(folder: Folder) -> Checkpoint | None:
    return Checkpoint.read(folder, PART, KEY)


def change(path: Path, **changed: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    with open_folder(tmp_path) as folder:
        yield folder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "1.token.json.part"


def test_it_is_read_as_it_was_written(folder: Folder, path: Path) -> None:
    for synced in (0, 5):
        write(folder, size=100, synced=synced, written=7)
        found = read(folder)
        assert found
        assert (found.validator.size, found.enclosure, found.since) == (100, "enclosure", 1.5)
        assert (found.synced, found.written) == (synced, 7)
    assert folder.names() == [path.name]
    written = json.loads(path.read_text())
    assert written["version"] == {"validator": '"1"', "size": 100, "address": "a"}
    remove_checkpoint(folder, PART)
    assert read(folder) is None
    remove_checkpoint(folder, PART)


@pytest.mark.parametrize(
    "changed", [{"since": 1.0}, {"enclosure": "another"}, {"proof": "é" * 64}, {"proof": "0" * 64}, {"x": 1}]
)
def test_what_another_has_written_says_nothing(folder: Folder, path: Path, changed: dict[str, object]) -> None:
    write(folder, key=b"another key")
    assert read(folder) is None
    write(folder)
    change(path, **changed)
    assert read(folder) is None


@pytest.mark.parametrize(
    ("size", "there", "usable"),
    [
        (None, BYTES[:50], 50),
        # What came after the checkpoint is not proven.
        (None, BYTES, 50),
        # A power cut.
        (None, BYTES[:20], 10),
        (None, BYTES[:20] + bytes(80), 10),
        (1000, BYTES[:50], 50),
        # Others' bytes.
        (None, bytes(50), 0),
        (None, BYTES[:9] + b"x" + BYTES[10:50], 0),
        (None, b"", 0),
        # Of the whole file the last byte is requested again: the answer to that proves the version.
        (50, BYTES[:50], 49),
        (20, BYTES[:50], 19),
        (50, BYTES[:49] + b"x", 10),
    ],
)
def test_bytes_count_that_are_proven(folder: Folder, size: int | None, there: bytes, usable: int) -> None:
    write(folder, size=size)
    found = read(folder)
    assert found
    assert found.proven(io.BytesIO(there), KEY).mark() == mark(usable)
    assert found.usable(len(there)) >= usable


@pytest.mark.parametrize(
    ("changed", "usable"),
    [
        ({"synced": 9}, 0),
        ({"written": 49}, 10),
        ({"written_proof": "0" * 64}, 10),
        # Of another machine, or of the time before a restart.
        ({"boot": "another"}, 10),
    ],
)
def test_numbers_count_that_are_proven(folder: Folder, path: Path, changed: dict[str, object], usable: int) -> None:
    write(folder)
    change(path, **changed)
    found = read(folder)
    assert found
    assert found.proven(io.BytesIO(BYTES), KEY).mark() == mark(usable)


def test_its_last_note_may_be_torn(folder: Folder, path: Path) -> None:
    """By a power cut, wherever."""
    write(folder, written=49)
    before = path.read_bytes()
    write(folder, written=50)
    after = path.read_bytes()
    assert len(after) == len(before)
    for at in range(len(after)):
        path.write_bytes(after[:at] + before[at:])
        found = read(folder)
        assert found
        assert found.proven(io.BytesIO(BYTES), KEY).size in (10, 49, 50)


def test_a_checkpoint_that_cannot_be_written_leaves_nothing(folder: Folder, path: Path) -> None:
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        write(folder)
    assert folder.names() == [path.name]


@pytest.mark.parametrize("name", ["1.token.json.part", "1.token.new.json.part"])
def test_a_link_in_its_place_is_not_followed(folder: Folder, tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    outside.write_text("outside")
    (tmp_path / name).symlink_to(outside)
    assert read(folder) is None
    write(folder)
    assert read(folder)
    assert outside.read_text() == "outside"
    assert sorted(folder.names()) == ["1.token.json.part", "outside"]
