"""``refresh``: has subscriptions checked at once, whenever their next check is due."""

import argparse

from podcrawler.calling import called
from podcrawler.cli.looking import archive_redis
from podcrawler.cli.parsers import add_common_options
from podcrawler.cli.unsubscribe import tell_unknown
from podcrawler.exceptions import UsageError
from podcrawler.namespace import AnySettings
from podcrawler.printing import say
from podcrawler.subscriptions.store import Subscriptions
from podcrawler.subscriptions.subscribing import find_named


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="ID|ADDRESS", help="podcasts, as `subscriptions` lists them")
    parser.add_argument("--all", action="store_true", help="all subscriptions")
    add_common_options(parser)


def run(settings: AnySettings, options: argparse.Namespace) -> int:
    if bool(options.names) == options.all:
        raise UsageError("refresh needs ids or addresses of podcasts, as `subscriptions` lists them, or --all.")
    with archive_redis(settings) as redis:
        subscriptions = Subscriptions.from_settings(settings, redis)
        found = find_named(subscriptions, options.names)
        addresses = {one.subscription.address for one in (subscriptions.all() if options.all else found.values())}
        due = sum(map(subscriptions.read_again, addresses))
    is_complete = tell_unknown(options.names, found)
    say(f"{due} to be checked at once, by `{called()} crawl podcasts` that runs or by `{called()} archive`.")
    return 0 if is_complete else 2
