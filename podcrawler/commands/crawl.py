"""``crawl episodes`` and ``crawl podcasts``: one node. Scrapy's own command, with podcrawler's exit status."""

import argparse

from scrapy.commands import crawl
from typing_extensions import override

from podcrawler.cli.checking import check_settings
from podcrawler.cli.for_scrapy import explained
from podcrawler.cli.nearest import did_you_mean
from podcrawler.exceptions import UsageError
from podcrawler.fleet import crawling


class Command(crawl.Command):
    @override
    def short_desc(self) -> str:
        return "Run a node: episodes (downloads) or podcasts (finds episodes)"

    @override
    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)
        assert self.settings is not None
        crawling.get_ready(self.settings, args[0] if args else "")

    @explained
    @override
    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if len(args) != 1:
            raise UsageError("crawl needs the name of one spider: episodes or podcasts.")
        assert self.crawler_process is not None
        assert self.settings is not None
        spiders = self.crawler_process.spider_loader.list()
        if args[0] not in spiders:
            meant = did_you_mean(args[0], spiders, f"take {' or '.join(sorted(spiders))}.")
            raise UsageError(f"There is no spider {args[0]}; {meant}")
        check_settings(self.settings)
        self.exitcode = crawling.crawl(self.crawler_process, self.settings, args[0], opts.spargs)
