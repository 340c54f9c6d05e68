"""``list``: the spiders. Scrapy's own command, which refuses what it does not know."""

from scrapy.commands import list as list_command

from podcrawler.cli.for_scrapy import OfScrapy


class Command(OfScrapy, list_command.Command):
    pass
