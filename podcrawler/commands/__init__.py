"""podcrawler's commands, for both ``scrapy`` and ``podcrawler``; thin, the work is in the packages below."""

import argparse
import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from redis import Redis
from redis.exceptions import NoPermissionError, RedisError, ResponseError
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError
from scrapy.settings import BaseSettings, Settings
from scrapy.utils.misc import load_object
from scrapy.utils.url import add_http_if_no_scheme

from podcrawler.config import Config, TransferConfig
from podcrawler.exceptions import PodcrawlerError, SettingError
from podcrawler.hosts import Hosts
from podcrawler.http.auth import read_netrc
from podcrawler.networks import named_host
from podcrawler.printing import say
from podcrawler.proxies import read_proxies
from podcrawler.queue import scrapy_redis_settings
from podcrawler.queue.archive import Archive
from podcrawler.redis.connection import connected
from podcrawler.sites import read_sites

Run = Callable[[Any, list[str], Any], None]


def explained(run: Run) -> Run:
    """Decorates the ``run`` of a command: an error that a user can cause becomes one sentence and an exit status."""

    @wraps(run)
    def wrapper(self: ScrapyCommand, args: list[str], opts: Any) -> None:
        try:
            run(self, args, opts)
        except PodcrawlerError as error:
            say(f"podcrawler: {error}", is_error=True)
            self.exitcode = error.exit_status
        except NoPermissionError as error:
            say(
                f"podcrawler: Redis does not let its user do what is needed ({error}); give it the permissions that "
                "docs/security.md lists.",
                is_error=True,
            )
            self.exitcode = 2
        except ResponseError as error:
            say(f"podcrawler: Redis refuses what it is asked ({error}); see its own log.", is_error=True)
            self.exitcode = 2
        except RedisError as error:
            say(f"podcrawler: Redis does not answer any more ({error}); run the command again.", is_error=True)
            self.exitcode = 2
        except KeyboardInterrupt:
            say("podcrawler: interrupted; run the same command again to continue.", is_error=True)
            self.exitcode = 130

    return wrapper


def check_settings(settings: BaseSettings) -> None:
    """Check what a node reads only after it has started, when Scrapy would log a traceback. Raises SettingError
    and SiteFileError."""
    Config.read(settings)
    TransferConfig.read(settings)
    scrapy_redis_settings.check(settings)
    Hosts.read(settings)
    read_proxies(settings)
    read_netrc()
    read_sites(settings["PODCRAWLER_SITES"])
    _event_loop(settings)


def _event_loop(settings: BaseSettings) -> type[asyncio.AbstractEventLoop] | None:
    """The class that ``ASYNCIO_EVENT_LOOP`` names, None if it is empty. Raises SettingError."""
    if not (path := settings["ASYNCIO_EVENT_LOOP"]):
        return None
    try:
        found = load_object(path)
    except (ImportError, NameError, ValueError) as error:
        raise SettingError(f"ASYNCIO_EVENT_LOOP cannot be {path!r} ({error}); leave it empty for asyncio's.") from None
    if not (isinstance(found, type) and issubclass(found, asyncio.AbstractEventLoop)):
        raise SettingError(
            f"ASYNCIO_EVENT_LOOP cannot be {path!r}, which is no event loop; leave it empty for asyncio's."
        )
    return found


def set_event_loop(settings: Settings) -> None:
    """Set the loop that the settings name, before Scrapy makes its process. Raises UsageError."""
    try:
        loop = _event_loop(settings)
    except SettingError as error:
        raise UsageError(str(error), print_help=False) from None
    if loop is None:
        # Scrapy takes an empty path for the path of a class.
        settings.set("ASYNCIO_EVENT_LOOP", None, priority="cmdline")
    else:
        # Otherwise Scrapy sets asyncio's default loop first, and drops it without closing it: whether Python then
        # prints a traceback when the process exits depends on the order of garbage collection.
        asyncio.set_event_loop(loop())


@contextmanager
def archive_redis(settings: BaseSettings, *, start: bool = False) -> Iterator[Redis]:
    """The Redis of the archive that the settings name, for one command that needs no more than to read; ``start`` as in
    ``connected``."""
    with connected(settings, start=start) as redis:
        Archive.from_settings(settings, redis).check_schema()
        yield redis


def _allow_host_of(settings: Settings, address: str) -> None:
    """Let the command lead to the host of an address that the user gives it, wherever that is."""
    if host := named_host(add_http_if_no_scheme(address)):
        allowed = settings["PODCRAWLER_ALLOW_HOSTS"]
        more = f"{allowed} {host}" if isinstance(allowed, str) else [*allowed, host]
        settings.set("PODCRAWLER_ALLOW_HOSTS", more, priority="cmdline")


class WithoutQueue:
    """For commands that fetch a single page: they get Scrapy's own scheduler, and so need no Redis.
    The address of the page is their last argument.

    Not a ScrapyCommand itself, or Scrapy would list it as one more command.
    """

    settings: Settings | None

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)  # type: ignore[misc]  # of the ScrapyCommand that comes after this one
        assert self.settings is not None
        self.settings.set("SCHEDULER", "scrapy.core.scheduler.Scheduler", priority="cmdline")
        set_event_loop(self.settings)
        if args:
            _allow_host_of(self.settings, args[-1])
