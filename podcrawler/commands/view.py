"""``view``: Scrapy's own command, without the queue."""

from scrapy.commands import view

from podcrawler.cli.for_scrapy import WithoutQueue


class Command(WithoutQueue, view.Command):
    pass
