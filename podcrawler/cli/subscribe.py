"""``subscribe``: has podcasts checked again and again, and changes what is wanted of them."""

import argparse
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from podcrawler.calling import called
from podcrawler.cli.given import Given, is_document, read_given
from podcrawler.cli.looking import archive_redis
from podcrawler.cli.parsers import add_common_options
from podcrawler.cli.wanting import add_wanted_options, wanted_of
from podcrawler.exceptions import UsageError
from podcrawler.ids import PODCAST_ID
from podcrawler.library.keeping import Keep
from podcrawler.library.subscriptions import subscriptions_noted
from podcrawler.logins import LOGIN, Login
from podcrawler.namespace import AnySettings
from podcrawler.printing import say
from podcrawler.queue.archive import Archive
from podcrawler.queue.seeds import address_request
from podcrawler.subscriptions.store import Subscriptions
from podcrawler.subscriptions.subscribing import Named, Wish, subscribe

if TYPE_CHECKING:
    from redis import Redis

#: The one host that has the form of an id.
_LOCALHOST = "localhost"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "addresses",
        nargs="*",
        metavar="ADDRESS|ID",
        help="as for archive; or the id of a podcast, to subscribe to it or to change its subscription",
    )
    parser.add_argument(
        "--keep",
        type=_keep,
        metavar="N|DAYSd",
        help="keep the files of the newest 10, or of the last 30d; all: keep all",
    )
    parser.add_argument("--group", type=_groups, metavar="NAME", help="the group that they are in: News, or News/World")
    parser.add_argument(
        "--everything",
        action="store_true",
        help="take back which episodes were wanted before the options below",
    )
    add_wanted_options(parser)
    add_common_options(parser)


def run(settings: AnySettings, options: argparse.Namespace) -> int:
    if not options.addresses:
        raise UsageError("subscribe needs the address of a podcast, or a list of subscriptions (OPML).")
    ids = [word for word in options.addresses if _is_id(word)]
    given, left_out = read_given([word for word in options.addresses if word not in ids])
    wishes = list(map(_wish, given))
    named = Named(wanted_of(options).to_json(), options.everything, options.keep, options.group)
    with archive_redis(settings, start=True) as redis:
        wishes += _of_podcasts(settings, redis, ids)
        with subscriptions_noted(settings, redis):
            done = subscribe(settings, redis, wishes, named, time.time())
    for sentence in left_out:
        say(f"left out: {sentence}")
    changed = f"{done.changed} changed, " if done.changed else ""
    say(f"{done.new} new, {changed}{done.known} known already, {len(left_out)} left out.")
    return 1 if left_out else 0


def _wish(given: Given) -> Wish:
    url, meta = given.request.url, given.request.meta
    # Lists of podcrawler have the address in the place of a title that is unknown.
    title = "" if given.title == url else given.title
    is_guess = url.replace("https:", "http:", 1) in meta.get("alternatives", ())
    return Wish(url, Login.read(meta.get(LOGIN)), is_guess, title, given.groups)


def _is_id(word: str) -> bool:
    return bool(PODCAST_ID.fullmatch(word)) and word != _LOCALHOST and not is_document(word)


def _of_podcasts(settings: AnySettings, redis: "Redis", ids: Iterable[str]) -> list[Wish]:
    """The podcasts with these ids, by their addresses. Raises UsageError if there is one that has none."""
    ids = list(ids)
    archive = Archive.from_settings(settings, redis)
    found = Subscriptions.from_settings(settings, redis).find(ids)
    wishes = []
    for name in ids:
        address = found[name].subscription.address if name in found else archive.podcast_address(name)
        if not address:
            raise UsageError(f"There is no podcast {name}; `{called()} podcasts` lists those there are.")
        wishes.append(Wish(address_request(address).url))
    return wishes


def _keep(given: str) -> str:
    if given == "all":
        return ""
    try:
        Keep.read(given)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}, nor all") from None
    return given


def _groups(given: str) -> tuple[str, ...]:
    return tuple(filter(None, (" ".join(name.split()) for name in given.split("/"))))
