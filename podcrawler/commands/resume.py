"""``scrapy resume``: the same as ``podcrawler resume`` (cli/resume.py)."""

from podcrawler.cli.for_scrapy import OwnCommand


class Command(OwnCommand):
    pass
