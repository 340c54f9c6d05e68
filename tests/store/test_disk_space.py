"""What a node may use of its disk, with what all its transfers still expect."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from podcrawler.exceptions import DiskFullError
from podcrawler.store.disk_space import DiskBudget
from podcrawler.store.fs import free_bytes


@dataclass(eq=False)
class File:
    """A file that takes up space."""

    path: Path
    received: int = 0
    expected: int | None = None
    is_buffered: bool = False


def test_what_is_needed_is_the_rest_of_all_files_and_what_stays_free(tmp_path: Path) -> None:
    budget = DiskBudget(min_free=1000)
    file = File(tmp_path / "1.part", received=10, expected=100)
    other = File(tmp_path / "2.part", received=20, expected=50)
    unknown = File(tmp_path / "3.part", received=500)
    for one in (file, other, unknown):
        budget.reserve(one)
    assert budget.needed(file) == 1000 + 90 + 30
    assert budget.needed(other) == 1000 + 30 + 90
    file.is_buffered = True
    assert budget.needed(file) == 1000 + 10 + 90 + 30
    budget.release(other)
    assert budget.needed(file) == 1000 + 10 + 90
    # More came than was announced.
    file.received = 200
    assert budget.needed(file) == 1000 + 200


def test_a_file_that_does_not_fit_is_refused_with_what_it_needs(tmp_path: Path) -> None:
    file = File(tmp_path / "1.part", expected=2**60)
    with pytest.raises(DiskFullError, match="has no room") as caught:
        DiskBudget(min_free=5).check(file)
    assert (caught.value.folder, caught.value.needed) == (tmp_path, 5 + 2**60)
    DiskBudget(min_free=0).check(File(tmp_path / "1.part", expected=1))


def test_a_folder_that_is_gone_ends_in_a_sentence(tmp_path: Path) -> None:
    assert free_bytes(tmp_path) > 0
    with pytest.raises(Exception, match="cannot be used"):
        DiskBudget(0).check(File(tmp_path / "gone" / "1.part"))
