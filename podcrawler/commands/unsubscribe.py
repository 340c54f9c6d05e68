"""``scrapy unsubscribe``: the same as ``podcrawler unsubscribe`` (cli/unsubscribe.py)."""

from podcrawler.cli.for_scrapy import OwnCommand


class Command(OwnCommand):
    pass
