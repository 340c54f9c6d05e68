"""``scrapy archive``: the same as ``podcrawler archive`` (cli/archive.py)."""

from podcrawler.cli.for_scrapy import OwnCommand


class Command(OwnCommand):
    pass
