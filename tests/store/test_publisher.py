"""How files get their names: small ones by a process, which may be killed, and all others by threads."""

import asyncio
import errno
import hashlib
import logging
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from typing_extensions import override

from podcrawler import clock
from podcrawler.exceptions import MediaError
from podcrawler.store.base import Published
from podcrawler.store.description import Description
from podcrawler.store.local import LocalStore
from podcrawler.store.names import Destination, destination
from podcrawler.store.part import PartFile
from podcrawler.store.publisher import SMALL, Publisher

CONTENT = b"\0udio"


class WatchedStore(LocalStore):
    """Remembers what it published itself: all but what the process wrote."""

    def __init__(self, root: Path, *, min_free: int = 0) -> None:
        super().__init__(root, min_free=min_free)
        self.published: list[str] = []
        (self.root / "show").mkdir()
        # Loads the index, as it is when a node has leased an episode.
        self.find("show", "none")

    @override
    def publish(
        self,
        part: PartFile,
        destination: Destination,
        is_held: Callable[[], bool],
        description: Description | None = None,
    ) -> Published | None:
        self.published.append(destination.path)
        return super().publish(part, destination, is_held, description)


@pytest.fixture
def store(tmp_path: Path) -> WatchedStore:
    return WatchedStore(tmp_path / "archive")


@pytest.fixture
async def publisher(store: WatchedStore) -> AsyncIterator[Publisher]:
    publisher = Publisher(store)
    yield publisher
    await publisher.close()


def held() -> float:
    return clock.now() + 60


def complete(store: LocalStore, content: bytes = CONTENT, episode: str = "1") -> PartFile:
    """The part of an episode whose body has come."""
    part = store.new_part("show", episode, "token", "https://media.example.org/1.mp3")
    part.buffer([content[:3], content[3:]])
    return part


def to(episode: str = "1") -> Destination:
    return destination("show", episode, path_of(episode))


def path_of(episode: str = "1") -> str:
    return f"show/{episode}.title.mp3"


def published(episode: str = "1", content: bytes = CONTENT) -> Published:
    return Published(path_of(episode), len(content), hashlib.sha256(content).hexdigest())


def names(store: LocalStore) -> list[str]:
    return sorted(path.name for path in (store.root / "show").iterdir())


def writers() -> list[int]:
    """The children of this process that write small files."""
    return [child.pid for child in psutil.Process().children() if is_writer(child)]


def is_writer(process: psutil.Process) -> bool:
    # Other tests in this process may have left children that ended and were not waited for yet.
    with suppress(psutil.ZombieProcess, psutil.NoSuchProcess):
        return any("podcrawler.store.writer" in word for word in process.cmdline())
    return False


async def test_small_files_are_published_by_one_process_that_ends_with_the_node(store: WatchedStore) -> None:
    publisher = Publisher(store)
    parts = {str(number): complete(store, episode=str(number)) for number in range(5)}
    jobs = (publisher.publish(part, to(episode), held) for episode, part in parts.items())
    assert await asyncio.gather(*jobs) == [published(episode) for episode in parts]
    assert len(writers()) == 1
    assert await parts["0"].suspend() == 0
    await publisher.close()
    assert writers() == []
    assert names(store) == [f"{number}.title.mp3" for number in range(5)]
    assert (store.root / path_of()).read_bytes() == CONTENT
    assert store.published == []
    assert all(store.may_have("show", episode) for episode in parts)


async def test_what_is_large_or_on_the_disk_already_needs_no_process(store: WatchedStore, publisher: Publisher) -> None:
    content = bytes(SMALL + 1)
    assert await publisher.publish(complete(store, content), to(), held) == published(content=content)
    written = complete(store, episode="2")
    await written.write([b"more"])
    assert await publisher.publish(written, to("2"), held) == published("2", CONTENT + b"more")
    assert writers() == []
    assert store.published == [path_of(), path_of("2")]


async def test_what_the_process_cannot_do_is_done_by_the_store(store: WatchedStore, publisher: Publisher) -> None:
    """A file that is not in the index has the name: a broken one, which may be all that somebody has."""
    (store.root / path_of()).write_bytes(b"<html>")
    found = await publisher.publish(complete(store), to(), held)
    assert found
    assert found.path != path_of()
    assert len(names(store)) == 2
    assert (store.root / path_of()).read_bytes() == b"<html>"


async def test_an_episode_that_was_worked_on_before_is_published_by_the_store(
    store: WatchedStore, publisher: Publisher
) -> None:
    assert store.reserve_path(to())
    assert await publisher.publish(complete(store), to(), held) == published()
    assert writers() == []
    assert store.published == [path_of()]


