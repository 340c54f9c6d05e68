"""The files of lines that all nodes of an archive append to."""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from podcrawler.store.fs import Folder, open_folder
from podcrawler.store.journal import Event, append, append_events, correct_manifest, manifest_line, put, read_manifest

ONE, TWO = "1" * 64, "2" * 64


def lines(folder: Path) -> list[str]:
    return (folder / "manifest-sha256.txt").read_text().splitlines()


def test_an_event_is_a_line_of_json(tmp_path: Path) -> None:
    time = datetime(2026, 11, 1, 12, tzinfo=UTC)
    assert json.loads(Event("removed", "podcrawler 1 on attic", "show/1", "1.標題.mp3", ONE).line(time)) == {
        "time": "2026-11-01T12:00:00.000Z",
        "event": "removed",
        "agent": "podcrawler 1 on attic",
        "episode": "show/1",
        "file": "1.標題.mp3",
        "sha256": ONE,
    }
    with open_folder(tmp_path) as folder:
        append_events(folder, Event("withdrawn", "a", "show/1"))
        append_events(folder, Event("withdrawn", "a", "show/\ud800"))
    first, second = (tmp_path / "events.jsonl").read_text().splitlines()
    assert sorted(json.loads(first)) == ["agent", "episode", "event", "time"]
    assert json.loads(second)["episode"].startswith("show/")


@pytest.mark.parametrize("name", ["plain.mp3", "back\\slash.mp3", "new\nline.mp3", "\\n.mp3", "標題.mp3", " *.mp3"])
def test_sha256sum_and_this_agree_on_names(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"audio")
    told = subprocess.run(["sha256sum", "--", name], cwd=tmp_path, capture_output=True, check=True).stdout
    (digest,) = {word for word in told.decode().lstrip("\\").split() if len(word) == 64}
    assert manifest_line(name, digest) == told
    with open_folder(tmp_path) as folder:
        append(folder, "manifest-sha256.txt", told)
        assert read_manifest(folder) == {name: digest}


def test_a_line_that_a_power_cut_broke_spoils_no_other(tmp_path: Path) -> None:
    (tmp_path / "manifest-sha256.txt").write_text(f"{ONE}  1.mp3\n{TWO}  2.m")
    with open_folder(tmp_path) as folder:
        append(folder, "manifest-sha256.txt", manifest_line("3.mp3", TWO))
    assert lines(tmp_path) == [f"{ONE}  1.mp3", f"{TWO}  2.m", f"{TWO}  3.mp3"]


def test_a_manifest_is_corrected(tmp_path: Path) -> None:
    with open_folder(tmp_path) as folder:
        correct_manifest(folder, {"1.mp3": None})
        assert folder.names() == []
        correct_manifest(folder, {"1.mp3": ONE, "2.mp3": TWO})
        inode = (tmp_path / "manifest-sha256.txt").stat().st_ino
        correct_manifest(folder, {"1.mp3": ONE, "3.mp3": None})
        assert (tmp_path / "manifest-sha256.txt").stat().st_ino == inode, "it was right"
        append(folder, "manifest-sha256.txt", manifest_line("1.mp3", TWO))
        correct_manifest(folder, {"1.mp3": TWO, "2.mp3": None})
        assert lines(tmp_path) == [f"{TWO}  1.mp3"]
        assert folder.names() == ["manifest-sha256.txt"]


def test_nobody_loses_a_line_to_who_rewrites_the_file(tmp_path: Path) -> None:
    def add(number: int) -> None:
        with open_folder(tmp_path) as folder:
            append(folder, "manifest-sha256.txt", manifest_line(f"{number}.mp3", ONE))
            if number % 5 == 0:
                correct_manifest(folder, {f"{number}.mp3": None})

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(200)))
    assert sorted(lines(tmp_path)) == sorted(f"{ONE}  {number}.mp3" for number in range(200) if number % 5)


def test_a_disk_that_fills_up_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    with open_folder(tmp_path) as folder:
        append(folder, "events.jsonl", b"first\n")
        monkeypatch.setattr(os, "write", lambda file, content: write(file, content[:3]))
        with pytest.raises(OSError, match="No space left"):
            append(folder, "events.jsonl", b"second\n")
    assert (tmp_path / "events.jsonl").read_bytes() == b"first\n"


def test_a_file_is_whole_or_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_folder(tmp_path) as folder:
        # What a process left that died while it wrote.
        (tmp_path / "podcast.json.part").write_bytes(b"much longer than what comes")
        put(folder, "podcast.json", b"first")
        monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left")))
        with pytest.raises(OSError, match="No space left"):
            put(folder, "podcast.json", b"second")
    assert [path.name for path in tmp_path.iterdir()] == ["podcast.json"]
    assert (tmp_path / "podcast.json").read_bytes() == b"first"


def test_no_line_goes_where_a_link_leads(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"of the operator")
    show = tmp_path / "show"
    show.mkdir()
    (show / "events.jsonl").symlink_to(secret)
    with open_folder(show) as folder, pytest.raises(OSError, match="symbolic links"):
        append(folder, "events.jsonl", b"line\n")
    assert secret.read_bytes() == b"of the operator"


def test_where_inodes_tell_nothing_lines_are_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some file systems that lie on a network give an open file another inode than its name."""
    monkeypatch.setattr(Folder, "has", lambda *_: False)
    with open_folder(tmp_path) as folder:
        append_events(folder, Event("captured", "a", "show/1"))
    assert len((tmp_path / "events.jsonl").read_text().splitlines()) == 1
