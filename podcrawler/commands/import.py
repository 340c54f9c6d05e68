"""``import DIR``: records the media files that are in a folder already, so that they are not downloaded again."""

import argparse
from collections import Counter
from pathlib import Path

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError
from typing_extensions import override

from podcrawler.commands import archive_redis, explained
from podcrawler.library.importing import Refused, find_media
from podcrawler.printing import say
from podcrawler.queue.archive import Archive, Imported
from podcrawler.queue.broker import Broker
from podcrawler.queue.legacy_ids import Imports

_WHY = {
    "part": "a transfer that was broken off",
    "empty": "empty, or no file",
    "no-id": "not named id.title.ext",
    "no-media": "no media file",
    "broken": "no media by its first bytes, or its end is missing, or it cannot be read",
}


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    @override
    def syntax(self) -> str:
        return "[options] DIR"

    @override
    def short_desc(self) -> str:
        return "Record the media files in a folder as finished, so that they are not downloaded again"

    @override
    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument(
            "--podcast", metavar="ID", help="the podcast that all files are of (else: their folder's name)"
        )
        parser.add_argument("--dry-run", action="store_true", help="only tell what would be recorded")

    @explained
    @override
    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if len(args) != 1:
            raise UsageError("import needs the folder that the media files are in")
        assert self.settings is not None
        found = list(find_media(Path(args[0]), opts.podcast))
        files = [file for file in found if isinstance(file, Imported)]
        refused = [file for file in found if isinstance(file, Refused)]
        for file in refused:
            say(f"left out: {file.path} ({_WHY[file.why]})")
        recorded = 0
        if files and not opts.dry_run:
            with archive_redis(self.settings, start=True) as redis:
                archive = Archive.from_settings(self.settings, redis)
                archive.check_schema(mark=True)
                recorded = Imports(Broker.from_settings(self.settings, redis, "episodes"), archive).record(files)
        for podcast_id, count in sorted(Counter(file.podcast_id for file in files).items()):
            say(f"{podcast_id}: {count} media files")
        outcome = "nothing was recorded (--dry-run)" if opts.dry_run else f"{recorded} recorded as finished"
        say(f"{len(files)} media files, {outcome}; {len(refused)} files left out.")
        self.exitcode = 0 if files else 2
