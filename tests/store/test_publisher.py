"""How files get their names: small ones by a process, which may be killed, and all others by threads."""

import asyncio
import hashlib
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest

from podcrawler import clock
from podcrawler.exceptions import MediaError
from podcrawler.store import publisher
from podcrawler.store.disk_space import DiskBudget
from podcrawler.store.local import LocalStore
from podcrawler.store.part import PartFile
from podcrawler.store.publisher import SMALL, Publisher

CONTENT = b"\0udio"
NAME = "1.title.mp3"


class WatchedStore(LocalStore):
    """Tells what it adopted itself: all but what the process wrote."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.adopted: list[str] = []
        (self.root / "show").mkdir()
        # It is known what is there, as it is when a node has leased an episode.
        self.find("show", "none")

    def publish(self, part: PartFile, podcast_id: str, name: str) -> tuple[str, int]:
        self.adopted.append(name)
        return super().publish(part, podcast_id, name)


@pytest.fixture
def store(tmp_path: Path) -> WatchedStore:
    return WatchedStore(tmp_path / "archive")


def held() -> float:
    return clock.now() + 60


def complete(store: LocalStore, content: bytes = CONTENT, episode: str = "1") -> PartFile:
    """The part of an episode whose body has come."""
    part = store.new_part("show", episode, "token", "https://media.example.org/1.mp3")
    part.buffer([content[:3], content[3:]])
    return part


def run(store: LocalStore, story: Callable[[Publisher], Awaitable[None]]) -> None:
    async def whole() -> None:
        publisher = Publisher(store)
        try:
            await story(publisher)
        finally:
            await publisher.close()

    asyncio.run(whole())


def names(store: LocalStore) -> list[str]:
    return sorted(path.name for path in (store.root / "show").iterdir())


def writers() -> list[int]:
    """The children of this process that write small files."""
    children = psutil.Process().children()
    return [child.pid for child in children if any("podcrawler.store.writer" in word for word in child.cmdline())]


def test_small_files_are_published_by_one_process_that_ends_with_the_node(store: WatchedStore) -> None:
    async def story(publisher: Publisher) -> None:
        parts = [complete(store, episode=str(number)) for number in range(5)]
        jobs = (publisher.publish(part, "show", f"{number}.title.mp3", held) for number, part in enumerate(parts))
        assert await asyncio.gather(*jobs) == [(f"show/{number}.title.mp3", 5) for number in range(5)]
        assert len(writers()) == 1
        await parts[0].suspend()
        assert parts[0].sha256 == hashlib.sha256(CONTENT).hexdigest()

    run(store, story)
    assert names(store) == [f"{number}.title.mp3" for number in range(5)]
    assert (store.root / "show" / NAME).read_bytes() == CONTENT
    assert store.adopted == []
    assert all(store.may_have("show", str(number)) for number in range(5))
    assert writers() == []


def test_what_is_large_or_on_the_disk_already_needs_no_process(store: WatchedStore) -> None:
    async def story(publisher: Publisher) -> None:
        large = complete(store, bytes(SMALL + 1))
        assert await publisher.publish(large, "show", NAME, held) == (f"show/{NAME}", SMALL + 1)
        written = complete(store, episode="2")
        await written.write([b"more"])
        assert await publisher.publish(written, "show", "2.title.mp3", held) == ("show/2.title.mp3", 9)
        assert writers() == []

    run(store, story)
    assert store.adopted == [NAME, "2.title.mp3"]


def test_what_the_process_cannot_do_is_done_the_long_way(store: WatchedStore) -> None:
    """A file that nobody knew of is in the way: a broken one, which may be all that somebody has."""
    (store.root / "show" / NAME).write_bytes(b"<html>")

    async def story(publisher: Publisher) -> None:
        part = complete(store)
        published = await publisher.publish(part, "show", NAME, held)
        assert published
        assert published[0] != f"show/{NAME}"

    run(store, story)
    assert len(names(store)) == 2
    assert (store.root / "show" / NAME).read_bytes() == b"<html>"


def test_an_episode_that_was_worked_on_before_is_adopted(store: WatchedStore) -> None:
    assert store.reserve_path("show", NAME)

    async def story(publisher: Publisher) -> None:
        assert await publisher.publish(complete(store), "show", NAME, held) == (f"show/{NAME}", 5)
        assert writers() == []

    run(store, story)
    assert store.adopted == [NAME]


def test_without_room_the_sentence_is_that_of_the_long_way(store: WatchedStore) -> None:
    async def story(publisher: Publisher) -> None:
        part = complete(store)
        DiskBudget(min_free=2**60).reserve(part)
        with pytest.raises(MediaError, match="PODCRAWLER_MIN_FREE"):
            await publisher.publish(part, "show", NAME, held)
        await part.suspend()

    run(store, story)
    assert names(store) == []


@pytest.mark.parametrize("size", [5, SMALL + 1])
def test_after_the_lease_nothing_is_published(store: WatchedStore, size: int) -> None:
    async def story(publisher: Publisher) -> None:
        part = complete(store, bytes(size))
        assert await publisher.publish(part, "show", NAME, lambda: 0.0) is None
        # The node may find that it has the lease all the same.
        assert await publisher.publish(part, "show", NAME, held) == (f"show/{NAME}", size)

    run(store, story)
    assert names(store) == [NAME]


@pytest.mark.parametrize("refusal", [MediaError("disk-error", "no", "local"), RuntimeError("unforeseen")])
def test_where_the_names_may_not_last_nothing_counts_as_published(
    store: WatchedStore, refusal: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: str) -> None:
        raise refusal

    monkeypatch.setattr(store, "sync", refuse)

    async def story(publisher: Publisher) -> None:
        with pytest.raises(type(refusal)) as raised:
            await publisher.publish(complete(store, bytes(SMALL + 1)), "show", NAME, held)
        assert raised.value is refusal

    run(store, story)


def test_a_process_that_is_killed_loses_nothing_and_another_takes_its_place(
    store: WatchedStore, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(publisher: Publisher) -> None:
        assert await publisher.publish(complete(store), "show", NAME, held)
        (first,) = writers()
        os.kill(first, signal.SIGKILL)
        assert await publisher.publish(complete(store, episode="2"), "show", "2.title.mp3", held)
        assert await publisher.publish(complete(store, episode="3"), "show", "3.title.mp3", held)
        (second,) = writers()
        assert second != first

    with caplog.at_level(logging.WARNING):
        run(store, story)
    assert names(store) == [NAME, "2.title.mp3", "3.title.mp3"]
    assert store.adopted == ["2.title.mp3"]
    assert [record.message for record in caplog.records] == [
        "Threads write the small files, because the process for that cannot be had: it ended with status -9."
    ]


def test_a_process_that_is_killed_at_its_work_is_nothing_to_the_files(store: WatchedStore) -> None:
    async def story(publisher: Publisher) -> None:
        for batch in range(10):
            first = f"first-{batch}"
            assert await publisher.publish(complete(store, episode=first), "show", f"{first}.title.mp3", held)
            jobs = [
                publisher.publish(complete(store, episode=f"{batch}-{n}"), "show", f"{batch}-{n}.title.mp3", held)
                for n in range(20)
            ]
            told = asyncio.gather(*jobs)
            # Not always at the same moment of its work.
            await asyncio.sleep(batch / 2000)
            os.kill(writers()[0], signal.SIGKILL)
            assert await told == [(f"show/{batch}-{n}.title.mp3", 5) for n in range(20)]

    run(store, story)
    assert len(names(store)) == 210


def test_a_process_that_hangs_is_killed(store: WatchedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "_PATIENCE", 0.5)

    async def story(publisher: Publisher) -> None:
        assert await publisher.publish(complete(store), "show", NAME, held)
        os.kill(writers()[0], signal.SIGSTOP)
        assert await publisher.publish(complete(store, episode="2"), "show", "2.title.mp3", held)
        assert writers() == []
        assert await publisher.publish(complete(store, episode="3"), "show", "3.title.mp3", held)
        os.kill(writers()[0], signal.SIGSTOP)

    run(store, story)
    assert writers() == []
    assert names(store) == [NAME, "2.title.mp3", "3.title.mp3"]


def test_ids_that_differ_in_case_alone_are_told_apart_while_both_are_on_their_way(store: WatchedStore) -> None:
    async def story(publisher: Publisher) -> None:
        parts = {episode: complete(store, episode=episode) for episode in ("Abc", "abc")}
        jobs = [publisher.publish(part, "show", f"{episode}.title.mp3", held) for episode, part in parts.items()]
        await asyncio.gather(*jobs)

    run(store, story)
    assert len({name.casefold() for name in names(store)}) == 2


@pytest.mark.parametrize("executable", ["/nonexistent/python", None])
def test_where_no_process_can_be_had_threads_write(
    store: WatchedStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, executable: str | None
) -> None:
    """Python itself does not know its program everywhere."""
    monkeypatch.setattr(sys, "executable", executable)

    async def story(publisher: Publisher) -> None:
        for episode in "12345":
            assert await publisher.publish(complete(store, episode=episode), "show", f"{episode}.title.mp3", held)

    with caplog.at_level(logging.WARNING):
        run(store, story)
    assert len(names(store)) == len(store.adopted) == 5
    assert len(caplog.records) == 3
