"""What a node keeps of the bytes that it has done with: none, whatever became of them, and without the collector."""

import re
import sys
from textwrap import dedent

import pytest

from tests.conftest import Commands
from tests.origin import RunningOrigin

#: Tells with the first episode how many objects the collector leaves alone, and how often it goes through all others
#: while some thousands are made.
COLLECTS = """
    import gc, logging
    from scrapy import signals


    class Collects:
        @classmethod
        def from_crawler(cls, crawler):
            self = cls()
            crawler.signals.connect(self.scraped, signal=signals.item_scraped)
            return self

        def scraped(self):
            before = gc.get_stats()[2]["collections"]
            for _ in range(20):
                made = [[] for _ in range(2000)]
            times = gc.get_stats()[2]["collections"] - before
            logging.getLogger("collects").info("%d left alone, %d collections", gc.get_freeze_count(), times)
"""

#: Tells at the end of the node what it has in memory still of files.
COUNTS = """
    import gc, logging
    from podcrawler.media.part import PartFile
    from scrapy import signals


    class Counts:
        @classmethod
        def from_crawler(cls, crawler):
            self = cls()
            crawler.signals.connect(self.opened, signal=signals.spider_opened)
            crawler.signals.connect(self.closed, signal=signals.spider_closed)
            return self

        def opened(self):
            gc.disable()

        def closed(self):
            left = sum(len(thing.held) for thing in gc.get_objects() if isinstance(thing, PartFile))
            logging.getLogger("counts").info("%d bytes are left", left)
"""


@pytest.mark.parametrize("behaviour", ["", "truncate=500", "type=text/html", "status=404"])
def test_no_file_stays_in_memory(fleet: Commands, origin: RunningOrigin, behaviour: str) -> None:
    (fleet.folder / "counts.py").write_text(dedent(COUNTS))
    fleet.drain(
        *("-a", f"address={origin.address}/feed.xml?episodes=20&size=1000&{behaviour}"),
        *("-s", 'EXTENSIONS={"counts.Counts": 0}', "-s", "PODCRAWLER_MAX_TRIES=1", "-s", "LOG_FILE=log"),
        PYTHONPATH=str(fleet.folder),
    )
    log = (fleet.folder / "log").read_text()
    assert log.count("] INFO: finished ") + log.count("] ERROR: failed ") == 20
    assert "] INFO: 0 bytes are left" in log


@pytest.mark.skipif(
    sys.version_info >= (3, 14), reason="missing: a Python before 3.14, whose collections are full ones"
)
def test_what_the_interpreter_keeps_for_reuse_is_given_back(fleet: Commands, origin: RunningOrigin) -> None:
    """By full collections only, and without a break of the work: not of what was there before the first episode."""
    (fleet.folder / "collects.py").write_text(dedent(COLLECTS))
    fleet.drain(
        *("-a", f"address={origin.address}/feed.xml?episodes=1&size=1000"),
        *("-s", 'EXTENSIONS={"collects.Collects": 0}', "-s", "LOG_FILE=log"),
        PYTHONPATH=str(fleet.folder),
    )
    told = re.search(r"\] INFO: (\d+) left alone, (\d+) collections", (fleet.folder / "log").read_text())
    assert told
    left_alone, collections = map(int, told.groups())
    assert left_alone > 20_000
    assert collections >= 2
