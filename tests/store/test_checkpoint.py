"""What a checkpoint proves about the bytes of a part, and that it is replaced in one step."""

import json
from pathlib import Path

import pytest

from podcrawler.store.checkpoint import Checkpoint, remove_checkpoint
from podcrawler.store.validators import Validator


def checkpoint(size: int | None, synced: int) -> Checkpoint:
    return Checkpoint.now(Validator(value='"1"', size=size, address="a"), "enclosure", synced)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    part = tmp_path / "1.token.part"
    for synced in (0, 5):
        checkpoint(100, synced).write(part)
        assert Checkpoint.read(part) == checkpoint(100, synced)
    assert [path.name for path in tmp_path.iterdir()] == ["1.token.json.part"]
    written = json.loads((tmp_path / "1.token.json.part").read_text())
    assert written == {
        "version": {"validator": '"1"', "size": 100, "address": "a"},
        "enclosure": "enclosure",
        "since": 0.0,
        "synced": 5,
        "boot": written["boot"],
    }
    remove_checkpoint(part)
    assert Checkpoint.read(part) is None
    remove_checkpoint(part)


@pytest.mark.parametrize(
    ("size", "synced", "same_boot", "usable"),
    [
        (None, 10, True, 50),
        (None, 10, False, 10),
        (None, 60, False, 50),
        (1000, 10, True, 50),
        # Of the whole file the last byte is requested again: the answer to that proves the version.
        (50, 50, True, 49),
        (20, 50, False, 19),
    ],
)
def test_bytes_count_until_the_next_boot_and_then_those_that_were_synced(
    size: int | None, synced: int, same_boot: bool, usable: int
) -> None:
    found = checkpoint(size, synced)
    if not same_boot:
        found = found.model_copy(update={"boot": "another"})
    assert found.usable(50) == usable


def test_a_checkpoint_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "1.token.json.part").mkdir()
    with pytest.raises(OSError, match="directory"):
        checkpoint(1, 1).write(tmp_path / "1.token.part")
    assert [path.name for path in tmp_path.iterdir()] == ["1.token.json.part"]
