"""``archive ADDRESS...``: the whole job on this machine."""

import argparse
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from podcrawler.commands import check_settings, explained
from podcrawler.config import Config
from podcrawler.fleet.display import human_bytes, new_display, printable
from podcrawler.fleet.job import Job, Outcome
from podcrawler.fleet.supervisor import Supervisor, new_children
from podcrawler.queue.keys import Keys
from podcrawler.queue.schema import check_schema
from podcrawler.queue.seeds import check_address
from podcrawler.redis.connection import connect, redis_configured, state_dir
from podcrawler.redis.embedded import EmbeddedServer
from podcrawler.store.factory import open_store


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[options] ADDRESS..."

    def short_desc(self) -> str:
        return "Archive podcasts on this machine: find their episodes, download them, and end"

    def long_desc(self) -> str:
        return (
            "Archives every episode of the podcasts at the given addresses (feeds, or web pages that list episodes) "
            "into FILES_STORE (./archive), and ends. What is there already is not downloaded again. "
            "Without REDIS_URL an embedded Valkey keeps the queue, in the folder .podcrawler of the store. "
            "Exit status: 0 all archived, 1 something failed, 2 nothing to work with, 130 interrupted."
        )

    @explained
    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if not args:
            raise UsageError("archive needs the address of a podcast, such as https://example.com/feed.xml")
        assert self.settings is not None
        check_settings(self.settings)
        addresses = list(dict.fromkeys(check_address(address) for address in args))
        open_store(self.settings).check()
        folder = state_dir(self.settings)
        embedded = None if redis_configured(self.settings) else EmbeddedServer(folder)
        started = time.monotonic()
        with _signals_as_interrupt():
            try:
                url = embedded.enter() if embedded else None
                redis = connect(self.settings, url)
                check_schema(redis, Keys(Config.read(self.settings).namespace))
                job = Job(redis, self.settings, addresses)
                children = new_children(self.settings, _options(opts), url, folder)
                with new_display() as display:
                    supervisor = Supervisor(self.settings, redis, job, children, display, embedded)
                    supervisor.run()
                outcome = supervisor.outcome()
            finally:
                if embedded:
                    embedded.leave()
        _print_summary(outcome, time.monotonic() - started)
        self.exitcode = _exit_status(outcome)


@contextmanager
def _signals_as_interrupt() -> Iterator[None]:
    """What asks a process to end, and the end of its terminal, do as Ctrl-C does."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _options(opts: argparse.Namespace) -> list[str]:
    """The options that were given here and that the children need too."""
    options = [word for setting in opts.set for word in ("-s", setting)]
    # The nodes end when the job does, and not when one of them waits for the other.
    options += ["-s", "MAX_IDLE_TIME_BEFORE_CLOSE=0", "-s", "PODCRAWLER_EXIT_WHEN_DONE=0"]
    return [*options, "-L", opts.loglevel] if opts.loglevel else options


def _exit_status(outcome: Outcome) -> int:
    if not outcome.podcasts:
        return 2
    return 1 if outcome.failed else 0


def _print_summary(outcome: Outcome, seconds: float) -> None:
    for failed in outcome.failed:
        name = f"{failed.key} {failed.title}".strip()
        print(printable(f"failed: {name} [{failed.kind}]: {failed.reason}"))
    for podcast_id, title in outcome.podcasts.items():
        print(printable(f"{title or podcast_id}: {podcast_id}"))
    if not outcome.finished and not outcome.failed and outcome.already_there:
        print(f"Nothing to download: all {outcome.already_there} episodes are already there ({seconds:.1f} s).")
        return
    print(
        f"{outcome.finished} finished ({human_bytes(outcome.bytes)}), {outcome.already_there} already there, "
        f"{len(outcome.failed)} failed, in {seconds:.1f} s."
    )
