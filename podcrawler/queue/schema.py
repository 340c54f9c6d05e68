"""The form of what lies in Redis, as a number, so that nodes of two minds never work one queue.

It goes up by one with every change that the podcrawler before could not read; docs/queue-operations.md says how to
upgrade.
"""

from typing import Any

from podcrawler.exceptions import RedisError
from podcrawler.queue.keys import Keys

SCHEMA = 1


def check_schema(redis: Any, keys: Keys) -> None:
    """Mark an archive that has no schema with this one; RedisError if it has another. Blocks."""
    pipe = redis.pipeline(transaction=True)
    pipe.setnx(keys.schema, SCHEMA)
    pipe.get(keys.schema)
    found = pipe.execute()[1].decode()
    if found != str(SCHEMA):
        raise RedisError(
            f"The queue {keys.archive}* in this Redis has schema {found}, and this podcrawler works with {SCHEMA}: "
            "install the version that the other nodes have, or upgrade as docs/queue-operations.md says."
        )
