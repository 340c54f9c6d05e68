import os
import threading
import tracemalloc
from pathlib import Path

import pytest

from podcrawler.store.index import EpisodeIndex


def test_what_is_added_is_known(tmp_path: Path) -> None:
    (tmp_path / "Listed.title.mp3").touch()
    index = EpisodeIndex()
    index.load(tmp_path)
    ids = [f"episode-{number}" for number in range(1000)]
    for name in ids:
        assert not index.may_have(tmp_path, name)
        index.add(tmp_path, name)
    assert all(index.may_have(tmp_path, name) for name in [*ids, "listed", "EPISODE-7"])
    assert not index.may_have(tmp_path, "another")


def test_an_episode_more_takes_no_memory_and_is_seldom_taken_for_another(tmp_path: Path) -> None:
    index = EpisodeIndex()
    index.load(tmp_path)
    index.add(tmp_path, "first")
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(100_000):
            index.add(tmp_path, f"episode-{number}")
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 1000
    assert sum(index.may_have(tmp_path, f"other-{number}") for number in range(20_000)) < 20


def test_of_many_folders_the_last_are_known(tmp_path: Path) -> None:
    index = EpisodeIndex(max_folders=2)
    shows = [tmp_path / name for name in "abc"]
    for show in shows:
        index.load(show)
        index.add(show, "1")
    assert [index.may_have(show, "2") for show in shows] == [True, False, False]
    index.load(shows[0])
    assert [index.may_have(shows[0], name) for name in "12"] == [True, False]
    assert index.may_have(shows[1], "2")


def test_another_case_of_an_id_is_found_by_a_new_look(tmp_path: Path) -> None:
    """To some disks they are one."""
    index = EpisodeIndex()
    index.load(tmp_path)
    (tmp_path / "Abc.title.mp3").touch()
    index.refresh(tmp_path, "aBC")
    index.refresh(tmp_path, "ab")
    assert [index.may_have(tmp_path, name) for name in ("aBC", "Abc", "ab")] == [True, True, False]


def test_what_is_known_stays_known_while_more_is_added(tmp_path: Path) -> None:
    index = EpisodeIndex()
    index.load(tmp_path)
    index.add(tmp_path, "first")

    def add_many() -> None:
        for number in range(20_000):
            index.add(tmp_path, f"{number}")

    adding = threading.Thread(target=add_many)
    adding.start()
    while adding.is_alive():
        assert index.may_have(tmp_path, "first")
    adding.join()


def test_what_is_added_while_a_folder_is_listed_is_known_and_waits_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small files are added by the event loop."""
    index = EpisodeIndex()
    read, resume = threading.Event(), threading.Event()
    listdir = os.listdir

    def slowly(folder: Path) -> list[str]:
        names = listdir(folder)
        read.set()
        assert resume.wait(20)
        return names

    monkeypatch.setattr("os.listdir", slowly)
    looking = threading.Thread(target=index.load, args=(tmp_path,))
    looking.start()
    assert read.wait(20)
    index.add(tmp_path, "1")
    resume.set()
    looking.join()
    assert index.may_have(tmp_path, "1")
    assert not index.may_have(tmp_path, "2")


def test_a_folder_that_nobody_listed_is_listed_once_for_a_refresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, listed = EpisodeIndex(), []
    (tmp_path / "1.title.mp3").touch()
    listdir = os.listdir

    def counted(folder: int) -> list[str]:
        listed.append(os.fstat(folder).st_ino)
        return listdir(folder)

    monkeypatch.setattr("os.listdir", counted)
    index.refresh(tmp_path, "2")
    index.refresh(tmp_path, "1")
    assert listed == [tmp_path.stat().st_ino]
    index.refresh(tmp_path, "2")
    assert len(listed) == 2
    assert [index.may_have(tmp_path, name) for name in "12"] == [True, False]
