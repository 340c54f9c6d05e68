"""``settings``: the value of a setting. Scrapy's own command, which refuses what it does not know."""

from scrapy.commands import settings

from podcrawler.cli.for_scrapy import OfScrapy


class Command(OfScrapy, settings.Command):
    pass
