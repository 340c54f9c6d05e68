"""What a node keeps of the bytes that it has done with: none, whatever became of them, and without the collector."""

from textwrap import dedent

import pytest

from tests.conftest import Commands
from tests.origin import RunningOrigin

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
