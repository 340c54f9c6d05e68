"""What a checkpoint proves about the bytes of a part, and that it is replaced in one step."""

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from podcrawler.store.checkpoint import Checkpoint, Mark, remove_checkpoint
from podcrawler.store.fs import Folder, open_folder
from podcrawler.store.validators import Validator

KEY = b"of the fleet"
PART = "1.token.part"
BYTES = bytes(range(100))


def mark(size: int, content: bytes = BYTES) -> Mark:
    return Mark(size=size, sha256=hashlib.sha256(content[:size]).hexdigest())


def checkpoint(size: int | None, synced: Mark, written: Mark) -> Checkpoint:
    validator = Validator(value='"1"', size=size, address="a")
    return Checkpoint(validator=validator, enclosure="enclosure", synced=synced, written=written)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    with open_folder(tmp_path) as folder:
        yield folder


def test_it_is_read_as_it_was_written(folder: Folder, tmp_path: Path) -> None:
    for synced in (0, 5):
        checkpoint(100, mark(synced), mark(7)).write(folder, PART, KEY)
        found = Checkpoint.read(folder, PART, KEY)
        assert found
        assert (found.validator.size, found.synced, found.written) == (100, mark(synced), mark(7))
    assert folder.names() == ["1.token.json.part"]
    written = json.loads((tmp_path / "1.token.json.part").read_text())
    assert written == {
        "version": {"validator": '"1"', "size": 100, "address": "a"},
        "enclosure": "enclosure",
        "since": 0.0,
        "synced": {"size": 5, "sha256": mark(5).sha256},
        "written": {"size": 7, "sha256": mark(7).sha256},
        "proof": written["proof"],
    }
    remove_checkpoint(folder, PART)
    assert Checkpoint.read(folder, PART, KEY) is None
    remove_checkpoint(folder, PART)


@pytest.mark.parametrize(
    "changed",
    [{"since": 1.0}, {"enclosure": "another"}, {"written": {"size": 8, "sha256": ""}}, {"proof": "é"}, {"x": 1}],
)
def test_what_another_has_written_proves_nothing(folder: Folder, tmp_path: Path, changed: dict[str, object]) -> None:
    checkpoint(100, mark(5), mark(7)).write(folder, PART, KEY)
    assert Checkpoint.read(folder, PART, b"another key") is None
    path = tmp_path / "1.token.json.part"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
    assert Checkpoint.read(folder, PART, KEY) is None


@pytest.mark.parametrize(
    ("size", "synced", "written", "there", "usable"),
    [
        (None, mark(10), mark(50), BYTES[:50], 50),
        # What came after the checkpoint is not proven.
        (None, mark(10), mark(50), BYTES, 50),
        # A power cut.
        (None, mark(10), mark(50), BYTES[:20], 10),
        (None, mark(10), mark(50), BYTES[:20] + bytes(80), 10),
        (1000, mark(10), mark(50), BYTES[:50], 50),
        # Others' bytes.
        (None, mark(10), mark(50), bytes(50), 0),
        (None, mark(10), mark(50), BYTES[:9] + b"x" + BYTES[10:50], 0),
        (None, mark(10), mark(50), b"", 0),
        # Of the whole file the last byte is requested again: the answer to that proves the version.
        (50, mark(50), mark(50), BYTES[:50], 49),
        (50, mark(50), mark(50), bytes(50), 0),
    ],
)
def test_bytes_count_that_are_proven(size: int | None, synced: Mark, written: Mark, there: bytes, usable: int) -> None:
    found = checkpoint(size, synced, written)
    proven = found.proven(io.BytesIO(there))
    assert proven.mark() == mark(usable)
    assert found.usable(len(there)) >= usable


def test_a_checkpoint_that_cannot_be_written_leaves_nothing(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "1.token.json.part").mkdir()
    with pytest.raises(OSError, match="directory"):
        checkpoint(1, mark(0), mark(1)).write(folder, PART, KEY)
    assert folder.names() == ["1.token.json.part"]


@pytest.mark.parametrize("name", ["1.token.json.part", "1.token.new.json.part"])
def test_a_link_in_its_place_is_not_followed(folder: Folder, tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    outside.write_text("outside")
    (tmp_path / name).symlink_to(outside)
    assert Checkpoint.read(folder, PART, KEY) is None
    checkpoint(100, mark(5), mark(7)).write(folder, PART, KEY)
    assert Checkpoint.read(folder, PART, KEY)
    assert outside.read_text() == "outside"
    assert sorted(folder.names()) == ["1.token.json.part", "outside"]
