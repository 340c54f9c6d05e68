"""``scrapy subscribe``: the same as ``podcrawler subscribe`` (cli/subscribe.py)."""

from podcrawler.cli.for_scrapy import OwnCommand


class Command(OwnCommand):
    pass
