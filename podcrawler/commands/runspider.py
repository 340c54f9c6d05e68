"""``runspider``: a spider in a file. Scrapy's own command, which refuses what it does not know."""

from scrapy.commands import runspider

from podcrawler.cli.for_scrapy import OfScrapy


class Command(OfScrapy, runspider.Command):
    pass
