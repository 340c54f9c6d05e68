"""``resume``: nodes get leases again after a ``pause``."""

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
        return "Grant leases again after a pause"

    @explained
    @override
    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        assert self.settings is not None
        with archive_redis(self.settings) as redis:
            was_paused = Archive.from_settings(self.settings, redis).resume()
        say("Resumed." if was_paused else "Nothing was paused.")
