"""The file that a transfer is written to: its bytes, its lock, and the three ways to close it."""

import asyncio
import errno
import fcntl
import hashlib
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typing_extensions import override

from podcrawler.exceptions import DiskFullError, MediaError
from podcrawler.store.checkpoint import NOTHING, OWN_KEY, Checkpoint, CheckpointFile, Mark
from podcrawler.store.disk_space import DiskBudget
from podcrawler.store.evidence import Judgement, Verdict
from podcrawler.store.fs import open_folder
from podcrawler.store.part import PartFile
from podcrawler.store.validators import Validator

MB = 1024 * 1024
VALIDATOR = Validator(value='"1"', size=None, address="")


def body(validator: Validator | None = None, size: int | None = None) -> Judgement:
    """The judgement on a body that is the whole file."""
    return Judgement(Verdict.REPLACE, validator=validator, size=size)


@asynccontextmanager
async def new_part(folder: Path, **options: int | DiskBudget) -> AsyncIterator[PartFile]:
    part = PartFile(folder / "1.t.part", **options)  # type: ignore[arg-type]  # options of several types
    try:
        yield part
    finally:
        await part.discard()


def is_locked(path: Path) -> bool:
    with path.open("rb+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


async def test_chunks_are_written_in_order_and_counted(tmp_path: Path) -> None:
    async with new_part(tmp_path) as part:
        await part.write([b"one", b"", b"two"])
        await part.write([])
        # More pieces than one writev takes.
        await part.write([b"x"] * 5000)
        await asyncio.to_thread(part.seal)
        assert part.received == 5006
        assert part.path.read_bytes() == b"onetwo" + b"x" * 5000


async def test_a_short_write_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def short_write(file: int, pieces: list[memoryview]) -> int:
        return os.write(file, b"".join(pieces)[:3])

    monkeypatch.setattr(os, "writev", short_write)
    async with new_part(tmp_path) as part:
        await part.write([b"ab", b"cdef", b"g"])
        assert part.received == 7
        assert part.path.read_bytes() == b"abcdefg"


async def test_buffered_bytes_are_written_when_the_file_is_used_next(tmp_path: Path) -> None:
    async with new_part(tmp_path) as part:
        part.buffer([b"a", b"b"])
        with part.content() as content:
            assert content.read() == b"ab"
        assert (part.received, part.path.exists(), part.is_buffered) == (2, False, True)
        assert part.sha256 == hashlib.sha256(b"ab").hexdigest()
        await part.write([b"c"])
        assert part.path.read_bytes() == b"abc"
        part.buffer([b"d"])
        with part.content() as content:
            assert content.read() == b"abcd"
        part.buffer([b"e"])
        assert part.sha256 == hashlib.sha256(b"abcde").hexdigest()
        await asyncio.to_thread(part.seal)
        assert part.path.read_bytes() == b"abcde"
        assert (part.received, part.sha256) == (5, hashlib.sha256(b"abcde").hexdigest())
        part.buffer([b"f"])
        await part.begin(body())
        assert part.received == 0
        await part.write([b"g"])
        assert part.path.read_bytes() == b"g"


async def test_it_creates_its_folder_but_not_the_parent_of_that(tmp_path: Path) -> None:
    async with new_part(tmp_path / "show") as part:
        await part.write([b"x"])
        assert part.path.read_bytes() == b"x"
    async with new_part(tmp_path / "unmounted" / "show") as lost:
        with pytest.raises(MediaError, match="cannot be used"):
            await lost.write([b"x"])


async def test_the_budget_is_checked_before_it_grows(tmp_path: Path) -> None:
    checks: list[int] = []

    class Checked(DiskBudget):
        @override
        def check(self, file: object) -> None:
            assert isinstance(file, PartFile)
            checks.append(file.received)

    async with new_part(tmp_path, budget=Checked(0)) as part:
        for _ in range(20):
            await part.write([bytes(MB)])
    assert checks == [0, 16 * MB]


async def test_what_it_expects_is_reserved_until_it_is_closed(tmp_path: Path) -> None:
    budget = DiskBudget(min_free=10)
    async with new_part(tmp_path, budget=budget) as part:
        await part.begin(body(size=1000))
        part.buffer([bytes(100)])
        other = PartFile(tmp_path / "2.t.part", budget=budget)
        assert (part.space_needed, other.space_needed) == (10 + 100 + 900, 10 + 900)
        await part.discard()
        assert other.space_needed == 10


async def test_without_room_nothing_is_written(tmp_path: Path) -> None:
    async with new_part(tmp_path, budget=DiskBudget(min_free=2**60)) as part:
        with pytest.raises(DiskFullError, match="PODCRAWLER_MIN_FREE"):
            await part.write([b"x"])
        assert part.path.stat().st_size == 0


async def test_it_is_locked_until_it_is_closed(tmp_path: Path) -> None:
    async with new_part(tmp_path) as part:
        await part.begin(body(VALIDATOR))
        await part.write([bytes(MB)])
        assert is_locked(part.path)
        assert await part.suspend() == MB
        assert not is_locked(part.path)
        assert await part.suspend() == 0


async def test_a_part_that_cannot_be_removed_is_left_without_a_word(tmp_path: Path) -> None:
    """Its transfer has ended for a reason of its own, which is told."""
    async with new_part(tmp_path) as part:
        await part.write([bytes(MB)])
        part.path.unlink()
        part.path.mkdir()
        assert await part.suspend() == 0
        assert not part.path.is_file()


async def test_it_is_suspended_only_if_it_can_be_resumed_and_is_worth_it(tmp_path: Path) -> None:
    for validator, size in ((None, MB), (VALIDATOR, MB - 1)):
        async with new_part(tmp_path) as part:
            await part.begin(body(validator))
            await part.write([bytes(size)])
            assert await part.suspend() == 0
            assert list(tmp_path.iterdir()) == []


async def test_what_was_invalidated_is_not_kept(tmp_path: Path) -> None:
    async with new_part(tmp_path) as part:
        await part.begin(body(VALIDATOR))
        await part.write([bytes(MB)])
        part.invalidate()
        assert await part.suspend() == 0
    assert list(tmp_path.iterdir()) == []


async def test_a_resumed_part_has_what_is_proven_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "1.t.part"
    path.write_bytes(b"provenrest")
    folder = open_folder(tmp_path)
    validator = VALIDATOR.model_copy(update={"size": 100})
    file = CheckpointFile(folder, path.name, OWN_KEY, validator, "enclosure", 0.0, NOTHING)
    file.note(Mark(6, hashlib.sha256(b"proven").hexdigest()))
    file.close()
    checkpoint = Checkpoint.read(folder, path.name, OWN_KEY)
    assert checkpoint
    part = PartFile.resume(path, folder, os.open(path, os.O_RDWR), checkpoint)
    assert (part.received, part.resumed_from, part.expected) == (6, 6, 100)
    assert part.sha256 == hashlib.sha256(b"proven").hexdigest()
    await part.write([b"!"])
    assert path.read_bytes() == b"proven!"
    with open_folder(tmp_path) as opened:
        found = Checkpoint.read(opened, path.name, OWN_KEY)
    assert found
    assert (found.synced, found.written) == (6, 7)
    await part.discard()


async def test_publishing_removes_the_name_of_the_part_and_closes_it(tmp_path: Path) -> None:
    async with new_part(tmp_path) as part:
        await part.begin(body(VALIDATOR))
        await part.write([bytes(MB)])
        await asyncio.to_thread(part.seal)
        final = tmp_path / "1.title.mp3"
        with open_folder(tmp_path) as folder:
            part.publish(lambda give_name: give_name(folder, final.name))
        assert list(tmp_path.iterdir()) == [final]
        assert not is_locked(final)


async def test_a_part_that_cannot_be_published_stays(tmp_path: Path) -> None:
    def refuse(_: object) -> None:
        raise FileExistsError

    async with new_part(tmp_path) as part:
        await part.write([b"x"])
        with pytest.raises(FileExistsError):
            part.publish(refuse)
        assert is_locked(part.path)


async def test_discard_removes_it(tmp_path: Path) -> None:
    async with new_part(tmp_path) as part:
        await part.write([b"x"])
        await part.discard()
        assert not part.path.exists()
        await part.discard()
        with pytest.raises(ValueError, match="closed"):
            await part.write([b"x"])


def test_it_never_opens_what_is_there(tmp_path: Path) -> None:
    link, file = tmp_path / "1.link.part", tmp_path / "1.file.part"
    link.symlink_to(tmp_path / "elsewhere")
    file.write_bytes(b"x")
    for path in (link, file):
        with pytest.raises(MediaError) as caught:
            PartFile(path).seal()
        assert caught.value.kind == "disk-error"
    assert sorted(tmp_path.iterdir()) == [file, link]


#: What the system was asked for files: each fsync and each drop from the page cache, with the bytes.
Calls = list[tuple[str, int]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    calls: Calls = []
    sync = os.fsync

    def fsync(file: int) -> None:
        sync(file)
        calls.append(("fsync", os.fstat(file).st_size))

    def posix_fadvise(_file: int, start: int, size: int, _advice: int) -> None:
        calls.append(("drop", size))
        assert start == 0
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "fsync", fsync)
    # macOS has neither.
    monkeypatch.setattr(os, "posix_fadvise", posix_fadvise, raising=False)
    monkeypatch.setattr(os, "POSIX_FADV_DONTNEED", 4, raising=False)
    return calls


async def test_what_is_on_the_disk_is_dropped_from_the_page_cache(tmp_path: Path, calls: Calls) -> None:
    async with new_part(tmp_path, sync_every=1000) as part:
        for size, is_synced in ((900, False), (200, True), (900, False), (100, True)):
            await part.write([b"x" * size])
            if is_synced:
                assert part._syncing is not None
                await asyncio.wrap_future(part._syncing)
        await asyncio.to_thread(part.seal)
        assert calls == [(call, size) for size in (1100, 2100, 2100) for call in ("fsync", "drop")]
        assert part.path.read_bytes() == b"x" * 2100


@pytest.mark.parametrize(("size", "keep_cached"), [(999, False), (1100, True)])
async def test_what_is_small_or_read_again_stays_in_the_page_cache(
    tmp_path: Path, calls: Calls, size: int, keep_cached: bool
) -> None:
    async with new_part(tmp_path, sync_every=1000, keep_cached=keep_cached) as part:
        await part.write([b"x" * size])
        await asyncio.to_thread(part.seal)
        assert {call for call, _ in calls} == {"fsync"}


@pytest.mark.parametrize(
    ("number", "kind", "words"), [(errno.ENOSPC, "disk-full", "the disk is full"), (errno.EIO, "disk-error", "error")]
)
@pytest.mark.parametrize("operation", ["writev", "fsync"])
async def test_a_refusal_of_the_disk_ends_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str, number: int, kind: str, words: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, operation, refuse)
    async with new_part(tmp_path) as part:
        with pytest.raises(MediaError, match=words) as caught:
            await (part.write([b"x"]) if operation == "writev" else asyncio.to_thread(part.seal))
        assert (caught.value.kind, caught.value.failure_class) == (kind, "local")
        assert str(part.path) in str(caught.value)


