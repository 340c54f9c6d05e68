"""``scrapy import``: the same as ``podcrawler import`` (cli/importing.py)."""

from podcrawler.cli.for_scrapy import OwnCommand


class Command(OwnCommand):
    pass
