"""``scrapy keep``: the same as ``podcrawler keep`` (cli/keep.py)."""

from podcrawler.cli.for_scrapy import OwnCommand


class Command(OwnCommand):
    pass
