"""``merge``: says that a podcast, or an address, is the same as another podcast."""

import argparse

from scrapy.settings import BaseSettings

from podcrawler.cli.known import check_podcast
from podcrawler.cli.looking import archive_redis
from podcrawler.cli.parsers import add_common_options
from podcrawler.exceptions import UnknownPodcastError, UsageError
from podcrawler.library.merging import merge
from podcrawler.printing import counted, say
from podcrawler.queue.inventory import Inventory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("gone", nargs="?", metavar="ID|ADDRESS", help="the podcast that goes, by id or address")
    parser.add_argument("kept", nargs="?", metavar="INTO", help="the podcast to keep, by id or address")
    add_common_options(parser)


def run(settings: BaseSettings, options: argparse.Namespace) -> int:
    if options.kept is None:
        raise UsageError("merge needs two podcasts, each by id or address: the one that goes, and the one to keep.")
    with archive_redis(settings, start=True) as redis:
        try:
            merged = merge(settings, redis, options.gone, options.kept)
        except UnknownPodcastError as error:
            check_podcast(Inventory.from_settings(settings, redis), error.podcast_id)
            raise
    if "://" in merged.gone:
        say(f"{merged.gone} leads to {merged.kept} now.")
        return 0
    told = f"{counted(merged.episodes, 'episode')} more, {counted(merged.moved, 'file')} moved"
    if merged.left:
        told += f"; {merged.left} {'stays' if merged.left == 1 else 'stay'}, because {merged.kept} has these episodes"
    say(f"{merged.gone} is part of {merged.kept} now: {told}.")
    return 0
