"""``scrapy pause``: the same as ``podcrawler pause`` (cli/pause.py)."""

from podcrawler.cli.for_scrapy import OwnCommand


class Command(OwnCommand):
    pass
