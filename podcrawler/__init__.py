"""podcrawler: a distributed podcast archiver, a Scrapy project on scrapy-redis."""

__version__ = "0.1.0"
#: What it calls itself on the web, unless the user sets something else (``USER_AGENT``, ``PODCRAWLER_CONTACT``).
USER_AGENT = f"podcrawler/{__version__} (a podcast archiver; on behalf of one listener)"
