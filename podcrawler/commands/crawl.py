"""``crawl episodes`` and ``crawl podcasts``: one node. Scrapy's own command, with podcrawler's exit status."""

import argparse
import asyncio

from scrapy.commands import crawl
from scrapy.crawler import Crawler
from scrapy.exceptions import UsageError
from typing_extensions import override

from podcrawler.commands import check_settings, explained, set_event_loop
from podcrawler.queue.archive import Archive
from podcrawler.queue.scheduler import scheduler_of
from podcrawler.reading.program import prepare
from podcrawler.redis.connection import connect_node
from podcrawler.store.factory import open_store


class Command(crawl.Command):
    @override
    def short_desc(self) -> str:
        return "Run a node: episodes (downloads) or podcasts (finds episodes)"

    @override
    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)
        assert self.settings is not None
        prepare()
        set_event_loop(self.settings)

    @explained
    @override
    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if len(args) != 1:
            raise UsageError("crawl needs the name of one spider: episodes or podcasts")
        assert self.crawler_process is not None
        assert self.settings is not None
        check_settings(self.settings)
        with connect_node(self.settings) as redis:
            Archive.from_settings(self.settings, redis).check_schema(mark=True)
        open_store(self.settings).check()
        try:
            node = self.crawler_process.crawl(args[0], **opts.spargs)
        except KeyError:
            raise UsageError(f"there is no spider {args[0]}: take episodes or podcasts") from None
        (crawler,) = self.crawler_process.crawlers
        assert isinstance(node, asyncio.Task), "settings.py keeps Scrapy's asyncio reactor"
        self.crawler_process.start()
        if not node.done():
            # A second signal: Scrapy has stopped without waiting for anything.
            if (scheduler := scheduler_of(crawler)) is not None:
                scheduler.prefetcher.release_now()
            raise KeyboardInterrupt
        # A bad address, or Redis or the store failed after the checks above.
        if error := node.exception():
            raise error
        self.exitcode = _exit_status(crawler)


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
