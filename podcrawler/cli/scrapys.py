"""Scrapy's commands, and those that are made of them, under our command line: as ``scrapy.cmdline`` runs them, but what
is wrong ends in one sentence."""

import argparse
import cProfile
from collections.abc import Sequence
from importlib import import_module

from scrapy.cmdline import ScrapyArgumentParser
from scrapy.commands import ScrapyCommand
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.exceptions import UsageError as ScrapyUsageError
from scrapy.settings import Settings

from podcrawler.cli.parsers import Parser, level_of, log_level
from podcrawler.cli.settings import check_names, parse_overrides, scrapy_settings
from podcrawler.exceptions import SettingError, UsageError


class _Parser(Parser, ScrapyArgumentParser):
    """Reads ``-o -:json`` as Scrapy does."""


def run(name: str, words: Sequence[str]) -> int:
    """Run a command of Scrapy's; its exit status. Raises PodcrawlerError."""
    settings = scrapy_settings([])
    command, parser = new_command(name, settings)
    options, arguments = parser.parse_known_args(words)
    # As Scrapy passes it on.
    arguments = [word for word in arguments if word != "--"]
    parser.refuse_options(arguments)
    check_names(parse_overrides(options.set))
    _check_log(options)
    try:
        command.process_options(arguments, options)
        level_of(settings)
        if command.requires_crawler_process:
            # As settings.py keeps Scrapy's asyncio reactor.
            command.crawler_process = AsyncCrawlerProcess(settings)
        _run(command, arguments, options)
    except ScrapyUsageError as error:
        told = str(error).strip() or "an argument is missing or wrong"
        raise UsageError(told if told.endswith(".") else f"{name}: {told}; {parser.see_help}.") from None
    return command.exitcode


def new_command(name: str, settings: Settings) -> tuple[ScrapyCommand, Parser]:
    """The command, and the parser of its options."""
    command: ScrapyCommand = import_module(f"podcrawler.commands.{name}").Command()
    settings.setdict(command.default_settings, priority="command")
    command.settings = settings
    parser = _Parser(name)
    command.add_options(parser)
    return command, parser


def _check_log(options: argparse.Namespace) -> None:
    """Scrapy would end in a traceback. Raises SettingError and UsageError."""
    if options.loglevel:
        try:
            options.loglevel = log_level(options.loglevel)
        except argparse.ArgumentTypeError as error:
            raise UsageError(f"argument -L/--loglevel: {error}.") from None
    for name in filter(None, (options.logfile, options.pidfile, options.profile)):
        try:
            with open(name, "a", encoding="utf-8"):  # noqa: PTH123 (as Scrapy opens it)
                pass
        except OSError as error:
            raise SettingError(f"The file {name} cannot be written ({error.strerror}); name another.") from None


def _run(command: ScrapyCommand, arguments: list[str], options: argparse.Namespace) -> None:
    if not options.profile:
        command.run(arguments, options)
        return
    profile = cProfile.Profile()
    profile.runcall(command.run, arguments, options)
    profile.dump_stats(options.profile)
