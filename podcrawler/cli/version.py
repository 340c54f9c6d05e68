"""``version``: the versions that a report of a fault should have."""

import argparse
import platform
from importlib.metadata import version

from podcrawler import __version__
from podcrawler.cli.parsers import add_common_options
from podcrawler.exceptions import RedisError
from podcrawler.namespace import AnySettings
from podcrawler.printing import say
from podcrawler.redis.connection import connect_node, server_version


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_common_options(parser)


def run(settings: AnySettings, options: argparse.Namespace) -> int:
    say(f"podcrawler    {__version__}")
    say(f"Python        {platform.python_version()}")
    say(f"Scrapy        {version('scrapy')}")
    say(f"scrapy-redis  {version('scrapy-redis')}")
    say(f"redis client  {version('redis')}")
    say(f"Redis server  {_server(settings)}")
    return 0


def _server(settings: AnySettings) -> str:
    """The version of the server, as far as one runs: none is started."""
    try:
        with connect_node(settings) as redis:
            return server_version(redis)
    except RedisError as error:
        return f"none: {error}"
