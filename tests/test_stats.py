"""The statistics count as Scrapy's do, without their overhead."""

import sys

from scrapy.settings import BaseSettings
from scrapy.utils.misc import load_object
from scrapy.utils.test import get_crawler

from podcrawler.addon import Addon
from podcrawler.stats import StatsCollector


def test_a_node_counts_with_it() -> None:
    node = BaseSettings()
    Addon().update_settings(node)
    assert load_object(node["STATS_CLASS"]) is StatsCollector


def test_counting_allocates_nothing_that_stays() -> None:
    stats = StatsCollector(get_crawler())
    stats.inc_value("podcrawler/finished")
    before = sys.getallocatedblocks()
    for _ in range(5000):
        stats.inc_value("podcrawler/finished")
    assert sys.getallocatedblocks() - before < 50
    assert stats.get_stats() == {"podcrawler/finished": 5001}
