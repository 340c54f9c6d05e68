"""``bag ID``: makes a BagIt bag of a podcast."""

import argparse
from pathlib import Path

from rich.filesize import decimal

from podcrawler.agent import Agent
from podcrawler.cli.on_disk import check_known, opened_catalog
from podcrawler.cli.parsers import add_common_options
from podcrawler.cli.verify import reader_of
from podcrawler.exceptions import UsageError
from podcrawler.library.bagging import make_bag
from podcrawler.namespace import AnySettings
from podcrawler.printing import counted, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("podcast", nargs="?", metavar="ID", help="the podcast, by the name of its folder")
    parser.add_argument("--to", type=Path, metavar="DIR", help="the bag, which must not exist (else: ./ID.bag)")
    add_common_options(parser)


def run(settings: AnySettings, options: argparse.Namespace) -> int:
    if options.podcast is None:
        raise UsageError("bag needs the id of a podcast, which its folder is named after.")
    catalog, there = opened_catalog(settings)
    check_known([options.podcast], there)
    target = (options.to or Path(f"{options.podcast}.bag")).absolute()
    with reader_of(catalog, [options.podcast]) as reader:
        bag = make_bag(catalog, options.podcast, target, Agent.read(settings), reader)
    say(f"{bag.path}: a bag of {counted(bag.files, 'file')} ({decimal(bag.size)}).")
    return 0
