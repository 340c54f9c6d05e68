"""Takes what has failed out of a queue, for a user who does not want to see it any more.

Apart from broker.py, so that `failed` needs no settings of nodes. This module is quick to import. It blocks on Redis.
"""

from collections.abc import Iterable
from typing import Any

from redis import Redis

from podcrawler.batching import REDIS_BATCH, batches
from podcrawler.namespace import AnySettings, read_namespace
from podcrawler.queue.keys import Keys
from podcrawler.queue.scripts import source


def drop_failed(settings: AnySettings, redis: Redis, queue: str, keys: Iterable[str]) -> int:
    """Forget those of these entries that have failed: when they are listed again, they are new. How many had."""
    named = Keys(read_namespace(settings))
    # redis-py's types allow for text where this client answers in bytes.
    script: Any = redis.register_script(source("drop"))
    prefixes = [named.queue(queue), named.archive]
    return sum(int(script(keys=prefixes, args=batch)) for batch in batches(keys, REDIS_BATCH))
