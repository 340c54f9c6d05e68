"""``scrapy forget``: the same as ``podcrawler forget`` (cli/forget.py)."""

from podcrawler.cli.for_scrapy import OwnCommand


class Command(OwnCommand):
    pass
