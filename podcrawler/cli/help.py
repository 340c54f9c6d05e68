"""``help [COMMAND]``: the list of commands, or what ``COMMAND --help`` prints."""

import argparse
from typing import Any

from podcrawler.cli.line import run_command, show_commands


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="COMMAND")


def run(settings: Any, options: argparse.Namespace) -> int:
    if options.name:
        return run_command(options.name, ["--help"])
    show_commands()
    return 0
