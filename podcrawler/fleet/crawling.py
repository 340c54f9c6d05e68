"""Runs one node in this process: what ``crawl`` does, and the children of ``archive``."""

import asyncio
import gc
import logging
from typing import Any

from scrapy.crawler import AsyncCrawlerProcess, Crawler
from scrapy.settings import BaseSettings, Settings
from scrapy.utils.misc import walk_modules_iter

from podcrawler.addon import import_components
from podcrawler.fleet.event_loop import set_event_loop
from podcrawler.queue.archive import Archive
from podcrawler.queue.scheduler import scheduler_of
from podcrawler.reading.program import prepare
from podcrawler.redis.connection import connect_node, explained, held_for_node
from podcrawler.store.factory import open_store


def import_for_nodes(settings: BaseSettings) -> None:
    """Import what nodes need, before this process is forked for them."""
    # All of it stays.
    gc.disable()
    import_components(settings)
    list(walk_modules_iter("podcrawler.spiders"))
    # Nor has anybody to look at it who collects garbage: the nodes, and this process when it ends.
    gc.freeze()
    gc.enable()


def get_ready(settings: Settings, spider: str) -> None:
    """To be called before Scrapy's process is made, and before there are threads, an event loop, or connections."""
    # The other one reads pages now and then.
    prepare(at_once=spider == "podcasts")
    set_event_loop(settings)


def crawl(process: Any, settings: Settings, spider: str, arguments: dict[str, Any]) -> int:
    """Run a node to its end, in a process of Scrapy's; its exit status. Raises PodcrawlerError, and KeyboardInterrupt
    after a second signal."""
    with connect_node(settings) as redis, explained(redis):
        Archive.from_settings(settings, redis).check_schema(mark=True)
    open_store(settings).check()
    node = process.crawl(spider, **arguments)
    (crawler,) = process.crawlers
    assert isinstance(node, asyncio.Task), "settings.py keeps Scrapy's asyncio reactor"
    process.start()
    if not node.done():
        # A second signal: Scrapy has stopped without waiting for anything.
        if (scheduler := scheduler_of(crawler)) is not None:
            scheduler.prefetcher.release_now()
        raise KeyboardInterrupt
    # A bad address, or Redis or the store failed after the checks above.
    if error := node.exception():
        raise error
    return _exit_status(crawler)


def crawl_in_fork(settings: Settings, spider: str) -> int:
    """As ``crawl``, in a process that has just been forked for it."""
    # The log is its standard error: a full disk would be told there as a traceback.
    logging.raiseExceptions = False
    get_ready(settings, spider)
    with held_for_node(settings):
        return crawl(AsyncCrawlerProcess(settings), settings, spider, {})


def _exit_status(crawler: Crawler) -> int:
    match crawler.stats.get_value("finish_reason"):
        case "shutdown":
            return 130
        case "error" | "start_error":
            return 2
        case "finished":
            return 1 if crawler.stats.get_value("podcrawler/failed") else 0
    # Something else closed the spider before the queue was done, such as CLOSESPIDER_TIMEOUT.
    return 1
