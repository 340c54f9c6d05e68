"""``retry``: queues failed entries again, with their tries reset; says of others how they are downloaded again."""

import argparse
import shlex
from collections.abc import Iterable, Sequence
from typing import get_args

from rich.filesize import decimal

from podcrawler.calling import called
from podcrawler.cli.forgetting import forget
from podcrawler.cli.looking import archive_redis
from podcrawler.cli.parsers import add_common_options
from podcrawler.cli.unfailed import failed_among, tell_unfailed
from podcrawler.exceptions import FailureClass, UsageError
from podcrawler.namespace import AnySettings
from podcrawler.printing import say
from podcrawler.queue.archive import Archive
from podcrawler.queue.broker import Broker
from podcrawler.queue.keys import QUEUES
from podcrawler.queue.records import Records


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="*", metavar="ID", help="as `failed` lists them")
    parser.add_argument("--all", action="store_true", help="everything that failed")
    parser.add_argument("--class", dest="failure_class", choices=get_args(FailureClass), help="what failed so")
    parser.add_argument("--forget", action="store_true", help="queue nothing, and forget that they have failed")
    parser.add_argument(
        "--finished", action="store_true", help="the ids are of finished episodes, whose files are gone"
    )
    add_common_options(parser)


def run(settings: AnySettings, options: argparse.Namespace) -> int:
    if [bool(options.ids), options.all, bool(options.failure_class)].count(True) != 1:
        raise UsageError("retry needs ids as `failed` lists them, or --class, or --all.")
    if options.finished and (options.forget or not options.ids):
        raise UsageError("retry --finished needs ids of episodes, and goes with no other option.")
    with archive_redis(settings) as redis:
        records = Records.from_settings(settings, redis)
        if options.finished:
            return _drop(records, options.ids)
        queues = [Broker.from_settings(settings, redis, name) for name in QUEUES]
        if options.forget:
            return forget(settings, redis, options.ids or _failed(queues, options.failure_class))
        failed = failed_among(queues, options.ids)
        others = [key for key in options.ids if key not in failed]
        queued = sum(queue.requeue(options.ids or _failed([queue], options.failure_class)) for queue in queues)
        wanted = _explain(records, Archive.from_settings(settings, redis), others)
    say(f"{queued} queued again.")
    return 0 if queued or wanted or not options.ids else 2


def _failed(queues: Iterable[Broker], failure_class: FailureClass | None) -> list[str]:
    """The keys of the failed entries of this class; of all of them if it is None."""
    failed = (failed for queue in queues for failed in queue.failed())
    return [entry.key for entry in failed if failure_class in (None, entry.failure_class)]


def _explain(records: Records, archive: Archive, ids: Sequence[str]) -> int:
    """Say of entries that have not failed why they are not queued, and of finished episodes how to download them again;
    have forgotten ones wanted again. How many of these."""
    wanted = 0
    for key in ids:
        if records.want(key):
            wanted += 1
            say(f"{key} was forgotten, and is wanted again: it is queued when its podcast is listed the next time.")
        elif found := records.one(key):
            address = shlex.quote(archive.podcast_address(key.partition("/")[0]) or "ADDRESS")
            say(
                f"{key} is finished ({decimal(found.size)}). To download it again, remove its file, then: "
                f"{called()} retry --finished {key} && {called()} archive {address}"
            )
        else:
            tell_unfailed([key])
    return wanted


def _drop(records: Records, ids: Sequence[str]) -> int:
    found = {key: one for key in ids if (one := records.one(key))}
    for key in ids:
        if key not in found:
            podcast_id = key.partition("/")[0]
            say(f"{key} is not finished; `{called()} episodes {podcast_id}` lists what is.", is_error=True)
    dropped = sum(records.change(key.partition("/")[0], [one.gone()]) for key, one in found.items())
    say(f"{dropped} not finished any more: queued when they are listed, and downloaded if their files are gone.")
    return 0 if dropped else 2
