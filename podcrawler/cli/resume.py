"""``resume``: nodes get leases again after a ``pause``."""

import argparse

from podcrawler.cli.looking import archive_redis
from podcrawler.cli.parsers import add_common_options
from podcrawler.namespace import AnySettings
from podcrawler.printing import say
from podcrawler.queue.archive import Archive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_common_options(parser)


def run(settings: AnySettings, options: argparse.Namespace) -> int:
    with archive_redis(settings) as redis:
        was_paused = Archive.from_settings(settings, redis).resume()
    say("Resumed." if was_paused else "Nothing was paused.")
    return 0
