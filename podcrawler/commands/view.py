"""``view``: Scrapy's own command, without the queue."""

from scrapy.commands import view

from podcrawler.commands import WithoutQueue


class Command(WithoutQueue, view.Command):
    pass
