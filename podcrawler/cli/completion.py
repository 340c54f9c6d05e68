"""``completion SHELL``: a script for the shell that completes commands, options and the names of files.

shtab makes it of the parsers, once: completing asks no Python.
"""

import argparse
from typing import Any, cast

import shtab

from podcrawler.cli import scrapys
from podcrawler.cli.parsers import Parser
from podcrawler.cli.settings import scrapy_settings
from podcrawler.cli.table import COMMANDS
from podcrawler.printing import say

_SHELLS = ("bash", "zsh", "tcsh")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=_SHELLS)


def run(settings: Any, options: argparse.Namespace) -> int:
    for line in shtab.complete(_whole(), shell=options.shell).splitlines():
        say(line)
    return 0


def _whole() -> argparse.ArgumentParser:
    """One parser of all commands."""
    whole = argparse.ArgumentParser(prog="podcrawler", description="Archives podcasts.")
    whole.add_argument("--version", action="store_true", help="print the version")
    commands = whole.add_subparsers(parser_class=cast("Any", _parser))
    for name, listed in COMMANDS.items():
        commands.add_parser(name, help=listed.summary, command=name)
    return whole


def _parser(command: str, **_: Any) -> Parser:
    """The parser of a command, whatever argparse says of it."""
    if not COMMANDS[command].module:
        return scrapys.new_command(command, scrapy_settings([]))[1]
    parser = Parser(command)
    COMMANDS[command].load().add_arguments(parser)
    return parser
