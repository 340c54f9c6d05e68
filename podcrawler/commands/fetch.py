"""``fetch``: Scrapy's own command, without the queue."""

from podcrawler.commands import WithoutQueue
from podcrawler.scrapy_internals import FetchCommand


class Command(WithoutQueue, FetchCommand):
    pass
