"""``unsubscribe``: podcasts are not checked any more; what is archived of them stays."""

import argparse
from collections.abc import Container, Iterable

from podcrawler.calling import called
from podcrawler.cli.looking import archive_redis
from podcrawler.cli.parsers import add_common_options
from podcrawler.exceptions import UsageError
from podcrawler.library.subscriptions import subscriptions_noted
from podcrawler.namespace import AnySettings
from podcrawler.printing import say
from podcrawler.subscriptions.store import Subscriptions
from podcrawler.subscriptions.subscribing import find_named


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="ID|ADDRESS", help="podcasts, as `subscriptions` lists them")
    add_common_options(parser)


def run(settings: AnySettings, options: argparse.Namespace) -> int:
    if not options.names:
        raise UsageError("unsubscribe needs ids or addresses of podcasts, as `subscriptions` lists them.")
    with archive_redis(settings) as redis:
        subscriptions = Subscriptions.from_settings(settings, redis)
        found = find_named(subscriptions, options.names)
        with subscriptions_noted(settings, redis):
            ended = subscriptions.unsubscribe([one.subscription.address for one in found.values()])
    is_complete = tell_unknown(options.names, found)
    say(f"{ended} unsubscribed; what is archived of them stays.")
    return 0 if is_complete else 2


def tell_unknown(names: Iterable[str], known: Container[str]) -> bool:
    """Say which of the names are no subscriptions; whether all are."""
    unknown = [name for name in dict.fromkeys(names) if name not in known]
    for name in unknown:
        say(f"There is no subscription {name}; `{called()} subscriptions` lists those there are.", is_error=True)
    return not unknown
