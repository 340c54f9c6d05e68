"""``resume``: nodes go on after a ``pause``."""

import argparse

from scrapy.commands import ScrapyCommand

from podcrawler.commands import archive_queue, explained
from podcrawler.fleet.pausing import resume


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def short_desc(self) -> str:
        return "Go on after a pause"

    @explained
    def run(self, args: list[str], opts: argparse.Namespace) -> None:  # noqa: ARG002 (Scrapy's signature)
        assert self.settings is not None
        with archive_queue(self.settings) as redis:
            was_paused = resume(redis, self.settings)
        print("Resumed." if was_paused else "Nothing was paused.")
