"""The process that writes small files: what it says to be published is, and of anything else it leaves nothing."""

import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from podcrawler import clock
from podcrawler.store import fs
from podcrawler.store.journal import Notes
from podcrawler.store.writer import Job, message, serve, write
from tests.checkout import ROOT

CONTENT = b"\0udio"


def job(folder: Path, name: str = "1", *, needed: int = 0, until: float | None = None) -> Job:
    until = clock.now() + 60 if until is None else until
    part, final = folder / f"{name}.t.part", folder / f"{name}.title.mp3"
    return Job(bytes(part), bytes(final), CONTENT, needed, until)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_files_are_published_in_a_folder_that_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "show"
    assert write([job(folder, "1"), job(folder, "2")]) == [True, True]
    assert names(folder) == ["1.title.mp3", "2.title.mp3"]
    assert (folder / "1.title.mp3").read_bytes() == CONTENT
    assert stat.S_IMODE((folder / "1.title.mp3").stat().st_mode) == 0o666 & ~os.umask(os.umask(0o022))


def test_what_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut cannot be had here; the order of the calls can."""
    calls: list[str] = []
    fsync, link = os.fsync, os.link

    def name_of(file: int) -> str:
        return os.path.basename(os.readlink(f"/proc/self/fd/{file}"))  # noqa: PTH119, PTH115

    def tell_sync(file: int) -> None:
        calls.append(f"sync {name_of(file)}")
        fsync(file)

    def tell_link(path: bytes, final: bytes, **options: Any) -> None:
        calls.append(f"name {final.decode()}")
        link(path, final, **options)

    monkeypatch.setattr(os, "fsync", tell_sync)
    monkeypatch.setattr(os, "link", tell_link)
    folder = tmp_path / "show"
    folder.mkdir()
    assert write([job(folder, "1"), job(folder, "2")]) == [True, True]
    assert calls == ["sync 1.t.part", "name 1.title.mp3", "sync 2.t.part", "name 2.title.mp3", "sync show"]


def test_a_file_that_is_there_stays_and_so_does_the_part_of_another(tmp_path: Path) -> None:
    (tmp_path / "1.title.mp3").write_bytes(b"first")
    (tmp_path / "2.t.part").write_bytes(b"another's")
    assert write([job(tmp_path, "1"), job(tmp_path, "2"), job(tmp_path, "3")]) == [False, False, True]
    assert names(tmp_path) == ["1.title.mp3", "2.t.part", "3.title.mp3"]
    assert (tmp_path / "1.title.mp3").read_bytes() == b"first"
    assert (tmp_path / "2.t.part").read_bytes() == b"another's"


def test_without_room_or_after_the_lease_nothing_is_left(tmp_path: Path) -> None:
    no_room = job(tmp_path, "1", needed=fs.free_bytes(tmp_path) + 2**40)
    late = job(tmp_path, "2", until=clock.now())
    assert write([no_room, late, job(tmp_path, "3")]) == [False, False, True]
    assert names(tmp_path) == ["3.title.mp3"]


def test_without_hard_links_the_part_is_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "2.title.mp3").write_bytes(b"first")
    assert write([job(tmp_path, "1"), job(tmp_path, "2")]) == [True, False]
    assert names(tmp_path) == ["1.title.mp3", "2.title.mp3"]
    assert (tmp_path / "2.title.mp3").read_bytes() == b"first"


def test_where_names_may_not_last_nothing_is_said_to_be_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync

    def refuse_folders(file: int) -> None:
        if stat.S_ISDIR(os.fstat(file).st_mode):
            raise OSError(5, "Input/output error")
        fsync(file)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    assert write([job(tmp_path)]) == [False]


def test_a_folder_that_is_not_there_is_nothing_to_the_others(tmp_path: Path) -> None:
    assert write([job(tmp_path / "unmounted" / "show"), job(tmp_path)]) == [False, True]


@contextmanager
def served() -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=serve, args=(theirs,))
    # Only the main thread may set what it does about signals.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("signal.signal", lambda *_: None)
        thread.start()
        try:
            yield ours
        finally:
            ours.close()
            thread.join(20)
            assert not thread.is_alive()


def test_each_message_is_answered_with_a_byte_for_each_job(tmp_path: Path) -> None:
    long = job(tmp_path, "2")._replace(content=b"longer")
    with served() as node:
        node.sendall(b"".join(message([job(tmp_path, "1"), job(tmp_path, "1"), long])))
        assert node.recv(10) == b"\1\0\1"
        node.sendall(b"".join(message([job(tmp_path, "3")])))
        assert node.recv(10) == b"\1"
    contents = [path.read_bytes() for path in sorted(tmp_path.iterdir())]
    assert contents == [CONTENT, b"longer", CONTENT]


#: What goes before the contents.
HEAD = b"".join(message([job(Path("/dev/null"), until=1.0)])[:-1])


@pytest.mark.parametrize("said", [b"", b"\0\0", HEAD[:-1], HEAD, HEAD + CONTENT[:-1]])
def test_it_ends_with_its_node_whatever_that_was_saying(said: bytes) -> None:
    with served() as node:
        node.sendall(said)


def test_the_contents_of_a_message_are_not_copied(tmp_path: Path) -> None:
    """A copy of many would be megabytes."""
    sent = job(tmp_path)
    _, content = message([sent])
    assert content is sent.content


def test_it_imports_next_to_nothing() -> None:
    """Scrapy would take 50 MB and a third of a second."""
    program = "import sys; sys.path.append(sys.argv[1]); import podcrawler.store.writer; print(*sys.modules)"
    command = [sys.executable, "-I", "-S", "-c", program, str(ROOT)]
    child = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert not {"scrapy", "asyncio", "pydantic", "aiohttp"} & set(child.stdout.split())


def test_names_are_encoded_as_the_node_has_them(tmp_path: Path) -> None:
    """The process may have another locale."""
    program = "import os, sys; sys.path.append(sys.argv[1]); from podcrawler.store.writer import *; " + (
        f"print(write([{job(tmp_path, '人')!r}]))"
    )
    command = [sys.executable, "-I", "-S", "-X", "utf8=0", "-c", program, str(ROOT)]
    child = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env={"LC_ALL": "C"})
    assert child.stdout == "[True]\n"
    assert names(tmp_path) == ["人.title.mp3"]


def test_where_files_cannot_be_locked_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    assert write([job(tmp_path)]) == [False]
    assert names(tmp_path) == []


def test_the_store_may_be_the_folder_that_the_node_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert write([job(Path("show"))]) == [True]
    assert names(tmp_path / "show") == ["1.title.mp3"]


def test_a_link_whose_answer_was_lost_is_none_the_less_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = os.link

    def twice(path: bytes, final: bytes, **options: Any) -> None:
        link(path, final, **options)
        link(path, final, **options)

    monkeypatch.setattr(os, "link", twice)
    assert write([job(tmp_path)]) == [True]
    assert names(tmp_path) == ["1.title.mp3"]


def noted(folder: Path, name: str = "1", line: bytes = b"") -> Job:
    notes = Notes(b"{}\n", line or f"{'0' * 64}  {name}.title.mp3\n".encode(), b'{"event": 1}\n')
    return job(folder, name)._replace(notes=notes)


def test_notes_come_with_their_files_and_the_sidecar_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def tell(name: str) -> None:
        call = getattr(os, name)

        def told(path: Any, *arguments: Any, **options: Any) -> Any:
            if name == "fsync":
                path_of = os.readlink(f"/proc/self/fd/{path}")  # noqa: PTH115
                calls.append(f"sync {os.path.basename(path_of)}")  # noqa: PTH119
            else:
                calls.append(f"{name} {os.fsdecode(arguments[0])}")
            return call(path, *arguments, **options)

        monkeypatch.setattr(os, name, told)

    folder = tmp_path / "show"
    folder.mkdir()
    for name in ("fsync", "link", "rename"):
        tell(name)
    assert write([noted(folder, "1"), noted(folder, "2"), job(folder, "3")]) == [True] * 3
    assert calls == [
        *("sync 1.t.part", "sync 1.title.mp3.json.part", "link 1.title.mp3"),
        *("sync 2.t.part", "sync 2.title.mp3.json.part", "link 2.title.mp3"),
        *("sync 3.t.part", "link 3.title.mp3"),
        *("rename 1.title.mp3.json", "rename 2.title.mp3.json", "sync show"),
    ]
    told = ["1.title.mp3", "1.title.mp3.json", "2.title.mp3", "2.title.mp3.json"]
    assert names(folder) == [*told, "3.title.mp3", "events.jsonl", "manifest-sha256.txt"]
    assert (folder / "1.title.mp3.json").read_bytes() == b"{}\n"
    assert (folder / "manifest-sha256.txt").read_text() == f"{'0' * 64}  1.title.mp3\n{'0' * 64}  2.title.mp3\n"
    assert (folder / "events.jsonl").read_bytes() == b'{"event": 1}\n' * 2


def test_nothing_is_noted_of_a_file_that_is_not_published(tmp_path: Path) -> None:
    (tmp_path / "1.title.mp3").write_bytes(b"first")
    late = noted(tmp_path, "2")._replace(until=clock.now())
    assert write([noted(tmp_path, "1"), late]) == [False, False]
    assert names(tmp_path) == ["1.title.mp3"]


def test_where_a_line_cannot_be_written_no_sidecar_says_that_all_is(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").mkdir()
    assert write([noted(tmp_path)]) == [False]
    assert names(tmp_path) == ["1.title.mp3", "events.jsonl", "manifest-sha256.txt"]


def test_where_the_sidecar_cannot_be_begun_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "1.title.mp3.json.part").write_bytes(b"another's")
    assert write([noted(tmp_path)]) == [False]
    assert names(tmp_path) == ["1.title.mp3.json.part"]


def test_notes_go_through_a_message_as_they_are(tmp_path: Path) -> None:
    jobs = [noted(tmp_path, "1"), job(tmp_path, "2"), noted(tmp_path, "3", line=b"x" * 3000 + b"\n")]
    with served() as node:
        node.sendall(b"".join(message(jobs)))
        assert node.recv(10) == b"\1\1\1"
    assert (tmp_path / "3.title.mp3.json").read_bytes() == b"{}\n"
    assert (tmp_path / "manifest-sha256.txt").read_bytes() == jobs[0].notes.line + jobs[2].notes.line
