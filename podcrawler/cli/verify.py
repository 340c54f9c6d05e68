"""``verify [ID...]``: compares the files of the archive with what its sidecars and manifests tell of them."""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from podcrawler.agent import Agent
from podcrawler.calling import called
from podcrawler.cli.looking import archive_redis, redis_if_running
from podcrawler.cli.on_disk import check_known, opened_catalog
from podcrawler.cli.parsers import add_common_options
from podcrawler.cli.times import shown_time
from podcrawler.exceptions import RedisError
from podcrawler.library.catalog import Catalog
from podcrawler.library.fixity import Notes, Reader
from podcrawler.library.repair import Repairs
from podcrawler.library.verify import Finding, Kind, Verified, Verifier, is_damage
from podcrawler.namespace import AnySettings
from podcrawler.printing import counted, json_line, say
from podcrawler.redis.connection import redis_configured, state_dir
from podcrawler.redis.embedded import EmbeddedServer
from podcrawler.store import names

if TYPE_CHECKING:
    from podcrawler.library.requeueing import Requeueing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("podcasts", nargs="*", metavar="ID", help="podcasts, by the names of their folders (else: all)")
    parser.add_argument("--deep", action="store_true", help="read all files, and compare their SHA-256 too")
    parser.add_argument(
        "--repair", action="store_true", help="put right what can be, and queue again what is damaged or missing"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")
    add_common_options(parser)


def run(settings: AnySettings, options: argparse.Namespace) -> int:
    catalog, there = opened_catalog(settings)
    with ExitStack() as stack:
        requeueing = _requeueing(settings, stack, is_needed=options.repair)
        check_known(options.podcasts, [*there, *(requeueing.podcast_ids() if requeueing else ())])
        wanted = options.podcasts or sorted({*there, *(requeueing.podcast_ids() if requeueing else ())})
        here = [name for name in wanted if name in there]
        expected = {name: requeueing.expected(name) for name in wanted} if requeueing else {}
        notes = stack.enter_context(Notes(state_dir(settings) if options.deep else None))
        if notes.since is not None:
            say(f"Goes on with a run of {shown_time(notes.since)} that was interrupted.", is_error=True)
        reader = stack.enter_context(reader_of(catalog, here if options.deep else ()))
        verified = Verifier(catalog, reader, notes if options.deep else None).verify(here)
        notes.forget(lambda path: path.partition("/")[0] in here)
        if requeueing:
            requeueing.add_missing(verified, here, expected)
        back = 0
        if options.repair:
            repairs = Repairs(catalog, Agent.read(settings), reader, requeueing)
            repairs.repair(verified)
            back = repairs.note_returns(here)
    for finding in verified.findings:
        say(json_line(_fields(finding)) if options.json else _line(finding))
    if not options.json:
        _summarize(verified, back)
    if options.repair and requeueing is None and any(is_damage(finding) for finding in verified.findings):
        say(
            "What is damaged or missing is left as it is, because there is no Redis to queue it in: set REDIS_URL, and "
            "run this again.",
            is_error=True,
        )
    return 1 if verified.findings else 0


def _requeueing(settings: AnySettings, stack: ExitStack, *, is_needed: bool) -> "Requeueing | None":
    """What the Redis of this archive knows; None if there is none. None is started unless it ``is_needed`` and has
    data. Raises RedisError."""
    if is_needed and (redis_configured(settings) or EmbeddedServer(state_dir(settings)).has_data):
        redis = stack.enter_context(archive_redis(settings))
    else:
        try:
            found = stack.enter_context(redis_if_running(settings))
        except RedisError as error:
            say(f"Only files are compared, and not the record of what was archived: {error}", is_error=True)
            return None
        if found is None:
            return None
        redis = found
    # Imports Scrapy.
    from podcrawler.library.requeueing import Requeueing

    return Requeueing(settings, redis)


@contextmanager
def reader_of(catalog: Catalog, podcast_ids: Sequence[str]) -> Iterator[Reader]:
    """What reads files; shows on a terminal how far it is with those of these podcasts."""
    console = Console(stderr=True)
    if not console.is_terminal:
        with Reader() as reader:
            yield reader
        return
    columns = (TextColumn("verifying"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        total = sum(_media_bytes(catalog.root / podcast_id) for podcast_id in podcast_ids)
        task = progress.add_task("", total=total or None)
        with Reader(lambda count: progress.update(task, advance=count)) as reader:
            yield reader


def _media_bytes(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.iterdir() if names.episode_of(path.name))


def _fields(finding: Finding) -> dict[str, object]:
    return {
        "finding": finding.kind,
        "podcast": finding.place.podcast_id,
        "file": finding.place.name,
        "problem": finding.problem,
        "belongs_to": "/".join(finding.target) if finding.target else None,
        "repair": finding.repair or None,
    }


def _line(finding: Finding) -> str:
    done = f"; {finding.repair}" if finding.repair else ""
    return f"{finding.kind:<14}  {'/'.join(finding.place)}  {finding.problem}{done}"


def _summarize(verified: Verified, back: int) -> None:
    counts = Counter(finding.kind for finding in verified.findings)
    told = [f"{counts[kind]} {kind}" for kind in get_args(Kind) if counts[kind]]
    read = f", {verified.read} of them read" if verified.read else ""
    skipped = f", {verified.skipped} before the interruption" if verified.skipped else ""
    files = f"{counted(verified.files, 'file')} ({decimal(verified.size)})"
    say(f"{files}{read}{skipped}: {', '.join(told) or 'all well'}.")
    if back:
        say("1 file is back that was damaged." if back == 1 else f"{back} files are back that were damaged.")
    if any(not finding.repair for finding in verified.findings):
        say(f"`{called()} verify --repair` puts right what can be; docs/verify.md says what it does.")
