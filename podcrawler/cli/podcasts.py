"""``podcasts``: a line for each podcast."""

import argparse
from dataclasses import asdict

from rich.filesize import decimal

from podcrawler.cli.looking import archive_redis
from podcrawler.cli.parsers import add_common_options
from podcrawler.cli.times import shown_time
from podcrawler.namespace import AnySettings
from podcrawler.printing import json_line, say
from podcrawler.queue.inventory import Inventory, PodcastSummary
from podcrawler.subscriptions.store import Subscriptions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")
    add_common_options(parser)


def run(settings: AnySettings, options: argparse.Namespace) -> int:
    any_podcast = False
    with archive_redis(settings) as redis:
        followed = Subscriptions.from_settings(settings, redis).all()
        visits = {one.checked.podcast_id: one.next_check for one in followed}
        for podcast in Inventory.from_settings(settings, redis).podcasts():
            any_podcast = True
            next_visit = visits.get(podcast.id)
            line = json_line({**asdict(podcast), "next_visit": next_visit}) if options.json else None
            say(line or _line(podcast, next_visit))
    if not any_podcast and not options.json:
        say("There is no podcast yet.")
    return 0


def _line(podcast: PodcastSummary, next_visit: float | None) -> str:
    states = asdict(podcast.episodes)
    counts = [f"{count} {state}" for state, count in states.items() if count and state != "finished"]
    if podcast.episodes.finished:
        counts.insert(0, f"{podcast.episodes.finished} finished ({decimal(podcast.bytes)})")
    counts += [f"{podcast.removed} removed"] if podcast.removed else []
    columns = [podcast.id, podcast.title, ", ".join(counts) or "no episodes"]
    if podcast.last_visit is not None:
        columns.append(f"visited {shown_time(podcast.last_visit)}")
    if next_visit is not None:
        columns.append(f"next visit {shown_time(next_visit)}")
    if podcast.newest:
        columns.append(f"newest {podcast.newest.published[:10]} {podcast.newest.title}")
    return "  ".join(filter(None, columns))
