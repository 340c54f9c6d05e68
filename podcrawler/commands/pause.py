"""``pause``: no node gets a new lease until ``resume``."""

import argparse

from scrapy.commands import ScrapyCommand
from typing_extensions import override

from podcrawler.commands import archive_redis, explained
from podcrawler.printing import say
from podcrawler.queue.archive import Archive


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    @override
    def short_desc(self) -> str:
        return "Grant no new leases; downloads in progress continue"

    @explained
    @override
    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        assert self.settings is not None
        with archive_redis(self.settings) as redis:
            Archive.from_settings(self.settings, redis).pause()
        say("Paused: nodes finish their current downloads, and start nothing new until `podcrawler resume`.")
