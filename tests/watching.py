"""An extension that counts what a node still holds when it closes, the garbage collector being off all the time."""

from textwrap import dedent

from tests.conftest import Commands

_EXTENSION = """
    import gc, logging
    from scrapy import signals
    IMPORT


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
            things = gc.get_objects()
            logging.getLogger("watch").info("left: %d", COUNT)
"""


def watch(fleet: Commands, imported: str, count: str) -> tuple[str, ...]:
    """Options for a node that logs ``left: N``. ``imported``: a statement; ``count``: an expression for the number, in
    which ``things`` are all objects."""
    extension = dedent(_EXTENSION).replace("IMPORT", imported).replace("COUNT", count)
    (fleet.folder / "watch.py").write_text(extension)
    fleet.environment["PYTHONPATH"] = str(fleet.folder)
    return ("-s", 'EXTENSIONS={"watch.Watch": 0}')
