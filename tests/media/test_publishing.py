"""Many small files are published by one thread: what one of them comes to is nothing to the others."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from podcrawler.exceptions import MediaError
from podcrawler.media.part import PartFile
from podcrawler.media.publishing import Publisher
from podcrawler.media.store import LocalStore

CONTENT = b"\0udio"


class WatchedStore(LocalStore):
    """Counts how often it was settled, and refuses to for one podcast."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.settled: list[str] = []
        self.refusal: Exception = MediaError("disk-error", "no", "local")

    def settle(self, podcast_id: str) -> None:
        super().settle(podcast_id)
        self.settled.append(podcast_id)
        if podcast_id == "refused":
            raise self.refusal


@pytest.fixture
def store(tmp_path: Path) -> WatchedStore:
    return WatchedStore(tmp_path / "archive")


class Publication:
    """An episode whose body has come."""

    def __init__(self, store: WatchedStore, name: str, podcast: str = "show") -> None:
        self.store, self.name, self.podcast = store, name, podcast
        self.part: PartFile = store.new_part(podcast, name, "token", "https://media.example.org/1.mp3")
        self.part.hold([CONTENT])
        self.thread: threading.Thread | None = None

    def adopt(self) -> tuple[str, int] | None:
        self.thread = threading.current_thread()
        self.part.seal()
        return self.store.adopt(self.part, self.podcast, f"{self.name}.title.mp3")


def test_small_files_that_come_together_share_a_thread_and_a_sync_of_the_folder(store: WatchedStore) -> None:
    publications = [Publication(store, str(number)) for number in range(5)]

    async def story() -> list[tuple[str, int] | None]:
        publisher = Publisher(store)
        return await asyncio.gather(*(publisher.publish(one.part, "show", one.adopt) for one in publications))

    paths = [(f"show/{number}.title.mp3", len(CONTENT)) for number in range(5)]
    assert asyncio.run(story()) == paths
    assert all((store.root / path).read_bytes() == CONTENT for path, _ in paths)
    assert len({one.thread for one in publications}) == 1
    assert publications[0].thread is not threading.main_thread()
    assert store.settled == ["show"]


def test_one_that_is_refused_and_one_that_is_not_taken_are_nothing_to_the_others(store: WatchedStore) -> None:
    good, refused, held_back = (Publication(store, name) for name in ("1", "2", "3"))

    def refuse() -> None:
        raise MediaError("html", "no audio")

    async def story() -> Sequence[object]:
        publisher = Publisher(store)
        found = await asyncio.gather(
            publisher.publish(good.part, "show", good.adopt),
            publisher.publish(refused.part, "show", refuse),
            publisher.publish(held_back.part, "show", lambda: None),
            return_exceptions=True,
        )
        await held_back.part.discard()
        await refused.part.discard()
        return found

    published, error, nothing = asyncio.run(story())
    assert published == ("show/1.title.mp3", len(CONTENT))
    assert isinstance(error, MediaError)
    assert nothing is None
    assert [path.name for path in (store.root / "show").iterdir()] == ["1.title.mp3"]


@pytest.mark.parametrize("refusal", [MediaError("disk-error", "no", "local"), RuntimeError("unforeseen")])
def test_where_the_names_may_not_last_nothing_counts_as_published(store: WatchedStore, refusal: Exception) -> None:
    store.refusal = refusal
    lasting, lost = Publication(store, "1"), Publication(store, "2", "refused")

    async def story() -> Sequence[object]:
        publisher = Publisher(store)
        return await asyncio.gather(
            publisher.publish(lasting.part, "show", lasting.adopt),
            publisher.publish(lost.part, "refused", lost.adopt),
            return_exceptions=True,
        )

    published, error = asyncio.run(story())
    assert published == ("show/1.title.mp3", len(CONTENT))
    assert error is refusal


def test_a_file_that_is_on_the_disk_already_waits_for_no_other(store: WatchedStore) -> None:
    """Its fsync may take seconds, too."""
    small, large = Publication(store, "1"), Publication(store, "2")
    go_on = threading.Event()

    def slow() -> tuple[str, int] | None:
        assert go_on.wait(20)
        return small.adopt()

    async def story() -> None:
        await large.part.write([CONTENT])
        publisher = Publisher(store)
        waiting = asyncio.create_task(publisher.publish(small.part, "show", slow))
        assert await publisher.publish(large.part, "show", large.adopt)
        assert not waiting.done()
        go_on.set()
        assert await waiting

    asyncio.run(story())
