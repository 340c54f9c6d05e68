"""``scrapy status``: the same as ``podcrawler status`` (cli/status.py)."""

from podcrawler.cli.for_scrapy import OwnCommand


class Command(OwnCommand):
    pass
