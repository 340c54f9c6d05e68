"""``retry``: queues failed entries again, with their tries reset."""

import argparse
from typing import get_args

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError
from typing_extensions import override

from podcrawler.commands import archive_redis, explained
from podcrawler.exceptions import FailureClass
from podcrawler.printing import say
from podcrawler.queue.broker import Broker


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    @override
    def syntax(self) -> str:
        return "[options] [ID...]"

    @override
    def short_desc(self) -> str:
        return "Queue again what failed: the given entries, those of a class, or all"

    @override
    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--all", action="store_true", help="everything that failed")
        parser.add_argument("--class", dest="failure_class", choices=get_args(FailureClass), help="what failed so")

    @explained
    @override
    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if [bool(args), opts.all, bool(opts.failure_class)].count(True) != 1:
            raise UsageError("retry needs ids as `failed` lists them, or --class, or --all")
        assert self.settings is not None
        with archive_redis(self.settings) as redis:
            queues = [Broker.from_settings(self.settings, redis, name) for name in ("podcasts", "episodes")]
            queued = sum(queue.requeue(args or _failed(queue, opts.failure_class)) for queue in queues)
        say(f"{queued} queued again.")
        self.exitcode = 0 if queued or not args else 2


def _failed(queue: Broker, failure_class: FailureClass | None) -> list[str]:
    """The keys of the failed entries of this class; of all of them if it is None."""
    return [failed.key for failed in queue.failed() if failure_class in (None, failed.failure_class)]
