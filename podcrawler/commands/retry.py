"""``retry [ID...]``: queues again what failed, with all its tries given back."""

import argparse

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from podcrawler.commands import explained
from podcrawler.queue.leases import Queue
from podcrawler.redis.connection import connected


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[options] [ID...]"

    def short_desc(self) -> str:
        return "Queue again what failed: the given entries, or all"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--all", action="store_true", help="everything that failed")

    @explained
    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if bool(args) == opts.all:
            raise UsageError("retry needs ids as `failed` lists them, or --all")
        assert self.settings is not None
        with connected(self.settings) as redis:
            queues = [Queue.from_settings(self.settings, redis, name) for name in ("podcasts", "episodes")]
            queued = sum(queue.requeue([f.key for f in queue.failed()] if opts.all else args) for queue in queues)
        print(f"{queued} queued again.")
        self.exitcode = 0 if queued or opts.all else 2
