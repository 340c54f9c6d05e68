"""The secret by which the nodes of a fleet prove to each other what the parts in the store have."""

import re
import secrets
from typing import Any

from redis import Redis

from podcrawler.namespace import AnySettings, read_namespace
from podcrawler.queue.keys import Keys
from podcrawler.queue.values import tell

_KEY = re.compile(rb"[0-9a-f]{64}")


def parts_key(redis: Redis, settings: AnySettings) -> bytes:
    """The secret, which the first node makes. Blocks on Redis. One of its own for each node if the value in Redis is
    none."""
    key, own = f"{Keys(read_namespace(settings)).archive}parts-key", secrets.token_hex(32).encode()
    # redis-py's types allow for text where this client answers in bytes.
    server: Any = redis
    if server.type(key) not in (b"none", b"string"):
        tell("the secret of the parts", "it has another type")
        return own
    pipe = server.pipeline(transaction=True)
    pipe.setnx(key, own)
    pipe.get(key)
    found = bytes(pipe.execute()[1])
    if not _KEY.fullmatch(found):
        tell("the secret of the parts", "it is none")
        return own
    return found
