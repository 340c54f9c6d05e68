import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from podcrawler.exceptions import MediaError, StoreError
from podcrawler.store.base import Published, Store, StoredFile
from podcrawler.store.local import LocalStore
from podcrawler.store.names import Destination, destination
from podcrawler.store.part import PartFile
from tests.store.record_files import FILES

URL = "https://media.example.org/1.mp3"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "archive")


def transferred(store: Store, content: bytes, token: str = "token", episode: str = "1") -> PartFile:
    part = store.new_part("show", episode, token, URL)
    part.buffer([content])
    part.seal()
    return part


def to(name: str = "1.title.mp3") -> Destination:
    return destination("show", name.partition(".")[0], f"show/{name}")


def publish(store: Store, part: PartFile, where: Destination | None = None) -> Published:
    published = store.publish(part, where or to(), lambda: True)
    assert published
    return published


def file_of(published: Published) -> tuple[str, int]:
    return published.path, published.size


def refuse(number: int) -> Callable[..., None]:
    def refusing(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refusing


def folder_of(store: LocalStore, podcast_id: str = "show") -> Path:
    folder = store.root / podcast_id
    folder.mkdir(exist_ok=True)
    return folder


def names_in_show(store: LocalStore) -> list[str]:
    return sorted(path.name for path in (store.root / "show").iterdir())


def test_a_part_is_adopted_under_its_name(store: LocalStore) -> None:
    part = transferred(store, b"\0udio")
    assert part.path == store.root / "show" / "1.token.part"
    assert store.find("show", "1") is None
    assert file_of(publish(store, part)) == ("show/1.title.mp3", 5)
    assert names_in_show(store) == ["1.title.mp3"]
    assert names_in_show(store) == ["1.title.mp3"]
    assert store.find("show", "1") == ("show/1.title.mp3", 5)


def test_a_complete_file_is_never_replaced(store: LocalStore) -> None:
    (folder_of(store) / "1.title.mp3").write_bytes(b"\0as here first")
    part = transferred(store, b"\0udio")
    assert file_of(publish(store, part)) == ("show/1.title.mp3", 14)
    assert names_in_show(store) == ["1.title.mp3"]
    assert (store.root / "show" / "1.title.mp3").read_bytes() == b"\0as here first"


@pytest.mark.parametrize(
    "broken", [b"<!DOCTYPE html><title>Sorry</title>", b"", (FILES / "audio.m4a").read_bytes()[:-9]]
)
def test_a_broken_file_is_neither_taken_nor_touched(store: LocalStore, broken: bytes) -> None:
    (folder_of(store) / "1.title.mp3").write_bytes(broken)
    assert store.find("show", "1") is None
    part = transferred(store, b"\0udio")
    published = publish(store, part)
    assert (published.size, published.adopted) == (5, False)
    assert store.find("show", "1") == StoredFile(published.path, 5)
    assert (store.root / "show" / "1.title.mp3").read_bytes() == broken
    assert sorted(names_in_show(store)) == sorted(["1.title.mp3", published.path.partition("/")[2]])


def test_a_broken_file_under_both_names_is_told(store: LocalStore) -> None:
    for name in ("1.title.mp3", to().disambiguated().path.partition("/")[2]):
        (folder_of(store) / name).write_bytes(b"sorry")
    part = transferred(store, b"\0udio")
    with pytest.raises(MediaError, match="a broken file is in the way"):
        publish(store, part)
    assert [path.read_bytes() for path in folder_of(store).glob("*.mp3")] == [b"sorry"] * 2
    assert part.path.read_bytes() == b"\0udio"


def test_a_name_that_a_user_chose_never_stands_for_another_file(store: LocalStore) -> None:
    first, second = (destination("show", episode, "2026/Pilot.mp3") for episode in "12")
    assert file_of(publish(store, transferred(store, b"\0ne"), first)) == ("2026/Pilot.mp3", 3)
    published = publish(store, transferred(store, b"\0wo", episode="2"), second)
    assert (published.path, published.adopted) == (second.disambiguated().path, False)
    assert (store.root / "2026" / "Pilot.mp3").read_bytes() == b"\0ne"
    assert (store.root / published.path).read_bytes() == b"\0wo"
    # A node that died after it published, and before it said so.
    assert publish(store, transferred(store, b"\0ne", "again"), first) == Published("2026/Pilot.mp3", 3, None, True)
    again = publish(store, transferred(store, b"\0wo", "again", "2"), second)
    assert again == Published(published.path, 3, None, adopted=True)
    assert sorted(path.name for path in store.root.glob("*/*")) == ["Pilot.mp3", published.path.partition("/")[2]]


def test_a_name_that_a_user_chose_makes_its_folders(store: LocalStore) -> None:
    where = destination("show", "1", "by year/2026/May/Pilot.mp3")
    assert store.reserve_path(where) is None
    assert file_of(publish(store, transferred(store, b"\0ne"), where)) == (where.path, 3)


def test_one_id_in_two_podcasts_is_two_files(store: LocalStore) -> None:
    for podcast in ("show", "other-show"):
        (folder_of(store, podcast) / "1.title.mp3").write_bytes(b"\0udio")
    assert store.find("show", "1") == ("show/1.title.mp3", 5)
    assert store.find("other-show", "1") == ("other-show/1.title.mp3", 5)


def test_whose_bytes_a_name_stands_for_is_told(store: LocalStore) -> None:
    part, late = transferred(store, b"\0udio"), transferred(store, b"\0udio", "other")
    assert publish(store, part).adopted is False
    assert publish(store, late) == Published("show/1.title.mp3", 5, None, adopted=True)


def test_ids_that_differ_in_case_alone_get_names_that_differ_on_every_disk(store: LocalStore) -> None:
    lower, upper = transferred(store, b"\0ower", episode="ab"), transferred(store, b"\0pper!", episode="AB")
    assert file_of(publish(store, lower, to("ab.Title.mp3"))) == ("show/ab.Title.mp3", 5)
    path, size = file_of(publish(store, upper, to("AB.TITLE.mp3")))
    assert size == 6
    assert path.startswith("show/AB.TITLE~")
    assert path.casefold() != "show/ab.title.mp3"
    assert (store.find("show", "ab"), store.find("show", "AB")) == (("show/ab.Title.mp3", 5), (path, 6))


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK])
def test_without_hard_links_it_is_renamed(store: LocalStore, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr(os, "link", refuse(number))
    part = transferred(store, b"\0udio")
    assert file_of(publish(store, part)) == ("show/1.title.mp3", 5)
    again = transferred(store, b"\0ther", "again")
    assert file_of(publish(store, again)) == ("show/1.title.mp3", 5)
    assert names_in_show(store) == ["1.title.mp3"]
    assert (store.root / "show" / "1.title.mp3").read_bytes() == b"\0udio"


def test_what_is_no_file_is_not_adopted(store: LocalStore) -> None:
    (folder_of(store) / "1.title.mp3").mkdir()
    published = publish(store, transferred(store, b"\0udio"))
    assert file_of(published) == (to().disambiguated().path, 5)
    assert (store.root / published.path).read_bytes() == b"\0udio"


def test_a_refusal_of_the_disk_leaves_the_part_and_publishes_nothing(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = transferred(store, b"\0udio")
    monkeypatch.setattr(os, "link", refuse(errno.ENOSPC))
    with pytest.raises(MediaError, match="disk is full") as caught:
        publish(store, part)
    assert caught.value.kind == "disk-full"
    assert names_in_show(store) == ["1.token.part"]


def test_only_whole_regular_files_of_the_episode_are_found(store: LocalStore, tmp_path: Path) -> None:
    assert store.find("show", "1") is None
    folder = folder_of(store)
    (tmp_path / "secret").write_bytes(b"x")
    (folder / "1.link.mp3").symlink_to(tmp_path / "secret")
    (folder / "1.folder.mp3").mkdir()
    (folder / "1.token.part").write_bytes(b"x")
    (folder / "11.title.mp3").write_bytes(b"x")
    store.refresh("show", "1")
    assert store.find("show", "1") is None
    (folder / "1.title.mp3").write_bytes(b"\0y")
    assert store.find("show", "1") == ("show/1.title.mp3", 2)


@pytest.mark.parametrize("left", ["2.title.mp3", "2.dead.part"])
def test_an_episode_that_another_node_may_have_worked_on_is_looked_for_anew(store: LocalStore, left: str) -> None:
    assert store.find("show", "2") is None
    (folder_of(store) / left).write_bytes(b"\0y")
    (folder_of(store) / "3.title.mp3").write_bytes(b"\0y")
    assert not store.may_have("show", "2")
    store.refresh("show", "2")
    assert [store.may_have("show", name) for name in "23"] == [True, False]


def test_a_folder_is_looked_through_once_for_episodes_that_are_new(store: LocalStore) -> None:
    (folder_of(store) / "1.title.mp3").write_bytes(b"\0y")
    assert store.find("show", "2") is None
    (folder_of(store) / "2.title.mp3").write_bytes(b"\0y")
    assert store.find("show", "2") is None
    assert store.find("show", "1") == ("show/1.title.mp3", 2)
    store.refresh("show", "2")
    assert store.find("show", "2") == ("show/2.title.mp3", 2)


def test_a_new_part_goes_in_place_of_what_a_dead_node_left(store: LocalStore) -> None:
    (folder_of(store) / "1.dead.part").write_bytes(b"x")
    part = store.new_part("show", "1", "token", URL)
    assert names_in_show(store) == []
    part.buffer([b"x"])
    part.seal()
    assert names_in_show(store) == ["1.token.part"]


def test_what_nobody_has_worked_on_is_known_without_a_look(store: LocalStore) -> None:
    assert store.may_have("show", "1")
    (folder_of(store) / "1.title.mp3").write_bytes(b"\0y")
    assert store.find("show", "2") is None
    assert [store.may_have("show", name) for name in "12"] == [True, False]


def test_what_dead_nodes_left_goes_when_the_episode_is_published(store: LocalStore) -> None:
    (folder_of(store) / "1.dead.part").write_bytes(b"x")
    part = PartFile(folder_of(store) / "1.token.part")
    part.buffer([b"\0udio"])
    part.seal()
    publish(store, part)
    assert names_in_show(store) == ["1.title.mp3"]


def test_nothing_reaches_outside(store: LocalStore) -> None:
    for step in (
        lambda: store.may_have("../outside", "1"),
        lambda: store.find("..", "1"),
        lambda: store.new_part("show", "../1", "token", URL),
        lambda: store.new_part("show", "1", "../token", URL),
    ):
        with pytest.raises(ValueError, match="cannot be the"):
            step()
    assert [path.name for path in store.root.parent.iterdir()] == ["archive"]


def test_nodes_may_make_the_folder_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = Path.mkdir

    def make_after_another_node(path: Path, *arguments: Any, **options: Any) -> None:
        make(path, exist_ok=True)
        make(path, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", make_after_another_node)
    LocalStore(tmp_path / "archive").check()


def test_check_makes_the_folder_and_leaves_nothing(store: LocalStore) -> None:
    store.root.rmdir()
    store.check()
    assert list(store.root.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "is full"), (errno.EROFS, "set FILES_STORE"), (errno.ENOLCK, "lock files")]
)
def test_check_tells_why_nothing_can_be_written(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    monkeypatch.setattr("fcntl.flock", refuse(number))
    with pytest.raises(StoreError, match=words):
        store.check()
    assert list(store.root.iterdir()) == []


def test_a_file_in_the_way_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "archive").write_bytes(b"")
    with pytest.raises(StoreError, match="set FILES_STORE"):
        LocalStore(tmp_path / "archive").check()
    with pytest.raises(StoreError, match="set FILES_STORE"):
        LocalStore(tmp_path / "archive" / "deeper")
