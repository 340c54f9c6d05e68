"""``scrapy merge``: the same as ``podcrawler merge`` (cli/merge.py)."""

from podcrawler.cli.for_scrapy import OwnCommand


class Command(OwnCommand):
    pass
