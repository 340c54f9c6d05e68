"""``shell``: Scrapy's own command, without the queue."""

from scrapy.commands import shell

from podcrawler.cli.for_scrapy import WithoutQueue


class Command(WithoutQueue, shell.Command):
    pass
