"""``failed``: what failed, and why."""

import argparse
import json
from dataclasses import asdict
from datetime import UTC, datetime

from scrapy.commands import ScrapyCommand
from typing_extensions import override

from podcrawler.commands import archive_redis, explained
from podcrawler.fleet.display import printable
from podcrawler.logins import without_logins
from podcrawler.queue.broker import Broker
from podcrawler.queue.failures import Failed


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    @override
    def short_desc(self) -> str:
        return "List what failed, and why"

    @override
    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--json", action="store_true", help="print JSON, one object a line")

    @explained
    @override
    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        assert self.settings is not None
        with archive_redis(self.settings) as redis:
            queues = [Broker.from_settings(self.settings, redis, name) for name in ("podcasts", "episodes")]
            failed = sorted((f for queue in queues for f in queue.failed()), key=lambda f: f.at)
        for entry in failed:
            print(json.dumps(without_logins(asdict(entry)), ensure_ascii=False) if opts.json else _line(entry))
        if not failed and not opts.json:
            print("Nothing has failed.")


def _line(failed: Failed) -> str:
    at = datetime.fromtimestamp(failed.at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    tries = "1 try" if failed.tries == 1 else f"{failed.tries} tries"
    return printable(f"{at}  {failed.key}  {failed.title}  [{failed.kind}, {tries}] {failed.reason}")
