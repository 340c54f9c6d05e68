"""Scrapy's statistics, at the price of a dictionary."""

from scrapy.statscollectors import MemoryStatsCollector


class StatsCollector(MemoryStatsCollector):
    """Scrapy's default, without its warnings about an argument that it will drop (``spider``)."""

    # Scrapy's own makes a new string at each look at an attribute, to find out whether it has to warn. That is a tenth
    # of a small file's time, and CPython keeps thousands of those strings (its cache of attributes goes by address).
    __getattribute__ = object.__getattribute__
