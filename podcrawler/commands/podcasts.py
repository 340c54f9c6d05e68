"""``scrapy podcasts``: the same as ``podcrawler podcasts`` (cli/podcasts.py)."""

from podcrawler.cli.for_scrapy import OwnCommand


class Command(OwnCommand):
    pass
