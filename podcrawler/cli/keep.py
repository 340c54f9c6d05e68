"""``keep [ID]``: older files of a podcast go to the trash, or are removed."""

import argparse

from rich.filesize import decimal

from podcrawler.cli.known import check_podcast
from podcrawler.cli.looking import archive_redis
from podcrawler.cli.parsers import add_common_options
from podcrawler.exceptions import UsageError
from podcrawler.library.keeping import Keep, Kept, keep_as_subscribed, keep_newest, read_trash
from podcrawler.namespace import AnySettings
from podcrawler.printing import counted, say
from podcrawler.queue.inventory import Inventory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("podcast", nargs="?", metavar="ID", help="the podcast, as `podcasts` lists it")
    parser.add_argument("--keep", type=_keep, metavar="N|DAYS", help="how many episodes, or days of them: 10, 30d")
    parser.add_argument("--dry-run", action="store_true", help="only list the files that would go")
    add_common_options(parser)


def run(settings: AnySettings, options: argparse.Namespace) -> int:
    if (options.podcast is None) != (options.keep is None):
        raise UsageError(
            "keep needs a podcast, and what to keep of it: keep ID --keep 10, or --keep 30d; or neither, for all "
            "subscriptions that say it."
        )
    with archive_redis(settings) as redis:
        if options.podcast is None:
            found = keep_as_subscribed(settings, redis, is_dry=options.dry_run)
        else:
            check_podcast(Inventory.from_settings(settings, redis), options.podcast)
            found = {
                options.podcast: keep_newest(settings, redis, options.podcast, options.keep, is_dry=options.dry_run)
            }
    for podcast_id, kept in found.items():
        tell(settings, podcast_id, kept, is_dry=options.dry_run)
    if not found:
        say("No subscription says what is kept: subscribe ID --keep 10 would.")
    return 0


def tell(settings: AnySettings, podcast_id: str, found: Kept, *, is_dry: bool = False) -> None:
    """Print what became of a podcast's files."""
    for file in found.dropped:
        say(f"{podcast_id}/{file.name}  {decimal(file.size)}")
    trash = read_trash(settings)
    done = f"moved to {trash}" if trash else "removed"
    dropped = f"{counted(len(found.dropped), 'file')} ({decimal(sum(file.size for file in found.dropped))})"
    stay = "1 stays" if found.kept == 1 else f"{found.kept} stay"
    say(f"{dropped} {'would be ' if is_dry else ''}{done}; {stay}.")
    if found.undated:
        say(f"{found.undated} of those have no known date: the next visit of the podcast may tell it.")


def _keep(given: str) -> Keep:
    try:
        return Keep.read(given)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
