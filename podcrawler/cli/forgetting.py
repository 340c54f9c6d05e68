"""Forgets that entries have failed: for ``failed --forget`` and ``retry --forget``."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from podcrawler.cli.unfailed import failed_among, tell_unfailed
from podcrawler.namespace import AnySettings
from podcrawler.printing import say
from podcrawler.queue.dropping import drop_failed
from podcrawler.queue.keys import QUEUES
from podcrawler.queue.states import QueueStates

if TYPE_CHECKING:
    from redis import Redis


def forget(settings: AnySettings, redis: "Redis", keys: Iterable[str]) -> int:
    """Forget them, and say how many, and which have not failed; the exit status."""
    keys = list(dict.fromkeys(keys))
    failed = failed_among((QueueStates.from_settings(settings, redis, name) for name in QUEUES), keys)
    tell_unfailed(key for key in keys if key not in failed)
    forgotten = sum(drop_failed(settings, redis, queue, keys) for queue in QUEUES)
    say(f"{forgotten} forgotten; what is listed again is queued again.")
    return 0 if forgotten or not keys else 2
