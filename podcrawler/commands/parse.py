"""``parse URL``: what podcrawler reads in a page. Scrapy's own command, without the queue."""

import argparse

from scrapy.commands import parse
from typing_extensions import override

from podcrawler.addresses import candidates
from podcrawler.cli.for_scrapy import WithoutQueue, explained
from podcrawler.sites.known import read_sites


class Command(WithoutQueue, parse.Command):
    @override
    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)
        # No spider of ours is bound to hosts, so Scrapy could not choose one.
        opts.spider = opts.spider or "episodes"
        opts.callback = opts.callback or "parse_page"

    @explained
    @override
    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        assert self.settings is not None
        # Before a crawler exists, when Scrapy would log a traceback.
        read_sites(self.settings["PODCRAWLER_SITES"])
        super().run([candidates(address)[0] for address in args], opts)
