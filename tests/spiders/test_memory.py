"""A node keeps no bytes of a file whose transfer has ended, however it ended, and without the garbage collector."""

from textwrap import dedent

import pytest

from tests.conftest import Commands
from tests.origin import RunningOrigin

#: An extension that logs, when the node closes, how many bytes of files it still holds.
WATCH = """
    import gc, logging
    from podcrawler.store.part import PartFile
    from scrapy import signals

    log = logging.getLogger("watch")


    class Watch:
        @classmethod
        def from_crawler(cls, crawler):
            self = cls()
            crawler.signals.connect(self.spider_opened, signal=signals.spider_opened)
            crawler.signals.connect(self.spider_closed, signal=signals.spider_closed)
            return self

        def spider_opened(self):
            gc.disable()

        def spider_closed(self):
            parts = [thing for thing in gc.get_objects() if isinstance(thing, PartFile)]
            left = sum(len(part.content().read()) for part in parts if part.is_buffered)
            log.info("%d bytes are left", left)
"""


@pytest.mark.parametrize("behaviour", ["", "truncate=500", "type=text/html", "status=404"])
def test_no_file_stays_in_memory(fleet: Commands, origin: RunningOrigin, behaviour: str) -> None:
    (fleet.folder / "watch.py").write_text(dedent(WATCH))
    address = f"{origin.address}/feed.xml?episodes=20&size=1000&{behaviour}"
    options = ("-s", 'EXTENSIONS={"watch.Watch": 0}', "-s", "PODCRAWLER_MAX_TRIES=1", "-s", "LOG_FILE=log")
    fleet.drain("-a", f"address={address}", *options, PYTHONPATH=str(fleet.folder))
    log = (fleet.folder / "log").read_text()
    assert log.count("] INFO: finished ") + log.count("] ERROR: failed ") == 20
    assert "] INFO: 0 bytes are left" in log
