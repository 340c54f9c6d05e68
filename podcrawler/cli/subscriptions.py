"""``subscriptions``: a line for each podcast that is followed, or all of them as a list for podcast apps."""

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from podcrawler.calling import called
from podcrawler.cli.looking import archive_redis
from podcrawler.cli.parsers import add_common_options
from podcrawler.cli.times import shown_time
from podcrawler.exceptions import UsageError
from podcrawler.namespace import AnySettings
from podcrawler.printing import json_line, say, write_document
from podcrawler.queue.values import LAST_TIME
from podcrawler.subscriptions.store import Followed, Subscriptions
from podcrawler.tokens import without_tokens

if TYPE_CHECKING:
    from redis import Redis


def add_arguments(parser: argparse.ArgumentParser) -> None:
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON, one object a line")
    form.add_argument("--opml", action="store_true", help="print a list that podcast apps import")
    parser.add_argument("--with-secrets", action="store_true", help="with --opml: private feeds, too")
    add_common_options(parser)


def run(settings: AnySettings, options: argparse.Namespace) -> int:
    if options.with_secrets and not options.opml:
        raise UsageError("subscriptions --with-secrets goes with --opml.")
    with archive_redis(settings) as redis:
        every = Subscriptions.from_settings(settings, redis).all()
        followed = sorted(every, key=lambda one: (_title(one).casefold(), one.subscription.address))
        if options.opml:
            _print_opml(settings, redis, followed, with_secrets=options.with_secrets)
            return 0
    for one in followed:
        say(json_line(_json(one)) if options.json else _line(one))
    if not followed and not options.json:
        say(f"There is no subscription yet; `{called()} subscribe ADDRESS` makes one.")
    return 0


def _print_opml(settings: AnySettings, redis: "Redis", followed: Iterable[Followed], *, with_secrets: bool) -> None:
    # They take time to import.
    from podcrawler.queue.archive import Archive
    from podcrawler.subscriptions.opml import OpmlList

    opml = OpmlList(followed, Archive.from_settings(settings, redis).logins(), with_secrets=with_secrets)
    write_document(opml.lines())
    if opml.private:
        more = "" if with_secrets else " --with-secrets has them, for a list that you keep as you keep a password."
        say(opml.remark + more, is_error=True)


def _title(followed: Followed) -> str:
    return followed.subscription.title or followed.checked.title


def _json(followed: Followed) -> dict[str, Any]:
    """The fields of ``subscriptions --json``."""
    subscription, checked = followed.subscription, followed.checked
    return {
        "id": checked.podcast_id or None,
        "address": without_tokens(subscription.address),
        "feed": without_tokens(checked.feed or subscription.address),
        "title": _title(followed),
        "groups": list(subscription.groups),
        "state": _state(followed),
        "reason": checked.parked or checked.error,
        "failing_since": _time(checked.failing_since),
        "last_check": _time(checked.at),
        "next_check": followed.next_check,
        "keep": subscription.keep,
        "options": dict(subscription.options),
    }


def _line(followed: Followed) -> str:
    subscription, checked = followed.subscription, followed.checked
    columns = [
        checked.podcast_id or without_tokens(subscription.address),
        _title(followed),
        "/".join(subscription.groups),
        _told_state(followed),
        f"checked {shown_time(checked.at)}" if checked.at else "",
        "" if followed.next_check is None else f"next {shown_time(followed.next_check)}",
        ", ".join(f"{name} {_value(value)}" for name, value in subscription.options.items()),
        f"keep {subscription.keep}" if subscription.keep else "",
    ]
    return "  ".join(filter(None, columns))


def _state(followed: Followed) -> Literal["new", "current", "failing", "parked"]:
    checked = followed.checked
    if checked.parked:
        return "parked"
    if checked.failures:
        return "failing"
    return "current" if checked.at else "new"


def _told_state(followed: Followed) -> str:
    checked = followed.checked
    match _state(followed):
        case "parked":
            return f"parked: {checked.parked}"
        case "failing":
            return f"failing since {shown_time(checked.failing_since)} ({checked.error})"
        case "current":
            return "up to date"
        case "new":
            return "new"


def _value(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _time(seconds: float) -> float | None:
    """The time, if there is one."""
    return seconds if 0 < seconds <= LAST_TIME else None
