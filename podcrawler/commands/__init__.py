"""podcrawler's commands, for ``scrapy`` and ``podcrawler`` alike; thin, the work is in the rooms below."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from scrapy.commands import ScrapyCommand
from scrapy.settings import BaseSettings, Settings

from podcrawler.config import Config
from podcrawler.exceptions import PodcrawlerError
from podcrawler.http.auth import read_netrc
from podcrawler.http.proxy import read_proxy
from podcrawler.queue import scrapy_redis_settings
from podcrawler.queue.keys import Keys
from podcrawler.queue.schema import check_schema
from podcrawler.redis.connection import connected

Run = Callable[[Any, list[str], Any], None]


def explained(run: Run) -> Run:
    """For the ``run`` of a command: what a user can cause ends in one sentence and an exit status."""

    @wraps(run)
    def wrapper(self: ScrapyCommand, args: list[str], opts: Any) -> None:
        try:
            run(self, args, opts)
        except PodcrawlerError as error:
            print(f"podcrawler: {error}", file=sys.stderr)
            self.exitcode = error.exit_status
        except RedisError as error:
            print(f"podcrawler: Redis does not answer any more ({error}); run the command again.", file=sys.stderr)
            self.exitcode = 2
        except KeyboardInterrupt:
            print("podcrawler: interrupted; run the same command again to go on.", file=sys.stderr)
            self.exitcode = 130

    return wrapper


def check_settings(settings: BaseSettings) -> None:
    """What a node would stumble over later, where there is no way to end in a sentence. Raises SettingError."""
    Config.read(settings)
    scrapy_redis_settings.check(settings)
    read_proxy(settings)
    read_netrc()


@contextmanager
def archive_queue(settings: BaseSettings, *, start: bool = False) -> Iterator[Redis]:
    """The Redis of this archive for a short look; ``start`` as in ``connected``."""
    with connected(settings, start=start) as redis:
        check_schema(redis, Keys(Config.read(settings).namespace))
        yield redis


class WithoutQueue:
    """For commands that look at one page: they get Scrapy's own scheduler, and so need no Redis.

    No ScrapyCommand itself, or Scrapy would take it for one more command.
    """

    settings: Settings | None

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)  # type: ignore[misc]  # of the ScrapyCommand that comes after this one
        assert self.settings is not None
        self.settings.set("SCHEDULER", "scrapy.core.scheduler.Scheduler", priority="cmdline")
