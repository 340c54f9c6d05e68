"""A pause of the whole fleet: while the archive's key ``paused`` exists, no node gets a lease (queue/lua/lease.lua)."""

from typing import Any

from scrapy.settings import BaseSettings

from podcrawler.config import Config
from podcrawler.queue.keys import Keys


def pause(redis: Any, settings: BaseSettings) -> None:
    redis.set(_key(settings), 1)


def resume(redis: Any, settings: BaseSettings) -> bool:
    """End the pause; whether there was one."""
    return bool(redis.delete(_key(settings)))


def is_paused(redis: Any, settings: BaseSettings) -> bool:
    return bool(redis.exists(_key(settings)))


def _key(settings: BaseSettings) -> str:
    return Keys(Config.read(settings).namespace).paused
