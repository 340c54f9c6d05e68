"""Whether a node of this machine, which is its container, has told Redis within the last seconds that it lives.

Exit status 0: it has; 1: it has not, or Redis does not answer. Cheap: loads the client of Redis, and not Scrapy.
"""

import os
import socket
import sys
import time

from redis import Redis, RedisError

from podcrawler.queue.keys import Keys

#: As long as the report of a node lasts in Redis.
FRESH_SECONDS = 15


def check() -> str | None:
    """What is wrong; None if nothing is."""
    url = os.environ.get("REDIS_URL")
    if not url:
        return "REDIS_URL is not set"
    keys = Keys(os.environ.get("PODCRAWLER_NAMESPACE") or "podcrawler")
    name = os.environ.get("PODCRAWLER_NODE_NAME") or socket.gethostname()
    try:
        with Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5) as redis:
            # The clock of the node and of this process is the same one.
            fresh = redis.zrangebyscore(keys.nodes, time.time() - FRESH_SECONDS, "+inf")
    except (RedisError, ValueError) as error:
        # Only the kind: the words of an error about a URL may have the password in them.
        return f"Redis does not answer ({type(error).__name__})"
    if any(node.decode().rpartition("-")[0] == name for node in fresh):
        return None
    return f"no node {name} has reported within {FRESH_SECONDS} seconds"


if __name__ == "__main__":
    wrong = check()
    print(wrong or "a node reports")
    sys.exit(1 if wrong else 0)