async def test_a_file_that_is_gone_ends_in_a_sentence(tmp_path: Path) -> None:
    async with new_part(tmp_path) as part:
        await part.write([b"x"])
        part.path.unlink()
        with pytest.raises(MediaError, match="cannot be used") as caught:
            part.content()
        assert caught.value.kind == "disk-error"


async def test_it_is_not_closed_under_a_write_whose_task_was_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, proceed = threading.Event(), threading.Event()
    writev = os.writev
    #: What happened, in this order.
    order: list[str] = []

    def slow_write(file: int, pieces: list[memoryview]) -> int:
        begun.set()
        proceed.wait()
        assert os.path.samestat(os.fstat(file), part.path.stat())
        written = writev(file, pieces)
        order.append("written")
        return written

    monkeypatch.setattr(os, "writev", slow_write)
    part = PartFile(tmp_path / "1.t.part")
    writing = asyncio.create_task(part.write([b"x"]))
    await asyncio.to_thread(begun.wait)
    writing.cancel()
    closing = asyncio.create_task(part.discard())
    closing.add_done_callback(lambda _: order.append("closed"))
    with pytest.raises(asyncio.CancelledError):
        await writing
    proceed.set()
    await closing
    assert order == ["written", "closed"]


async def test_a_late_write_does_not_create_anew_what_was_discarded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread of a cancelled task that begins its work only while the file is being removed."""
    part = PartFile(tmp_path / "1.t.part")
    await part.begin(body(VALIDATOR))
    await part.write([bytes(MB)])
    loop = asyncio.get_running_loop()
    late: list[BaseException | None] = []
    unlink = os.unlink

    def unlink_after_a_write(path: Path, **options: int) -> None:
        unlink(path, **options)
        late.append(asyncio.run_coroutine_threadsafe(part.write([b"x"]), loop).exception(20))

    monkeypatch.setattr(os, "unlink", unlink_after_a_write)
    await part.discard()
    assert [str(error) for error in late] == [f"{part.path} is closed"] * len(late)
    assert late
    assert list(tmp_path.iterdir()) == []
