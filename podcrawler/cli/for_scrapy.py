"""What the commands are made of that Scrapy finds (podcrawler/commands). No class here is listed as one itself."""

import argparse
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError as ScrapyUsageError
from scrapy.settings import Settings
from scrapy.utils.url import add_http_if_no_scheme
from typing_extensions import override

from podcrawler.cli.ending import ended
from podcrawler.cli.line import run_command
from podcrawler.cli.parsers import Parser
from podcrawler.cli.table import COMMANDS
from podcrawler.exceptions import UsageError
from podcrawler.fleet.event_loop import set_event_loop
from podcrawler.networks import named_host

Run = Callable[[Any, list[str], Any], None]


class OwnCommand(ScrapyCommand):
    """A command of ours, by the name of its module. Scrapy passes on the words, which are read as those of
    ``podcrawler X``."""

    requires_project = True
    requires_crawler_process = False

    @override
    def short_desc(self) -> str:
        return COMMANDS[self._name].summary

    @override
    def add_options(self, parser: argparse.ArgumentParser) -> None:
        # In place of the parser's own: what it does not know it leaves as it is, and in its order.
        parser.add_argument("-h", "--help", action="store_true", dest="wants_help")
        # Scrapy reads it.
        parser.set_defaults(profile=None)

    @override
    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        pass

    @override
    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        words = ["--help"] if opts.wants_help else args
        self.exitcode = ended(lambda: run_command(self._name, words, self.settings))

    @property
    def _name(self) -> str:
        return type(self).__module__.rpartition(".")[2]


def explained(run: Run) -> Run:
    """Decorates the ``run`` of a command: unknown options and too many arguments are refused, which Scrapy passes on,
    and it ends as cli/ending.py has it."""

    @wraps(run)
    def wrapper(self: ScrapyCommand, args: list[str], opts: Any) -> None:
        def whole() -> int:
            name = type(self).__module__.rpartition(".")[2]
            parser = Parser(name)
            self.add_options(parser)
            _check_arguments(parser, args)
            try:
                run(self, args, opts)
            except ScrapyUsageError as error:
                wrong = str(error).strip() or f"it needs {COMMANDS[name].arguments}"
                raise UsageError(f"{name}: {wrong}; {parser.see_help}.") from None
            return self.exitcode

        self.exitcode = ended(whole)

    return wrapper


def _check_arguments(parser: Parser, args: Sequence[str]) -> None:
    """Raises UsageError."""
    parser.refuse_options(args)
    listed = COMMANDS[parser.command].arguments
    if not listed.endswith("...") and len(args) > (most := len(listed.split())):
        raise UsageError(f"{parser.command} takes no such argument: {args[most]}; {parser.see_help}.")


def _allow_host_of(settings: Settings, address: str) -> None:
    """Let the command lead to the host of an address that the user gives it, wherever that is."""
    if host := named_host(add_http_if_no_scheme(address)):
        allowed = settings["PODCRAWLER_ALLOW_HOSTS"]
        more = f"{allowed} {host}" if isinstance(allowed, str) else [*allowed, host]
        settings.set("PODCRAWLER_ALLOW_HOSTS", more, priority="cmdline")


class OfScrapy:
    """For a command that is made of the one of Scrapy's that comes after this class."""

    settings: Settings | None

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)  # type: ignore[misc]  # of a ScrapyCommand
        assert self.settings is not None
        set_event_loop(self.settings)

    @explained
    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        super().run(args, opts)  # type: ignore[misc]  # as above


class WithoutQueue(OfScrapy):
    """For commands that fetch a single page: they get Scrapy's own scheduler, and so need no Redis.
    The address of the page is their last argument.
    """

    @override
    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)
        assert self.settings is not None
        self.settings.set("SCHEDULER", "scrapy.core.scheduler.Scheduler", priority="cmdline")
        if args:
            _allow_host_of(self.settings, args[-1])
