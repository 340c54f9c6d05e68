"""``scrapy retry``: the same as ``podcrawler retry`` (cli/retry.py)."""

from podcrawler.cli.for_scrapy import OwnCommand


class Command(OwnCommand):
    pass
