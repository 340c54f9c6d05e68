"""The Redis of one archive, for a command that needs no more."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from podcrawler.namespace import AnySettings
from podcrawler.queue.overview import Overview
from podcrawler.redis.connection import connected, connected_if_running

if TYPE_CHECKING:
    from redis import Redis


@contextmanager
def archive_redis(settings: AnySettings, *, start: bool = False) -> Iterator["Redis"]:
    """The Redis of the archive that the settings name, for one command that needs no more than to read; ``start`` as in
    ``connected``. Raises RedisError."""
    with connected(settings, start=start) as redis:
        Overview.from_settings(settings, redis).check_schema()
        yield redis


@contextmanager
def redis_if_running(settings: AnySettings) -> Iterator["Redis | None"]:
    """As ``archive_redis``, for a command that does without, too; None as in ``connected_if_running``."""
    with connected_if_running(settings) as redis:
        if redis is not None:
            Overview.from_settings(settings, redis).check_schema()
        yield redis
