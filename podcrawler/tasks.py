"""Background tasks of a node. None dies unseen: that it failed is logged, and what the node needs is started again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from redis.exceptions import RedisError

from podcrawler.exceptions import PodcrawlerError

logger = logging.getLogger(__name__)

#: Seconds until a task that failed is started again, at first and at most.
_FIRST_PAUSE, _LAST_PAUSE = 0.5, 30.0


def keep_running(name: str, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
    """Run ``work`` in a task of the running event loop until it returns or the task is cancelled. When it raises, that
    is logged, and it is called again after a pause, which grows as long as it fails soon.

    ``name`` says in the log what the task is for: ``the reports of this node``."""
    return asyncio.get_running_loop().create_task(_again_and_again(name, work), name=name)


def run_once(name: str, work: Awaitable[None]) -> asyncio.Task[None]:
    """Run ``work`` in a task of the running event loop; when it raises, that is logged. ``name`` as in
    ``keep_running``."""
    return asyncio.get_running_loop().create_task(_logged(name, work), name=name)


async def _again_and_again(name: str, work: Callable[[], Awaitable[None]]) -> None:
    loop = asyncio.get_running_loop()
    pause = _FIRST_PAUSE
    while True:
        began = loop.time()
        try:
            return await work()
        except Exception as error:
            if loop.time() - began > _LAST_PAUSE:
                pause = _FIRST_PAUSE
            _log(f"starts again in {pause:g} s", name, error)
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LAST_PAUSE)


async def _logged(name: str, work: Awaitable[None]) -> None:
    try:
        await work
    except Exception as error:
        _log("is given up", name, error)


def _log(outcome: str, name: str, error: Exception) -> None:
    if isinstance(error, (PodcrawlerError, RedisError)):
        # Its text is a sentence for the user.
        logger.error("Failed, and %s: %s: %s", outcome, name, error)
    else:
        logger.error("Failed, and %s: %s: %r", outcome, name, error, exc_info=error)
