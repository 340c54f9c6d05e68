"""``pause``: no node gets a new lease until ``resume``."""

import argparse

from podcrawler.calling import called
from podcrawler.cli.looking import archive_redis
from podcrawler.cli.parsers import add_common_options
from podcrawler.namespace import AnySettings
from podcrawler.printing import say
from podcrawler.queue.archive import Archive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_common_options(parser)


def run(settings: AnySettings, options: argparse.Namespace) -> int:
    with archive_redis(settings) as redis:
        Archive.from_settings(settings, redis).pause()
    say(f"Paused: nodes finish their current downloads, and start nothing new until `{called()} resume`.")
    return 0
