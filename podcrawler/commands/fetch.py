"""``fetch``: Scrapy's own command, without the queue."""

from scrapy.commands import fetch

from podcrawler.commands import WithoutQueue


class Command(WithoutQueue, fetch.Command):
    pass
