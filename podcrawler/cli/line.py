"""The command line: which command is meant, with which settings; runs it, and ends with its exit status."""

import gc
import logging
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podcrawler import __version__
from podcrawler.calling import called
from podcrawler.cli.ending import ended
from podcrawler.cli.nearest import did_you_mean
from podcrawler.cli.parsers import Parser, level_of
from podcrawler.cli.table import COMMANDS
from podcrawler.exceptions import SettingError, UsageError
from podcrawler.printing import say

if TYPE_CHECKING:
    from scrapy.settings import Settings

#: Scrapy's commands that make no sense here.
_NOT_OFFERED = ("bench", "edit", "genspider", "startproject")
_LOG_FORMAT = "%(asctime)s [%(name)s] %(levelname)s: %(message)s"


def main() -> None:
    """Run what the arguments of the process say, and exit."""
    sys.exit(ended(lambda: _run(sys.argv[1:])))


def _run(words: Sequence[str]) -> int:
    match words:
        case [] | ["-h" | "--help", *_]:
            show_commands()
        case ["--version", *_]:
            say(f"podcrawler {__version__}")
        case [word, *_] if word.startswith("-"):
            raise UsageError(
                f"{word} is no option of podcrawler itself; options follow the command: `{called()} COMMAND {word}`."
            )
        case [name, *rest]:
            return run_command(name, rest)
    return 0


def run_command(name: str, words: Sequence[str], base: "Settings | None" = None) -> int:
    """Run a command with its options and arguments; its exit status. ``base`` are the settings of Scrapy's command
    line, if that was called. Raises PodcrawlerError."""
    check_command(name)
    _check_working_folder()
    listed = COMMANDS[name]
    if not listed.module:
        from podcrawler.cli import scrapys

        return scrapys.run(name, words)
    # All of what is imported stays, so that looking for garbage in it only takes time.
    gc.disable()
    module = listed.load()
    parser = Parser(name)
    module.add_arguments(parser)
    options = parser.read(words)
    settings = _settings(options, base, needs_scrapy=listed.needs_scrapy)
    gc.freeze()
    gc.enable()
    if "logfile" in options:
        _set_up_log(options)
    return int(module.run(settings, options) or 0)


def check_command(name: str) -> None:
    """Raise UsageError if there is no such command."""
    if name in _NOT_OFFERED:
        raise UsageError(
            f"{name} is a command of Scrapy that podcrawler has no use for; `{called()}` lists those it has."
        )
    if name not in COMMANDS:
        meant = did_you_mean(name, COMMANDS, f"`{called()} --help` lists them.")
        raise UsageError(f"There is no command {name}; {meant}")


def _check_working_folder() -> None:
    try:
        Path.cwd()
    except OSError as error:
        raise UsageError(f"The working folder cannot be used ({error.strerror}); change to another one.") from None


def show_commands() -> None:
    """Print the commands by group."""
    say(f"usage: {called()} COMMAND [options] [arguments]")
    say("")
    say("Archives podcasts, with as many machines as you like.")
    group = ""
    for name, listed in COMMANDS.items():
        if listed.group != group:
            group = listed.group
            say("")
            say(f"{group}:")
        say(f"  {name:<13} {listed.summary}")
    say("")
    say(f"`{called()} COMMAND --help` lists the options of a command, `{called()} --version` prints the version.")


def _settings(options: Namespace, base: "Settings | None", *, needs_scrapy: bool) -> Mapping[str, Any]:
    # It imports redis-py, which the help does without.
    from podcrawler.cli.settings import check_names, parse_overrides, read_settings, scrapy_settings

    given = getattr(options, "set", [])
    if base is None:
        return scrapy_settings(given) if needs_scrapy else read_settings(given)
    overrides = parse_overrides(given)
    check_names(overrides)
    base.setdict(overrides, priority="cmdline")
    return base


def _set_up_log(options: Namespace) -> None:
    """What a command logs: warnings, as they are, unless the user wants it otherwise."""
    from podcrawler.cli.settings import parse_overrides

    given = parse_overrides(options.set)
    name = options.logfile or given.get("LOG_FILE")
    level = options.loglevel or level_of(given) or "WARNING"
    try:
        handler = logging.FileHandler(name, encoding="utf-8") if name else logging.StreamHandler()
    except OSError as error:
        raise SettingError(f"The log file {name} cannot be written ({error.strerror}); name another.") from None
    # Scrapy has the root let everything through when it begins to crawl.
    handler.setLevel(level)
    logging.basicConfig(level=level, format=_LOG_FORMAT if name else "%(message)s", handlers=[handler])
