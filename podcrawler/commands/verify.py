"""``scrapy verify``: the same as ``podcrawler verify`` (cli/verify.py)."""

from podcrawler.cli.for_scrapy import OwnCommand


class Command(OwnCommand):
    pass
