import asyncio
import errno
import fcntl
import hashlib
import os
import threading
from pathlib import Path

import pytest

from podcrawler.exceptions import MediaError
from podcrawler.store.disk_space import DiskBudget
from podcrawler.store.part import PartFile


def is_locked(path: Path) -> bool:
    with path.open("rb+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_chunks_are_written_in_order_and_counted(tmp_path: Path) -> None:
    async def story() -> None:
        part = PartFile(tmp_path / "1.t.part")
        await part.write([b"one", b"", b"two"])
        await part.write([])
        # More pieces than one writev takes.
        await part.write([b"x"] * 5000)
        await asyncio.to_thread(part.seal)
        await part.close()
        assert part.received == 5006
        assert part.path.read_bytes() == b"onetwo" + b"x" * 5000

    asyncio.run(story())


def test_short_writes_go_on_where_they_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def short_write(file: int, pieces: list[memoryview]) -> int:
        return os.write(file, b"".join(pieces)[:3])

    monkeypatch.setattr(os, "writev", short_write)

    async def story() -> None:
        part = PartFile(tmp_path / "1.t.part")
        await part.write([b"ab", b"cdef", b"g"])
        await part.close()
        assert part.received == 7
        assert part.path.read_bytes() == b"abcdefg"

    asyncio.run(story())


def test_what_is_held_is_written_when_the_file_is_used_next(tmp_path: Path) -> None:
    async def story() -> None:
        part = PartFile(tmp_path / "1.t.part")
        part.buffer([b"a", b"b"])
        with part.content() as content:
            assert content.read() == b"ab"
        assert (part.received, part.path.exists()) == (2, False)
        await part.write([b"c"])
        assert part.path.read_bytes() == b"abc"
        part.buffer([b"d"])
        with part.content() as content:
            assert content.read() == b"abcd"
        part.buffer([b"e"])
        await asyncio.to_thread(part.seal)
        assert part.path.read_bytes() == b"abcde"
        assert (part.received, part.sha256) == (5, hashlib.sha256(b"abcde").hexdigest())
        part.buffer([b"f"])
        await part.begin(None, None)
        assert part.received == 0
        await part.write([b"g"])
        await part.close()
        assert part.path.read_bytes() == b"g"

    asyncio.run(story())


def test_it_makes_its_folder_but_not_the_one_around_it(tmp_path: Path) -> None:
    async def story() -> None:
        part = PartFile(tmp_path / "show" / "1.t.part")
        await part.write([b"x"])
        await part.close()
        assert part.path.read_bytes() == b"x"
        lost = PartFile(tmp_path / "unmounted" / "show" / "1.t.part")
        with pytest.raises(MediaError, match="cannot be used"):
            await lost.write([b"x"])
        await lost.discard()

    asyncio.run(story())


def test_it_looks_for_room_before_it_grows(tmp_path: Path) -> None:
    async def story() -> None:
        part = PartFile(tmp_path / "1.t.part")
        looks: list[int] = []

        class Looks(DiskBudget):
            def check(self, part: PartFile) -> None:
                looks.append(part.received)

        part.room = Looks(0)
        for _ in range(20):
            await part.write([bytes(1024 * 1024)])
        assert looks == [0, 16 * 1024 * 1024]
        await part.discard()

    asyncio.run(story())


def test_it_is_locked_until_it_is_closed(tmp_path: Path) -> None:
    async def story() -> None:
        part = PartFile(tmp_path / "1.t.part")
        await part.write([b"x"])
        assert is_locked(part.path)
        await part.close()
        assert not is_locked(part.path)
        await part.close()

    asyncio.run(story())


def test_discard_removes_it(tmp_path: Path) -> None:
    async def story() -> None:
        part = PartFile(tmp_path / "1.t.part")
        await part.write([b"x"])
        await part.discard()
        assert not part.path.exists()
        await part.discard()
        with pytest.raises(ValueError, match="closed"):
            await part.write([b"x"])

    asyncio.run(story())


def test_it_never_opens_what_is_there(tmp_path: Path) -> None:
    link, file = tmp_path / "1.link.part", tmp_path / "1.file.part"
    link.symlink_to(tmp_path / "elsewhere")
    file.write_bytes(b"x")
    for path in (link, file):
        with pytest.raises(MediaError) as caught:
            PartFile(path).seal()
        assert caught.value.kind == "disk-error"
    assert sorted(tmp_path.iterdir()) == [file, link]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What the system is told of files, and for how many bytes; an interval of 1000 bytes between two syncs."""
    told: list[tuple[str, int]] = []
    sync = os.fsync

    def fsync(file: int) -> None:
        sync(file)
        told.append(("fsync", os.fstat(file).st_size))

    def posix_fadvise(_file: int, start: int, size: int, _advice: int) -> None:
        told.append(("drop", size))
        assert start == 0
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "fsync", fsync)
    # macOS has neither.
    monkeypatch.setattr(os, "posix_fadvise", posix_fadvise, raising=False)
    monkeypatch.setattr(os, "POSIX_FADV_DONTNEED", 4, raising=False)
    monkeypatch.setattr("podcrawler.store.part._SYNC_EVERY", 1000)
    return told


async def fill(part: PartFile, *sizes: int) -> None:
    part._sync_at = 1000
    for size in sizes:
        await part.write([b"x" * size])
        if part._syncing:
            await asyncio.wrap_future(part._syncing)
    await asyncio.to_thread(part.seal)


def test_what_is_on_the_disk_does_not_fill_the_memory(tmp_path: Path, told: list[tuple[str, int]]) -> None:
    async def story() -> None:
        part = PartFile(tmp_path / "1.t.part")
        await fill(part, 900, 200, 900, 100)
        assert told == [
            ("fsync", 1100),
            ("drop", 1100),
            ("fsync", 2100),
            ("drop", 2100),
            ("fsync", 2100),
            ("drop", 2100),
        ]
        assert part.path.read_bytes() == b"x" * 2100
        await part.close()

    asyncio.run(story())


@pytest.mark.parametrize(("size", "is_read_again"), [(999, False), (1100, True)])
def test_what_is_small_or_read_again_stays_in_memory(
    tmp_path: Path, told: list[tuple[str, int]], size: int, is_read_again: bool
) -> None:
    async def story() -> None:
        part = PartFile(tmp_path / "1.t.part")
        part.is_read_again = is_read_again
        await fill(part, size)
        assert {what for what, _ in told} == {"fsync"}
        await part.close()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("number", "kind", "words"), [(errno.ENOSPC, "disk-full", "the disk is full"), (errno.EIO, "disk-error", "error")]
)
@pytest.mark.parametrize("operation", ["writev", "fsync"])
def test_a_refusal_of_the_disk_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str, number: int, kind: str, words: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, operation, refuse)

    async def story() -> None:
        part = PartFile(tmp_path / "1.t.part")
        with pytest.raises(MediaError, match=words) as caught:
            await (part.write([b"x"]) if operation == "writev" else asyncio.to_thread(part.seal))
        assert (caught.value.kind, caught.value.failure_class) == (kind, "local")
        assert str(part.path) in str(caught.value)
        await part.discard()

    asyncio.run(story())


def test_a_file_that_is_gone_is_told_in_a_sentence(tmp_path: Path) -> None:
    async def story() -> None:
        part = PartFile(tmp_path / "1.t.part")
        await part.write([b"x"])
        part.path.unlink()
        with pytest.raises(MediaError, match="cannot be used") as caught:
            part.content()
        assert caught.value.kind == "disk-error"
        await part.discard()

    asyncio.run(story())


def test_it_is_not_closed_under_a_write_whose_task_was_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, resume = threading.Event(), threading.Event()
    writev = os.writev
    open_files = []

    def slow_write(file: int, pieces: list[memoryview]) -> int:
        begun.set()
        resume.wait()
        open_files.append(os.fstat(file))
        return writev(file, pieces)

    monkeypatch.setattr(os, "writev", slow_write)

    async def story() -> None:
        part = PartFile(tmp_path / "1.t.part")
        writing = asyncio.create_task(part.write([b"x"]))
        await asyncio.to_thread(begun.wait)
        writing.cancel()
        closing = asyncio.create_task(part.close())
        with pytest.raises(asyncio.CancelledError):
            await writing
        assert (await asyncio.wait({closing}, timeout=0.2))[0] == set()
        resume.set()
        await closing
        assert [os.path.samestat(found, part.path.stat()) for found in open_files] == [True]
        assert part.path.read_bytes() == b"x"

    asyncio.run(story())


def test_a_late_write_does_not_make_anew_what_is_discarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    late: list[asyncio.Task[None]] = []
    unlink = PartFile.unlink

    async def story() -> None:
        part = PartFile(tmp_path / "1.t.part")
        loop = asyncio.get_running_loop()
        asked = threading.Event()

        def write() -> None:
            # A thread of a cancelled task, which comes to its work only now.
            late.append(loop.create_task(part.write([b"x"])))
            late[0].add_done_callback(lambda _: asked.set())

        def slow_unlink(part: PartFile) -> None:
            unlink(part)
            loop.call_soon_threadsafe(write)
            assert asked.wait(10)

        monkeypatch.setattr(PartFile, "unlink", slow_unlink)
        await part.discard()
        with pytest.raises(ValueError, match="closed"):
            await late[0]

    asyncio.run(story())
    assert list(tmp_path.iterdir()) == []


def test_cancel_tells_those_who_asked(tmp_path: Path) -> None:
    async def story() -> None:
        part = PartFile(tmp_path / "1.t.part")
        told: list[str] = []
        with part.on_cancel(lambda: told.append("over")):
            pass
        with part.on_cancel(lambda: told.append("early")):
            assert told == []
            part.cancel()
        assert part.cancelled
        with part.on_cancel(lambda: told.append("late")):
            assert told == ["early", "late"]
        await part.discard()

    asyncio.run(story())
