"""``forget``: episodes that are not wanted, whose files may have been removed, are not downloaded again."""

import argparse

from podcrawler.calling import called
from podcrawler.cli.looking import archive_redis
from podcrawler.cli.parsers import add_common_options
from podcrawler.exceptions import UsageError
from podcrawler.ids import EPISODE_ID, PODCAST_ID
from podcrawler.namespace import AnySettings
from podcrawler.printing import say
from podcrawler.queue.records import Records


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="*", metavar="ID", help="of episodes: PODCAST/EPISODE")
    add_common_options(parser)


def run(settings: AnySettings, options: argparse.Namespace) -> int:
    if not options.ids:
        raise UsageError("forget needs ids of episodes: PODCAST/EPISODE, as `podcasts` and `episodes` list them.")
    for given in options.ids:
        podcast_id, _, name = given.partition("/")
        if not PODCAST_ID.fullmatch(podcast_id) or not EPISODE_ID.fullmatch(name):
            raise UsageError(f"{given} is not the id of an episode; write PODCAST/EPISODE.")
    with archive_redis(settings) as redis:
        outcomes = Records.from_settings(settings, redis).forget(options.ids)
    for given, outcome in zip(options.ids, outcomes, strict=True):
        if outcome is None:
            podcast_id = given.partition("/")[0]
            say(
                f"There is no episode {given}; `{called()} episodes {podcast_id}` lists those there are.", is_error=True
            )
        elif not outcome:
            say(f"{given} is being worked on; forget it when `{called()} status` does not show it.", is_error=True)
    say(f"{outcomes.count(True)} forgotten: not downloaded again. What there is of their files stays.")
    return 0 if all(outcomes) else 2
