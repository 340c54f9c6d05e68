"""``scrapy refresh``: the same as ``podcrawler refresh`` (cli/refresh.py)."""

from podcrawler.cli.for_scrapy import OwnCommand


class Command(OwnCommand):
    pass
