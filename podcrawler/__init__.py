"""podcrawler: a distributed podcast archiver, a Scrapy project on scrapy-redis."""

__version__ = "0.1.0"
