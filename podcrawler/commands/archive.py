"""``archive ADDRESS...``: the whole job on this machine."""

import argparse
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.filesize import decimal
from scrapy import Request
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError
from scrapy.http import TextResponse
from typing_extensions import override

from podcrawler.commands import check_settings, explained
from podcrawler.config import Config
from podcrawler.exceptions import AddressError, ListingError
from podcrawler.fleet.display import new_display
from podcrawler.fleet.job import Job, Outcome
from podcrawler.fleet.supervisor import Supervisor, new_children
from podcrawler.printing import say
from podcrawler.queue.archive import Archive
from podcrawler.queue.seeds import address_request
from podcrawler.redis.connection import connect, redis_configured, state_dir
from podcrawler.redis.embedded import EmbeddedServer
from podcrawler.sites.base import Referral
from podcrawler.sites.opml import Opml
from podcrawler.store.factory import open_store


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    @override
    def syntax(self) -> str:
        return "[options] ADDRESS|FILE.opml..."

    @override
    def short_desc(self) -> str:
        return "Archive podcasts on this machine: find their episodes, download them, and end"

    @override
    def long_desc(self) -> str:
        return (
            "Archives every episode of the podcasts at the given addresses (feeds, web pages, lists of subscriptions; "
            "docs/addresses.md says which), or in files of subscriptions (OPML), into FILES_STORE (./archive), and "
            "ends. What is there already is not downloaded again. "
            "Without REDIS_URL an embedded Valkey keeps the queue, in the folder .podcrawler of the store. "
            "Exit status: 0 all archived, 1 something failed, 2 nothing to work with, 130 interrupted."
        )

    @explained
    @override
    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if not args:
            raise UsageError("archive needs the address of a podcast, such as https://example.com/feed.xml")
        assert self.settings is not None
        check_settings(self.settings)
        requests, left_out = _read_arguments(args)
        open_store(self.settings).check()
        folder = state_dir(self.settings)
        embedded = None if redis_configured(self.settings) else EmbeddedServer(folder)
        started = time.monotonic()
        with _signals_as_interrupt():
            try:
                url = embedded.enter() if embedded else None
                redis = connect(self.settings, url)
                archive = Archive.from_settings(self.settings, redis)
                archive.check_schema(mark=True)
                job = Job(self.settings, redis, requests)
                children = new_children(self.settings, _options(opts), url, folder)
                grace = Config.read(self.settings).shutdown_grace
                with new_display() as display:
                    outcome = Supervisor(archive, job, children, display, embedded, shutdown_grace=grace).run()
                outcome.left_out[:0] = left_out
            finally:
                if embedded:
                    embedded.leave()
        _print_summary(outcome, time.monotonic() - started)
        self.exitcode = _exit_status(outcome)


def _read_arguments(args: list[str]) -> tuple[list[Request], list[str]]:
    """The requests for all that was given, one for each address; and what was left out of files, in sentences.

    Raises AddressError."""
    requests: dict[str, Request] = {}
    left_out: list[str] = []
    for text in args:
        found = [text]
        if _is_file(text):
            referral = _read_subscriptions(text)
            found = [addresses[0] for addresses in referral.podcasts]
            left_out += [f"{text}: {sentence}" for sentence in referral.left_out]
        for address in found:
            request = address_request(address)
            requests.setdefault(request.url, request)
    return list(requests.values()), left_out


def _is_file(text: str) -> bool:
    try:
        return Path(text).expanduser().is_file()
    except (OSError, ValueError):
        return False


def _read_subscriptions(name: str) -> Referral:
    """Read a file of subscriptions. Raises AddressError if it is none."""
    try:
        page = TextResponse(name, body=Path(name).expanduser().read_bytes())
        if Opml().matches(page):
            return Opml().parse_list(page)
    except OSError as error:
        raise AddressError(f"{name} cannot be read ({error.strerror}); make it readable for this user.") from error
    except ListingError as error:
        raise AddressError(str(error)) from error
    raise AddressError(
        f"{name} is a file, but no list of subscriptions (OPML); give the address of the podcast in place of a file."
    )


@contextmanager
def _signals_as_interrupt() -> Iterator[None]:
    """Treat SIGTERM and SIGHUP as Ctrl-C."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    previous = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _options(opts: argparse.Namespace) -> list[str]:
    """The options of ``scrapy crawl`` for the children: those that were given here, and never to end by themselves."""
    options = [word for setting in opts.set for word in ("-s", setting)]
    # The supervisor stops them when the job is done; until then, one may be idle while it waits for the other.
    options += ["-s", "MAX_IDLE_TIME_BEFORE_CLOSE=0", "-s", "PODCRAWLER_EXIT_WHEN_DONE=0"]
    return [*options, "-L", opts.loglevel] if opts.loglevel else options


def _exit_status(outcome: Outcome) -> int:
    if not outcome.podcasts:
        return 2
    return 1 if outcome.failed or outcome.left_out else 0


def _print_summary(outcome: Outcome, seconds: float) -> None:
    for failed in outcome.failed:
        name = f"{failed.key} {failed.title}".strip()
        say(f"failed: {name} [{failed.kind}]: {failed.reason}")
    for sentence in outcome.left_out:
        say(f"left out: {sentence}")
    for podcast_id, title in outcome.podcasts.items():
        account = outcome.accounts.get(podcast_id)
        say(f"{title or podcast_id}: {podcast_id}" + (f" ({account})" if account else ""))
        if other := outcome.claims.get(podcast_id):
            say(
                f"    It declares the guid of {other}, which any feed can do, and is kept apart. If it is the same "
                f"podcast: podcrawler merge {podcast_id} {other}"
            )
    if not outcome.finished and not outcome.failed and outcome.already_there:
        say(f"Nothing to download: all {outcome.already_there} episodes are already there ({seconds:.1f} s).")
        return
    say(
        f"{outcome.finished} finished ({decimal(outcome.bytes)}), {outcome.already_there} already there, "
        f"{len(outcome.failed)} failed, in {seconds:.1f} s."
    )
