"""``pause``: no node takes up anything new, until ``resume``."""

import argparse

from scrapy.commands import ScrapyCommand

from podcrawler.commands import archive_queue, explained
from podcrawler.fleet.pausing import pause


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def short_desc(self) -> str:
        return "Hand out nothing more; what nodes have in hand goes on"

    @explained
    def run(self, args: list[str], opts: argparse.Namespace) -> None:  # noqa: ARG002 (Scrapy's signature)
        assert self.settings is not None
        with archive_queue(self.settings) as redis:
            pause(redis, self.settings)
        print("Paused: nodes end what they have in hand, and take up nothing more until `podcrawler resume`.")
