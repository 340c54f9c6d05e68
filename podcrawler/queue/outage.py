"""What a node logs of a Redis that does not do what it is asked: what is the matter, once, and when it is over.

Some calls may succeed while others fail, such as those that only read on a Redis without memory.
"""

import logging
import time

from redis.exceptions import RedisError

from podcrawler.redis.answers import cause_of, condition_of, sentence_about

logger = logging.getLogger(__name__)

#: What the log says of a Redis that does not answer, in place of a condition that it tells itself.
_AWAY = "away"


class Outage:
    """The calls of one node that fail for the time being. Not thread-safe: for the event loop only."""

    def __init__(self) -> None:
        self._failing: set[object] = set()
        self._since = 0.0
        #: What was told, each matter once; nothing while no call fails.
        self._told: set[str] = set()

    def note_failure(self, call: object, error: RedisError) -> None:
        """A try of this call has failed, which is repeated."""
        self._failing.add(call)
        condition = condition_of(error)
        matter = condition.problem if condition else _AWAY
        if matter in self._told:
            return
        self._since = self._since if self._told else time.monotonic()
        self._told.add(matter)
        if condition:
            logger.warning(
                "%s This node keeps its leases and transfers, and goes on by itself then.", sentence_about(error)
            )
        else:
            logger.warning(
                "Redis does not answer (%s): this node keeps its leases and transfers, and tries until Redis is back.",
                cause_of(error),
            )

    def note_end(self, call: object, *, has_answer: bool) -> None:
        """This call has ended."""
        self._failing.discard(call)
        if not self._told or self._failing:
            return
        if has_answer:
            # A server that comes back may load its data first: that is one outage.
            what = "answers again" if _AWAY in self._told else "does again what it is asked"
            logger.warning("Redis %s, after %.1f s.", what, time.monotonic() - self._since)
        self._told.clear()
