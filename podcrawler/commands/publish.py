"""``scrapy publish``: the same as ``podcrawler publish`` (cli/publish.py)."""

from podcrawler.cli.for_scrapy import OwnCommand


class Command(OwnCommand):
    pass
