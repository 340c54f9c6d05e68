"""The health check of a container: has its node written a heartbeat to Redis recently?

Exit status 0 if it has, 1 if it has not or Redis does not answer. Imports redis-py but not Scrapy, to start quickly.
"""

import os
import socket
import sys
import time

from redis import Redis, RedisError

from podcrawler.queue.keys import Keys

#: Maximum age of a heartbeat in seconds; equals the time to live of a node report in Redis.
FRESH_SECONDS = 15


def check() -> str | None:
    """The problem, as one sentence without secrets; None if the node is healthy."""
    url = os.environ.get("REDIS_URL")
    if not url:
        return "REDIS_URL is not set"
    keys = Keys(os.environ.get("PODCRAWLER_NAMESPACE") or "podcrawler")
    name = os.environ.get("PODCRAWLER_NODE_NAME") or socket.gethostname()
    try:
        with Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5) as redis:
            # The node writes the time of its own clock, which is that of this process too.
            fresh = redis.zrangebyscore(keys.nodes, time.time() - FRESH_SECONDS, "+inf")
    except (RedisError, ValueError) as error:
        # The class only: the message of an error about a URL may contain the password.
        return f"Redis does not answer ({type(error).__name__})"
    if any(node.decode().rpartition("-")[0] == name for node in fresh):
        return None
    return f"no node {name} has reported within {FRESH_SECONDS} seconds"


if __name__ == "__main__":
    problem = check()
    print(problem or "a node reports")
    sys.exit(1 if problem else 0)
