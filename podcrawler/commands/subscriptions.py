"""``scrapy subscriptions``: the same as ``podcrawler subscriptions`` (cli/subscriptions.py)."""

from podcrawler.cli.for_scrapy import OwnCommand


class Command(OwnCommand):
    pass
