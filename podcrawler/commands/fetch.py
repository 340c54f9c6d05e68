"""``fetch``: Scrapy's own command, without the queue."""

from scrapy.commands import fetch

from podcrawler.cli.for_scrapy import WithoutQueue


class Command(WithoutQueue, fetch.Command):
    pass
