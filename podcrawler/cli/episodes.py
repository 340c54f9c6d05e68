"""``episodes ID``: a line for each episode of a podcast."""

import argparse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from rich.filesize import decimal

from podcrawler.cli.known import check_podcast
from podcrawler.cli.looking import archive_redis
from podcrawler.cli.parsers import add_common_options
from podcrawler.exceptions import MediaError, StoreError, UsageError
from podcrawler.namespace import AnySettings
from podcrawler.printing import json_line, say
from podcrawler.queue.inventory import EpisodeSummary, Inventory
from podcrawler.store.listing import open_listing
from podcrawler.store.names import version_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("podcast", nargs="?", metavar="ID", help="the podcast, as `podcasts` lists it")
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")
    add_common_options(parser)


def run(settings: AnySettings, options: argparse.Namespace) -> int:
    if options.podcast is None:
        raise UsageError("episodes needs the id of a podcast, as `podcasts` lists it.")
    any_episode = False
    with archive_redis(settings) as redis:
        inventory = Inventory.from_settings(settings, redis)
        check_podcast(inventory, options.podcast)
        files = _files(settings, options.podcast)
        for episode in inventory.episodes(options.podcast):
            any_episode = True
            found = files.get(episode.id, []) if episode.state == "finished" else []
            say(_json(episode, found) if options.json else _line(episode, found))
    if not any_episode and not options.json:
        say("No episode of it has been listed.")
    return 0


def _files(settings: AnySettings, podcast_id: str) -> Mapping[str, list[str]]:
    """The names of the files in the podcast's folder in this machine's store, by episode; the last version last."""
    found = defaultdict[str, list[str]](list)
    try:
        for file in open_listing(settings).files(podcast_id) or ():
            found[file.episode_id].append(file.name)
    except (MediaError, StoreError) as error:
        say(f"Which files there are is unknown: {error}", is_error=True)
        return {}
    return {episode_id: sorted(names, key=version_of) for episode_id, names in found.items()}


def _json(episode: EpisodeSummary, files: Sequence[str]) -> str:
    paths = [f"{episode.podcast}/{name}" for name in files]
    return json_line({**asdict(episode), "file": paths[-1] if paths else None, "earlier_files": paths[:-1]})


def _line(episode: EpisodeSummary, files: Sequence[str]) -> str:
    columns = [f"{episode.state:<8}", episode.id]
    if episode.size is not None:
        columns.append(decimal(episode.size))
    if episode.state == "finished":
        columns += files or ["(dropped on purpose)" if episode.dropped else "(no file in this store)"]
    columns.append(episode.title)
    if episode.kind:
        columns.append(f"[{episode.kind}] {episode.reason}")
    elif episode.reason:
        columns.append(f"({episode.reason})")
    if episode.next_try is not None:
        columns.append(f"tried again at {datetime.fromtimestamp(episode.next_try, UTC):%Y-%m-%d %H:%M:%SZ}")
    if episode.withdrawn is not None:
        columns.append(f"withdrawn since {datetime.fromtimestamp(episode.withdrawn, UTC):%Y-%m-%d}")
    return "  ".join(filter(None, columns))
