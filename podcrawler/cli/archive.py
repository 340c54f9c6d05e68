"""``archive ADDRESS...``: the whole job on this machine."""

import argparse
import math
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redis import Redis
from scrapy import Request
from scrapy.settings import SETTINGS_PRIORITIES, Settings

from podcrawler.cli.checking import check_settings
from podcrawler.cli.ending import ended
from podcrawler.cli.given import read_addresses
from podcrawler.cli.parsers import add_common_options
from podcrawler.cli.summary import print_summary
from podcrawler.cli.wanting import add_wanted_options, wanted_of
from podcrawler.config import MOST, Config, amount
from podcrawler.durations import seconds_of
from podcrawler.exceptions import AddressError, UsageError
from podcrawler.fleet.at_work import place_in
from podcrawler.fleet.crawling import crawl_in_fork, get_ready, import_for_nodes
from podcrawler.fleet.display import Display, Lines, Silent
from podcrawler.fleet.job import Job
from podcrawler.fleet.outcome import Outcome
from podcrawler.fleet.patience import told_if_long
from podcrawler.fleet.supervisor import Supervisor, new_children
from podcrawler.printing import say
from podcrawler.queue.archive import Archive
from podcrawler.queue.choices import Choices
from podcrawler.redis.connection import connect, explained, redis_configured, state_dir
from podcrawler.redis.embedded import EmbeddedServer
from podcrawler.sites.wanted import Wanted
from podcrawler.store.factory import open_store
from podcrawler.subscriptions.requests import check_request
from podcrawler.subscriptions.store import Subscriptions
from podcrawler.tokens import without_tokens

if TYPE_CHECKING:
    from podcrawler.library.keeping import Kept

