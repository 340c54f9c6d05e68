"""``scrapy episodes``: the same as ``podcrawler episodes`` (cli/episodes.py)."""

from podcrawler.cli.for_scrapy import OwnCommand


class Command(OwnCommand):
    pass
