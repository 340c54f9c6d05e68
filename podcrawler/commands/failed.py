"""``scrapy failed``: the same as ``podcrawler failed`` (cli/failed.py)."""

from podcrawler.cli.for_scrapy import OwnCommand


class Command(OwnCommand):
    pass
