"""``failed``: what failed, and why. What has one cause is told together."""

import argparse
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import get_args

from podcrawler.cli.forgetting import forget
from podcrawler.cli.looking import archive_redis
from podcrawler.cli.parsers import add_common_options
from podcrawler.cli.since import moment
from podcrawler.exceptions import FailureClass
from podcrawler.namespace import AnySettings
from podcrawler.printing import json_line, say
from podcrawler.queue.failures import Failed
from podcrawler.queue.keys import QUEUES
from podcrawler.queue.states import QueueStates


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")
    parser.add_argument("--class", dest="failure_class", choices=get_args(FailureClass), help="what failed so")
    parser.add_argument("--podcast", metavar="ID", help="what is of this podcast")
    parser.add_argument(
        "--since", type=moment, metavar="WHEN", help="what failed since then: 30min, 2h, 7d ago, or 2026-11-01"
    )
    parser.add_argument("--limit", type=_number, metavar="N", help="only the N that failed last")
    parser.add_argument("--forget", nargs="+", metavar="ID", help="list nothing, and forget that these have failed")
    add_common_options(parser)


def run(settings: AnySettings, options: argparse.Namespace) -> int:
    with archive_redis(settings) as redis:
        if options.forget:
            return forget(settings, redis, options.forget)
        queues = [QueueStates.from_settings(settings, redis, name) for name in QUEUES]
        failed = sorted((f for queue in queues for f in queue.failed() if _is_wanted(f, options)), key=lambda f: f.at)
    if options.limit:
        failed = failed[-options.limit :]
    for line in (json_line(asdict(f)) for f in failed) if options.json else _lines(failed):
        say(line)
    if not failed and not options.json:
        is_all = options.failure_class is options.podcast is options.since is None
        say("Nothing has failed." if is_all else "Nothing of that has failed.")
    return 0


def _number(given: str) -> int:
    if not given.isdecimal() or int(given) == 0:
        raise argparse.ArgumentTypeError(f"{given} is no number of entries")
    return int(given)


def _is_wanted(failed: Failed, options: argparse.Namespace) -> bool:
    return (
        options.failure_class in (None, failed.failure_class)
        and options.podcast in (None, failed.group)
        and (options.since is None or failed.at >= options.since * 1000)
    )


def _lines(failed: Sequence[Failed]) -> Iterator[str]:
    """The causes in the order of their first entry, each with its entries."""
    for entries in _by_cause(failed):
        first = entries[0]
        if len(entries) == 1:
            yield f"{_entry(first)}  [{first.kind}, {_tries(first)}] {first.reason}"
            continue
        is_one_reason = all(entry.reason == first.reason for entry in entries)
        yield f"{len(entries)} {first.kind}" + (f": {first.reason}" if is_one_reason else f" at {first.host}:")
        for entry in entries:
            yield f"    {_entry(entry)}  [{_tries(entry)}]" + ("" if is_one_reason else f" {entry.reason}")


def _by_cause(failed: Iterable[Failed]) -> list[list[Failed]]:
    """Entries of one kind have one cause if their reason is the same, or their host."""
    hosts: dict[tuple[str, str], set[str]] = defaultdict(set)
    failed = list(failed)
    for entry in failed:
        hosts[entry.kind, entry.reason].add(entry.host)
    causes: dict[tuple[str, str, str], list[Failed]] = defaultdict(list)
    for entry in failed:
        # A reason that is one for several hosts is not of a host.
        is_of_host = entry.host and len(hosts[entry.kind, entry.reason]) == 1
        cause = (entry.kind, entry.host, "") if is_of_host else (entry.kind, "", entry.reason)
        causes[cause].append(entry)
    return list(causes.values())


def _entry(failed: Failed) -> str:
    at = datetime.fromtimestamp(failed.at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return "  ".join(filter(None, (at, failed.key, failed.title)))


def _tries(failed: Failed) -> str:
    return "1 try" if failed.tries == 1 else f"{failed.tries} tries"