#: For so long the checks of an archive are nobody else's: they are in its queue.
_CLAIM_SECONDS = 6 * 3600.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "addresses",
        nargs="*",
        metavar="ADDRESS",
        help="a feed, a web page, or a file: of subscriptions (OPML), or with one address a line; - is standard input",
    )
    parser.add_argument("--to", type=_folder, metavar="DIR", help="where the files go, in place of ./archive")
    parser.add_argument("--jobs", type=_count, metavar="N", help="episodes that are downloaded at once")
    parser.add_argument(
        "--limit-rate", type=_rate, metavar="BYTES", help="bytes per second of all downloads together, such as 2M"
    )
    parser.add_argument(
        "--max-wait", type=_time, default=math.inf, metavar="TIME", help="end after so many seconds, or 10m, or 2h"
    )
    said = parser.add_mutually_exclusive_group()
    said.add_argument("--quiet", action="store_true", help="say nothing but what failed")
    said.add_argument("--verbose", action="store_true", help="say what is begun, too, and what was there")
    parser.add_argument(
        "--only",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="leave alone what else is in the queue (with the embedded server; the default there)",
    )
    parser.add_argument("--join", action="store_true", help="work beside another archive on the same folder")
    parser.add_argument(
        "--keep-deleted",
        action="store_true",
        help="files that are gone were removed on purpose: do not fetch them again",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be fetched, and change nothing")
    parser.add_argument("--json", action="store_true", help="with --dry-run: print JSON, one object a line")
    add_wanted_options(parser)
    # The nodes have logs of their own, in the state folder.
    add_common_options(parser, log_file=False)


def run(settings: Settings, options: argparse.Namespace) -> int:
    wanted = _wanted(options)
    _apply(options, settings)
    check_settings(settings)
    if options.loglevel:
        settings.set("LOG_LEVEL", options.loglevel, priority="cmdline")
    requests, left_out = read_addresses(options.addresses)
    store = open_store(settings)
    store.check()
    folder = state_dir(settings)
    embedded = None if redis_configured(settings) else EmbeddedServer(folder)
    if options.only and (embedded is None or options.join):
        raise UsageError("--only is for a queue of its own: other nodes work on what else is in this one.")
    is_only_one = embedded is not None and not options.join and options.only is not False
    started = time.monotonic()
    with (
        _signals_as_interrupt(),
        place_in(folder, beside_others=options.join or options.dry_run) as place,
        _leaving(embedded),
    ):
        import_all = partial(import_for_nodes, settings)
        if options.dry_run:
            import_all()
            get_ready(settings, "podcasts")
        url = _enter(embedded, import_all, is_quiet=options.quiet) if embedded else None
        # Nothing that has been imported is imported again.
        import_all()
        redis = connect(settings, url)
        archive = Archive.from_settings(settings, redis)
        with explained(redis):
            archive.check_schema(mark=not options.dry_run)
            if not options.addresses:
                requests, left_out = _checks(settings, redis)
        Choices.from_settings(settings, redis).put_into(requests, wanted, remember=not options.dry_run)
        if options.dry_run:
            return _preview(settings, redis, requests, left_out, options)
        job = Job(settings, redis, requests, is_only_one=is_only_one, keep_deleted=options.keep_deleted)
        children = new_children(settings, _run_node, url, folder, place)
        grace = Config.read(settings).shutdown_grace
        with _new_display(options) as display:
            outcome = Supervisor(
                archive,
                job,
                children,
                display,
                embedded,
                shutdown_grace=grace,
                deadline=started + options.max_wait,
                kept=store.kept,
            ).run()
        outcome.left_out[:0] = left_out
        dropped = {} if options.addresses else _drop_as_subscribed(settings, redis)
    print_summary(outcome, time.monotonic() - started, is_quiet=options.quiet)
    if not options.quiet:
        _tell_dropped(settings, dropped)
    return _exit_status(outcome)


def _wanted(options: argparse.Namespace) -> Wanted:
    """Which episodes are wanted. Raises UsageError for options that mean nothing together, or without addresses."""
    if options.json and not options.dry_run:
        raise UsageError("--json is for --dry-run; `status --json` says how far an archive is.")
    wanted = wanted_of(options)
    if not options.addresses and (options.dry_run or not wanted.is_everything):
        raise UsageError("Without addresses subscriptions are read, which have options of their own; give addresses.")
    return wanted


@contextmanager
def _leaving(embedded: EmbeddedServer | None) -> Iterator[None]:
    """Leave the embedded server, if there is one, at the end of the block."""
    try:
        yield
    finally:
        if embedded:
            embedded.leave()


# What only a dry run, or one of subscriptions, needs is imported there: all of it takes as long as a small file.


def _preview(
    settings: Settings, redis: Redis, requests: list[Request], left_out: Sequence[str], options: argparse.Namespace
) -> int:
    """Print what would be fetched, and of the subscriptions, why some cannot be checked; the exit status."""
    from podcrawler.cli.dry_run import print_preview
    from podcrawler.fleet.preview import foresee

    for sentence in left_out:
        say(f"left out: {sentence}", is_error=True)
    found = foresee(settings, redis, requests, keep_deleted=options.keep_deleted)
    return print_preview(found, is_json=options.json, is_newest_first=options.order == "newest")


def _drop_as_subscribed(settings: Settings, redis: Redis) -> "dict[str, Kept]":
    """What became of the files of podcasts of which the subscriptions keep the newest only."""
    from podcrawler.library.keeping import keep_as_subscribed

    return keep_as_subscribed(settings, redis)


def _tell_dropped(settings: Settings, kept: "Mapping[str, Kept]") -> None:
    """Print which files were dropped."""
    dropped = {podcast_id: files for podcast_id, files in kept.items() if files.dropped}
    if dropped:
        from podcrawler.cli.keep import tell

        for podcast_id, files in dropped.items():
            tell(settings, podcast_id, files)


def _checks(settings: Settings, redis: Redis) -> tuple[list[Request], list[str]]:
    """The requests that check all subscriptions, and why some cannot be checked, in sentences. Raises UsageError if
    there are no subscriptions."""
    claims = Subscriptions.from_settings(settings, redis).claim_all(seconds=_CLAIM_SECONDS)
    if not claims:
        raise UsageError(
            "archive needs the address of a podcast, such as https://example.com/feed.xml, or subscriptions: see "
            "podcrawler subscribe --help."
        )
    requests, left_out = [], []
    for claim in claims:
        try:
            requests.append(check_request(claim))
        except AddressError as error:
            left_out.append(f"the subscription {without_tokens(claim.subscription.address)}: {error}")
    return requests, left_out


def _apply(options: argparse.Namespace, settings: Settings) -> None:
    """Set the settings that options stand for. Raises UsageError for one that is given in both ways."""
    for option, (name, value) in {
        "--to": ("FILES_STORE", options.to),
        "--jobs": ("PODCRAWLER_CONCURRENT_EPISODES", options.jobs),
        "--limit-rate": ("PODCRAWLER_RATE", options.limit_rate),
    }.items():
        if value is None:
            continue
        if settings.getpriority(name) == SETTINGS_PRIORITIES["cmdline"]:
            raise UsageError(f"{option} and -s {name} mean the same; give one of them.")
        settings.set(name, value, priority="cmdline")


def _folder(given: str) -> str:
    if not given:
        raise argparse.ArgumentTypeError("it needs the name of a folder")
    return given if "://" in given else str(Path(given).expanduser())


def _count(given: str) -> int:
    if not (given.isdecimal() and 1 <= int(given) <= MOST):
        raise argparse.ArgumentTypeError(f"{given} is no number from 1 to {MOST}")
    return int(given)


def _rate(given: str) -> int:
    try:
        rate = amount(given)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{given} cannot be a rate: {error}") from None
    if not rate:
        raise argparse.ArgumentTypeError("0 is no rate; leave the option out for no limit")
    return rate


def _time(given: str) -> float:
    try:
        return seconds_of(given)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _enter(embedded: EmbeddedServer, import_all: Callable[[], object], *, is_quiet: bool) -> str:
    """The URL of the embedded server, once it answers: it may have much to load."""

    def tell() -> None:
        if not is_quiet:
            say("waiting for the embedded Valkey, which loads the queue.", is_error=True)

    with told_if_long(tell):
        return embedded.enter(meanwhile=import_all)


@contextmanager
def _signals_as_interrupt() -> Iterator[None]:
    """Treat SIGTERM and SIGHUP as Ctrl-C."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    # ``nohup`` has hangups ignored.
    heard = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) != signal.SIG_IGN]
    previous = {number: signal.signal(number, interrupt) for number in heard}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _new_display(options: argparse.Namespace) -> Display:
    """The display for what standard error is, a terminal, or a file or pipe; and for what the user wants to see."""
    if options.quiet:
        return Silent()
    if not sys.stderr or not sys.stderr.isatty():
        return Lines(is_verbose=options.verbose)
    # Only now: what it needs takes time to load.
    from podcrawler.fleet.bars import Bars

    return Bars(is_verbose=options.verbose)


def _run_node(settings: Settings, spider: str) -> int:
    """Run a node in this process, which has just been forked for it; its exit status."""
    return ended(lambda: crawl_in_fork(settings, spider))


def _exit_status(outcome: Outcome) -> int:
    if outcome.stopped:
        return 3
    if not outcome.podcasts:
        return 2
    return 1 if outcome.failed or outcome.left_out else 0
