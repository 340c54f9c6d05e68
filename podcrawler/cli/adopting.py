"""``import DIR --from PROGRAM``: adopts the archive of another program."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from scrapy import Request
from scrapy.settings import Settings

from podcrawler.cli.given import read_addresses
from podcrawler.cli.looking import archive_redis
from podcrawler.exceptions import AddressError, UsageError
from podcrawler.fleet.crawling import get_ready
from podcrawler.fleet.preview import foresee
from podcrawler.library.adopting import Adopted, Adopter, LeftOut, Plan, plan
from podcrawler.library.leavings import Leavings, read
from podcrawler.logins import masked
from podcrawler.printing import counted, say
from podcrawler.queue.archive import Archive
from podcrawler.queue.seeds import address_request
from podcrawler.store.folder import store_folder

_WHY = {
    "part": "a transfer that was broken off",
    "empty": "empty, or no file",
    "unlisted": "no feed that was read lists it",
    "ambiguous": "it may be one of several episodes, and nothing tells which",
    "shared": "another file may be the same episode, and nothing tells which is",
    "changed": "it has another size than the program has written: --keep-changed takes it as it is",
    "broken": "no media by its first bytes, or its end is missing",
    "removed": "its episode is not wanted any more, by `forget`",
}


def run(settings: Settings, options: argparse.Namespace) -> int:
    # Before feeds are read.
    store_folder(settings)
    database = Path(options.database).expanduser() if options.database else None
    leavings = read(options.program, options.folder, database)
    requests, unread = _requests(options.addresses, leavings, options.program)
    get_ready(settings, "podcasts")
    with archive_redis(settings, start=True) as redis:
        Archive.from_settings(settings, redis).check_schema(mark=not options.dry_run)
        preview = foresee(settings, redis, requests, is_full=True)
        unread += [f"{address} [{error.kind}]: {error}" for address, error in preview.failures]
        planned = plan(leavings, preview, keep_changed=options.keep_changed)
        done = Adopted()
        if not options.dry_run:
            done = Adopter(settings, redis, options.folder).adopt(planned.wanted, preview.found, _tell_podcast)
    for sentence in unread:
        say(f"cannot be read: {sentence}", is_error=True)
    for one in planned.left_out + done.left_out:
        say(f"left out: {options.folder / one.path} ({_WHY[one.why]})")
    _tell(planned, done, is_dry=options.dry_run)
    if unread:
        return 1
    return 0 if done.files or planned.finished or (options.dry_run and planned.wanted) else 2


def _requests(words: Sequence[str], leavings: Leavings, program: str) -> tuple[list[Request], list[str]]:
    """The requests for the feeds: those that were given, else those that the program knows; and what is wrong with
    others, in sentences. Raises AddressError and UsageError."""
    if words:
        return read_addresses(words)
    requests, unread = [], []
    for address in leavings.feeds:
        try:
            requests.append(address_request(address))
        except AddressError as error:
            unread.append(f"{masked(address)}: {error}")
    if not requests and not unread:
        raise UsageError(
            f"Nothing that {program} left there tells the addresses of feeds: give them behind the folder, such as "
            f"`import DIR --from {program} https://example.com/feed.xml`."
        )
    return requests, unread


def _tell_podcast(podcast_id: str, count: int) -> None:
    say(f"{podcast_id}: {counted(count, 'media file')}")


def _tell(planned: Plan, done: Adopted, *, is_dry: bool) -> None:
    for sentence in done.sentences:
        say(sentence)
    left_out: list[LeftOut] = planned.left_out + done.left_out
    there = f" {len(planned.finished)} were recorded before;" if planned.finished else ""
    if is_dry:
        outcome = f"{len(planned.wanted)} would be adopted (--dry-run)"
    else:
        outcome = f"{sum(done.files.values())} adopted, {done.recorded} recorded as finished"
    count = len(planned.wanted) + len(planned.finished) + len(planned.left_out)
    say(f"{counted(count, 'media file')}, {outcome};{there} {counted(len(left_out), 'file')} left out.")
