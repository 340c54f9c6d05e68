"""``check``: the contracts of spiders. Scrapy's own command, which refuses what it does not know."""

from scrapy.commands import check

from podcrawler.cli.for_scrapy import OfScrapy


class Command(OfScrapy, check.Command):
    pass
