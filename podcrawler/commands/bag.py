"""``scrapy bag``: the same as ``podcrawler bag`` (cli/bag.py)."""

from podcrawler.cli.for_scrapy import OwnCommand


class Command(OwnCommand):
    pass
