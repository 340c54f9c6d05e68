"""The parsers of commands. What is wrong ends in one sentence with the nearest name; nothing is ignored or abbreviated.

argparse, and not click or typer: Scrapy's commands define their options with it, and click takes longer to import than
``status`` may take. shtab makes the shells' completions of it (completion.py).
"""

import argparse
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any, NoReturn

from typing_extensions import override

from podcrawler.calling import called
from podcrawler.cli.nearest import nearest
from podcrawler.cli.table import COMMANDS
from podcrawler.exceptions import SettingError, UsageError
from podcrawler.printing import say

#: How like an option must be to one that there is to be taken for it.
_ALIKE = 0.7
#: Stands before an argument after ``--`` that looks like an option: no word on a command line can have it.
_MARK = "\0"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class Parser(argparse.ArgumentParser):
    """The parser of one command."""

    def __init__(self, command: str) -> None:
        listed = COMMANDS[command]
        self.command = command
        super().__init__(
            prog=f"{called()} {command}",
            usage=" ".join(filter(None, [called(), command, "[options]", listed.arguments])),
            description=f"{listed.summary}. docs/commands.md says more.",
            formatter_class=_Formatter,
            # What ScrapyCommand.add_options defines again, as for Scrapy's own parser.
            conflict_handler="resolve",
            allow_abbrev=False,
        )

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """The options and arguments, in any order; what follows ``--`` is no option. Raises UsageError."""
        options, rest = self.parse_known_intermixed_args(list(_marked(words)))
        self.refuse_options(rest)
        if rest:
            first = rest[0].removeprefix(_MARK)
            raise UsageError(f"{self.command} takes no such argument: {first}; {self.see_help}.")
        return options

    def refuse_options(self, words: Sequence[str]) -> None:
        """Raise UsageError for the first of these words that is an option: those that are known are not among them."""
        for word in words:
            if word.startswith("-") and len(word) > 1:
                name = word.partition("=")[0]
                # Without the dashes, which all have in common.
                known = {option.lstrip("-"): option for option in self._option_string_actions}
                given = name.lstrip("-")
                found = next((option for option in known if given and option.startswith(given)), "")
                meant = known.get(found or nearest(given, known, least=_ALIKE))
                rest = f"did you mean {meant}?" if meant else f"{self.see_help}."
                raise UsageError(f"{self.command} has no option {name}; {rest}")

    @property
    def see_help(self) -> str:
        return f"`{called()} {self.command} --help` says more"

    @override
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.command}: {message}; {self.see_help}.")

    @override
    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        return super()._get_value(action, arg_string.removeprefix(_MARK))

    @override
    def _print_message(self, message: str, file: Any = None) -> None:
        for line in message.splitlines():
            say(line, is_error=file is sys.stderr)


def _marked(words: Iterable[str]) -> Iterator[str]:
    """The words without ``--``. What argparse makes of that depends on what stands around it, and on its version."""
    rest = iter(words)
    yield from takewhile(lambda word: word != "--", rest)
    yield from (_MARK + word if word.startswith("-") else word for word in rest)


def add_common_options(parser: argparse.ArgumentParser, *, log_file: bool = True) -> None:
    """Add the options that every command has. Without ``log_file`` the log of the command itself goes nowhere else."""
    group = parser.add_argument_group("options of every command")
    group.add_argument(
        "-s", "--set", action="append", default=[], metavar="NAME=VALUE", help="set a setting (docs/settings.md)"
    )
    group.add_argument("-L", "--loglevel", type=log_level, metavar="LEVEL", help=f"log level: {', '.join(LEVELS)}")
    if log_file:
        group.add_argument("--logfile", metavar="FILE", help="where the log goes, in place of standard error")


def log_level(given: str) -> str:
    """The name of a level of the log, in any case of letters."""
    if (level := given.upper()) not in LEVELS:
        raise argparse.ArgumentTypeError(f"there is no log level {given}, take {', '.join(LEVELS)}")
    return level


def level_of(settings: Mapping[str, Any]) -> str | int | None:
    """``LOG_LEVEL``, if that is set. Raises SettingError."""
    given = settings.get("LOG_LEVEL")
    if given is None or isinstance(given, int):
        return given
    try:
        return log_level(str(given))
    except argparse.ArgumentTypeError:
        raise SettingError(f"LOG_LEVEL cannot be {given!r}: take {', '.join(LEVELS)}.") from None


class _Formatter(argparse.HelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=min(shutil.get_terminal_size().columns - 2, 110))
