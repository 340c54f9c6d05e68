"""Which files in a folder are taken for episodes that were archived before."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcrawler.library.importing import Refused, find_media
from podcrawler.queue.archive import Imported
from tests.archives import put_episode, put_podcast
from tests.builders import fill
from tests.store.record_files import FILES


def test_only_named_and_whole_media_files_are_imported(tmp_path: Path) -> None:
    good = {"20001.第一回：燈塔.mp3": 3, "20002.a.b.c.M4A": 4, "x_-Y.title.wav": 5}
    bad = {
        "20003.title.mp3.part": "part",
        "20004.empty.mp3": "empty",
        "20005.mp3": "no-id",
        "no id.title.mp3": "no-id",
        "notes.title.txt": "no-media",
        "folder.jpg": "no-id",
        "20006": "no-id",
        f"{'a' * 41}.title.mp3": "no-id",
    }
    fill(tmp_path / "old", **good, **{name: 0 if why == "empty" else 9 for name, why in bad.items()})
    (tmp_path / "old" / "20009.page.mp3").write_text("<!DOCTYPE html><title>Sorry</title>")
    (tmp_path / "old" / "20010.cut.m4a").write_bytes((FILES / "audio.m4a").read_bytes()[:-9])
    fill(tmp_path / "old" / ".podcrawler", **{"20007.hidden.mp3": 9})
    (tmp_path / "old" / "20008.link.mp3").symlink_to(tmp_path / "old" / "20001.第一回：燈塔.mp3")
    found = list(find_media(tmp_path / "old", "rthk-287"))
    imported = {file.id: file for file in found if isinstance(file, Imported)}
    assert imported["20001"] == Imported("rthk-287", "20001", "第一回：燈塔", 3)
    assert imported["20002"].title == "a.b.c"
    assert {(file.id, file.size) for file in imported.values()} == {("20001", 3), ("20002", 4), ("x_-Y", 5)}
    refused = {file.path.name: file.why for file in found if isinstance(file, Refused)}
    assert refused == bad | {"20008.link.mp3": "empty", "20009.page.mp3": "broken", "20010.cut.m4a": "broken"}


def test_what_tells_of_media_files_is_passed_by(tmp_path: Path) -> None:
    put_podcast(tmp_path)
    path = put_episode(tmp_path, b"\0udio")
    of_a_title = path.with_name("no id at all.pdf")
    fill(path.parent, **{"manifest-sha256.txt": 9, "events.jsonl": 9, of_a_title.name: 9, f"{of_a_title.name}.json": 9})
    fill(path.parent, **{f"{path.name}.old": 9, f"{path.name}.old.json": 9, "2.mine.json": 9})
    beside = (f"{path.name.removesuffix('mp3')}{ending}" for ending in ("jpg", "zh-Hant.vtt", "chapters.json"))
    fill(path.parent, **dict.fromkeys(beside, 9), **{"cover.jpg": 9, "cover.png.old": 9})
    fill(tmp_path, **{"README.txt": 9})
    fill(tmp_path / "_pages", **{"script.js": 9, "style.css": 9, "search.json": 9, "icon.svg": 9})
    found = list(find_media(tmp_path, None))
    assert [file.id for file in found if isinstance(file, Imported)] == ["1"]
    refused = {file.path.name for file in found if isinstance(file, Refused)}
    assert refused == {of_a_title.name, f"{path.name}.old", "2.mine.json"}


@given(st.lists(st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=60), max_size=8))
def test_no_name_of_a_file_stops_the_walk(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    folder = tmp_path_factory.mktemp("any")
    # None of those that are passed by, such as what was published.
    fill(folder, **{f"{name}~": 1 for name in names})
    assert len(list(find_media(folder, "show"))) == len(list(folder.iterdir()))
