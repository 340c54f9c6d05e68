"""A node lists a feed that is as large as any, in little memory: its reading process, and itself."""

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from typing_extensions import override

from podcrawler.items import Episode
from podcrawler.sites import packed
from podcrawler.sites.packed import Packed
from tests import serving
from tests.builders import seed
from tests.conftest import Client, Commands

#: More than are kept unpacked.
COUNT = 30_000
#: Bytes that a process may take for each entry beyond what it has without any: its share of 200 MB for 300,000.
EACH = 200_000_000 / 300_000


def _feed() -> bytes:
    items = "".join(
        f"<item><title>Episode {number}</title><guid>urn:example:{number:06}</guid>"
        f"<enclosure url='http://127.0.0.1:9/audio/{number:06}.mp3' length='{number}' type='audio/mpeg'/></item>\n"
        for number in range(COUNT)
    )
    return f"<rss><channel><title>Large</title>{items}</channel></rss>".encode()


@pytest.fixture
def publisher() -> Iterator[str]:
    body = _feed()

    class Handler(serving.Handler):
        @override
        def get(self) -> None:
            self.answer(200, body)

    with serving.serving(Handler) as port:
        yield f"http://127.0.0.1:{port}/feed"


@pytest.mark.fresh
def test_a_large_feed_takes_little_memory(fleet: Commands, redis: Client, publisher: str) -> None:
    seed(redis, publisher, "podcasts")
    options = ("-s", "PODCRAWLER_EXIT_WHEN_DONE=1", "-s", "PODCRAWLER_PARSE_TIME=100", "-s", "LOG_FILE=log")
    first: dict[int, int] = {}
    most: dict[int, int] = {}
    with fleet.start("crawl", "podcasts", *options) as started:
        node = psutil.Process(started.pid)
        while started.poll() is None:
            for process in node.children(recursive=True):
                memory = _memory(process.pid)
                first.setdefault(process.pid, memory)
                most[process.pid] = max(most.get(process.pid, 0), memory)
            # To look is work, too.
            time.sleep(0.05)
        assert started.wait(100) == 0
    assert redis.hlen("{podcrawler}:episodes:entries") == COUNT
    # So many are kept as they are, for 2,500 bytes each, before any is packed.
    assert 0 < max(most[pid] - first[pid] for pid in most) < COUNT * EACH + packed.LOOSE * 2_500


def _memory(pid: int) -> int:
    """The most bytes that a process has had at once; 0 if it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)


@pytest.mark.parametrize("loose", [0, 1_000])
def test_packed_episodes_are_the_same(monkeypatch: pytest.MonkeyPatch, loose: int) -> None:
    monkeypatch.setattr(packed, "LOOSE", loose)
    episodes = [Episode(str(number), "", f"Title {number}", keywords=["a"]) for number in range(100)]
    found = Packed(episodes)
    found.podcast_id = "show"
    turned = found.at(range(99, -1, -1)).under([f"n{number}" for number in range(100)])
    assert [(one.id, one.podcast_id, one.title) for one in turned[:2]] == [
        ("n0", "show", "Title 99"),
        ("n1", "show", "Title 98"),
    ]
    assert [one.title for one in found] == [one.title for one in episodes]
    assert found == [*found]