async def test_without_room_the_sentence_is_that_of_the_store(tmp_path: Path) -> None:
    full = WatchedStore(tmp_path / "full", min_free=2**60)
    publisher = Publisher(full)
    part = complete(full)
    with pytest.raises(MediaError, match="PODCRAWLER_MIN_FREE"):
        await publisher.publish(part, to(), held)
    await part.suspend()
    await publisher.close()
    assert names(full) == []


@pytest.mark.parametrize("size", [5, SMALL + 1])
async def test_after_the_lease_nothing_is_published(store: WatchedStore, publisher: Publisher, size: int) -> None:
    part = complete(store, bytes(size))
    assert await publisher.publish(part, to(), lambda: 0.0) is None
    # The node may find that it has the lease all the same.
    assert await publisher.publish(part, to(), held) == published(content=bytes(size))
    assert names(store) == ["1.title.mp3"]


async def test_where_names_may_not_survive_nothing_counts_as_published(
    store: WatchedStore, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync

    def refuse_folders(file: int) -> None:
        if stat.S_ISDIR(os.fstat(file).st_mode):
            raise OSError(errno.EIO, "Input/output error")
        fsync(file)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    with pytest.raises(MediaError, match="Input/output error"):
        await publisher.publish(complete(store, bytes(SMALL + 1)), to(), held)


async def test_a_process_that_is_killed_loses_nothing_and_another_takes_its_place(
    store: WatchedStore, publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert await publisher.publish(complete(store), to(), held)
        (first,) = writers()
        os.kill(first, signal.SIGKILL)
        assert await publisher.publish(complete(store, episode="2"), to("2"), held)
        assert await publisher.publish(complete(store, episode="3"), to("3"), held)
        (second,) = writers()
        assert second != first
    assert names(store) == ["1.title.mp3", "2.title.mp3", "3.title.mp3"]
    assert store.published == [path_of("2")]
    assert [record.message for record in caplog.records] == [
        "Threads write the small files, because the process for that cannot be had: it ended with status -9."
    ]


async def test_a_process_that_is_killed_while_it_writes_loses_no_file(
    store: WatchedStore, publisher: Publisher
) -> None:
    for batch in range(10):
        # A process that was killed when it had nothing left to do is missed at the first file, and there at the second.
        for one in (f"first-{batch}", f"second-{batch}"):
            assert await publisher.publish(complete(store, episode=one), to(one), held)
        episodes = [f"{batch}-{number}" for number in range(20)]
        jobs = [publisher.publish(complete(store, episode=episode), to(episode), held) for episode in episodes]
        publishing = asyncio.gather(*jobs)
        # Not always at the same moment of its work.
        await asyncio.sleep(batch / 2000)
        os.kill(writers()[0], signal.SIGKILL)
        assert [found._replace(adopted=False, sha256=None) for found in await publishing if found] == [
            published(episode)._replace(sha256=None) for episode in episodes
        ]
    assert len(names(store)) == 220


async def test_a_process_that_hangs_is_killed(store: WatchedStore) -> None:
    publisher = Publisher(store, timeout=0.5)
    assert await publisher.publish(complete(store), to(), held)
    os.kill(writers()[0], signal.SIGSTOP)
    assert await publisher.publish(complete(store, episode="2"), to("2"), held)
    assert writers() == []
    assert await publisher.publish(complete(store, episode="3"), to("3"), held)
    os.kill(writers()[0], signal.SIGSTOP)
    await publisher.close()
    assert writers() == []
    assert names(store) == ["1.title.mp3", "2.title.mp3", "3.title.mp3"]


async def test_ids_that_differ_in_case_alone_are_disambiguated_while_both_are_being_written(
    store: WatchedStore, publisher: Publisher
) -> None:
    parts = {episode: complete(store, episode=episode) for episode in ("Abc", "abc")}
    await asyncio.gather(*(publisher.publish(part, to(episode), held) for episode, part in parts.items()))
    assert len({name.casefold() for name in names(store)}) == 2


@pytest.mark.parametrize("executable", ["/nonexistent/python", None])
async def test_where_no_process_can_be_had_threads_write(
    store: WatchedStore,
    publisher: Publisher,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    executable: str | None,
) -> None:
    """Python itself does not know its program everywhere."""
    monkeypatch.setattr(sys, "executable", executable)
    with caplog.at_level(logging.WARNING):
        for episode in "12345":
            assert await publisher.publish(complete(store, episode=episode), to(episode), held)
    assert len(names(store)) == len(store.published) == 5
    assert len(caplog.records) == 3
