"""Forgets that entries have failed: for ``failed --forget`` and ``retry --forget``."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from podcrawler.namespace import AnySettings
from podcrawler.printing import say
from podcrawler.queue.dropping import drop_failed
from podcrawler.queue.keys import QUEUES

if TYPE_CHECKING:
    from redis import Redis


def forget(settings: AnySettings, redis: "Redis", keys: Iterable[str]) -> int:
    """Forget them, and say how many; the exit status."""
    keys = list(keys)
    forgotten = sum(drop_failed(settings, redis, queue, keys) for queue in QUEUES)
    say(f"{forgotten} forgotten; what is listed again is queued again.")
    return 0 if forgotten or not keys else 2
