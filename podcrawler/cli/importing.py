"""``import DIR``: records the media files that are in a folder already, so that they are not downloaded again. Those of
another program are adopted (adopting.py)."""

import argparse
from collections import Counter
from pathlib import Path

from podcrawler.calling import called
from podcrawler.cli.looking import archive_redis
from podcrawler.cli.parsers import add_common_options
from podcrawler.exceptions import UsageError
from podcrawler.library.importing import Recalled, Refused, find_media
from podcrawler.library.leavings import PROGRAMS
from podcrawler.library.presence import Presence
from podcrawler.library.restoring import restore
from podcrawler.namespace import AnySettings
from podcrawler.printing import counted, say
from podcrawler.queue.archive import Archive, Imported
from podcrawler.queue.broker import Broker
from podcrawler.queue.legacy_ids import Imports

_WHY = {
    "part": "a transfer that was broken off",
    "empty": "empty, or no file",
    "no-id": "not named id.title.ext",
    "no-media": "no media file",
    "damaged": "it has another size than its sidecar tells: see `verify`",
    "record": "no record of the podcast that its folder is named after",
    "broken": "no media by its first bytes, or its end is missing, or it cannot be read",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", metavar="DIR", type=Path, help="the folder that the media files are in")
    parser.add_argument(
        "addresses", nargs="*", metavar="ADDRESS", help="with --from: the feeds, if the program does not know them"
    )
    parser.add_argument(
        "--from",
        dest="program",
        choices=PROGRAMS,
        help="the program whose archive this is: its files get a place in the store, and stay where they are",
    )
    parser.add_argument("--database", metavar="FILE", help="with --from: the program's database, if it is elsewhere")
    parser.add_argument("--podcast", metavar="ID", help="the podcast that all files are of (else: their folder's name)")
    parser.add_argument(
        "--keep-deleted",
        action="store_true",
        help="files that are gone were removed on purpose: do not fetch them again",
    )
    parser.add_argument(
        "--keep-changed", action="store_true", help="files with other sizes than recorded are right as they are"
    )
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be recorded")
    add_common_options(parser)


def run(settings: AnySettings, options: argparse.Namespace) -> int:
    if options.folder is None:
        raise UsageError("import needs the folder that the media files are in.")
    if options.program:
        return _adopt(settings, options)
    if options.addresses:
        raise UsageError(
            f"import takes no such argument: {options.addresses[0]}; `{called()} import --help` says more."
        )
    if options.database:
        raise UsageError("--database is for --from: it names the database of another program.")
    found = list(find_media(options.folder, options.podcast, keep_changed=options.keep_changed))
    files = [file for file in found if isinstance(file, Imported)]
    refused = [file for file in found if isinstance(file, Refused)]
    recalled = [one for one in found if isinstance(one, Recalled)]
    for file in refused:
        say(f"left out: {file.path} ({_WHY[file.why]})")
    recorded = 0
    sentences: list[str] = []
    if (files or recalled) and not options.dry_run:
        with archive_redis(settings, start=True) as redis:
            archive = Archive.from_settings(settings, redis)
            archive.check_schema(mark=True)
            sentences += restore(settings, redis, recalled, files)
            recorded = Imports(Broker.from_settings(settings, redis, "episodes"), archive).record(files)
            presence = Presence(settings, redis, keep_deleted=options.keep_deleted, keep_changed=options.keep_changed)
            podcasts = sorted({file.podcast_id for file in files})
            sentences += [each for name in podcasts for each in presence.check(name, adopt=True).sentences]
    for podcast_id, count in sorted(Counter(file.podcast_id for file in files).items()):
        say(f"{podcast_id}: {counted(count, 'media file')}")
    for sentence in sentences:
        say(sentence)
    outcome = "nothing was recorded (--dry-run)" if options.dry_run else f"{recorded} recorded as finished"
    say(f"{counted(len(files), 'media file')}, {outcome}; {counted(len(refused), 'file')} left out.")
    return 0 if files else 2


def _adopt(settings: AnySettings, options: argparse.Namespace) -> int:
    if options.podcast or options.keep_deleted:
        raise UsageError("--podcast and --keep-deleted are not for --from: its feeds tell which podcasts these are.")
    # It reads feeds, which needs Scrapy and its own settings; the rest of this command does without.
    from scrapy.settings import Settings

    from podcrawler.cli import adopting
    from podcrawler.cli.settings import scrapy_settings

    own = settings if isinstance(settings, Settings) else scrapy_settings(options.set)
    return adopting.run(own, options)
