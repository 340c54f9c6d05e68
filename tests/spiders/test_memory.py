"""What a node keeps of the bytes that it has done with: none, whatever became of them, and without the collector."""

import re
import sys
from textwrap import dedent

import pytest

from tests.conftest import Commands
from tests.origin import RunningOrigin

#: What an extension is that has a method for each signal that it names in ``watched``.
WATCH = """
    import gc, logging
    from podcrawler.store.part import PartFile
    from scrapy import signals

    log = logging.getLogger("watch")


    class Watch:
        @classmethod
        def from_crawler(cls, crawler):
            self = cls()
            for signal in self.watched:
                crawler.signals.connect(getattr(self, signal), signal=getattr(signals, signal))
            return self
"""

#: Tells with the first episode how many objects the collector leaves alone, and how often it goes through all others
#: while some thousands are made.
COLLECTS = """
    class Collects(Watch):
        watched = ["item_scraped"]

        def item_scraped(self):
            before = gc.get_stats()[2]["collections"]
            for _ in range(20):
                made = [[] for _ in range(2000)]
            times = gc.get_stats()[2]["collections"] - before
            log.info("%d left alone, %d collections", gc.get_freeze_count(), times)
"""

#: Tells at the end of the node what it has in memory still of files.
COUNTS = """
    class Counts(Watch):
        watched = ["spider_opened", "spider_closed"]

        def spider_opened(self):
            gc.disable()

        def spider_closed(self):
            parts = [thing for thing in gc.get_objects() if isinstance(thing, PartFile)]
            left = sum(len(part.content().read()) for part in parts if part.is_buffered)
            log.info("%d bytes are left", left)
"""


def log_of(fleet: Commands, watch: str, address: str, *options: str) -> str:
    """The log of a node that archives the podcast at ``address`` with the extension ``watch``, written as above."""
    (fleet.folder / "watch.py").write_text(dedent(WATCH) + dedent(watch))
    (name,) = re.findall(r"class (\w+)", watch)
    extension = ("-s", f'EXTENSIONS={{"watch.{name}": 0}}')
    fleet.drain("-a", f"address={address}", *extension, *options, "-s", "LOG_FILE=log", PYTHONPATH=str(fleet.folder))
    return (fleet.folder / "log").read_text()


@pytest.mark.parametrize("behaviour", ["", "truncate=500", "type=text/html", "status=404"])
def test_no_file_stays_in_memory(fleet: Commands, origin: RunningOrigin, behaviour: str) -> None:
    feed = f"{origin.address}/feed.xml?episodes=20&size=1000&{behaviour}"
    log = log_of(fleet, COUNTS, feed, "-s", "PODCRAWLER_MAX_TRIES=1")
    assert log.count("] INFO: finished ") + log.count("] ERROR: failed ") == 20
    assert "] INFO: 0 bytes are left" in log


@pytest.mark.skipif(
    sys.version_info >= (3, 14), reason="missing: a Python before 3.14, whose collections are full ones"
)
def test_what_the_interpreter_keeps_for_reuse_is_given_back(fleet: Commands, origin: RunningOrigin) -> None:
    """By full collections only, and without a break of the work: not of what was there before the first episode."""
    log = log_of(fleet, COLLECTS, f"{origin.address}/feed.xml?episodes=1&size=1000")
    told = re.search(r"\] INFO: (\d+) left alone, (\d+) collections", log)
    assert told
    left_alone, collections = map(int, told.groups())
    assert left_alone > 20_000
    assert collections >= 2
