"""Gives complete files their names, off the event loop: small ones many in one thread, because a change of threads and
an fsync of the folder for each would cost more than the file."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

from podcrawler.media.part import PartFile
from podcrawler.media.store import Store

_T = TypeVar("_T")

#: Seconds from one thread with small files to the next.
_BETWEEN = 0.005


class _Job(NamedTuple):
    podcast_id: str
    adopt: Callable[[], Any]
    told: "asyncio.Future[Any]"


class Publisher:
    """What one node publishes in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[_Job] = []
        self._last = 0.0
        self._due: asyncio.TimerHandle | None = None
        self._groups: set[asyncio.Task[None]] = set()

    async def publish(self, part: PartFile, podcast_id: str, adopt: Callable[[], _T | None]) -> _T | None:
        """Have ``adopt`` move the file of the part into the podcast, in a thread; what it returned, once the name
        outlasts a power cut. If it is None, or ``adopt`` raises, this node keeps the part. Raises what ``adopt`` and
        ``Store.settle`` raise."""
        loop = asyncio.get_running_loop()
        told: asyncio.Future[_T | None] = loop.create_future()
        job = _Job(podcast_id, lambda: part.hand_over(adopt), told)
        if part.in_memory and self._store.adopts_at_once:
            self._waiting.append(job)
            if self._due is None:
                self._due = loop.call_at(self._last + _BETWEEN, self._start_group)
        else:
            self._start([job])
        return await told

    def _start_group(self) -> None:
        jobs, self._waiting = self._waiting, []
        self._due = None
        self._last = asyncio.get_running_loop().time()
        self._start(jobs)

    def _start(self, jobs: Sequence[_Job]) -> None:
        group = asyncio.get_running_loop().create_task(self._publish(jobs))
        self._groups.add(group)
        group.add_done_callback(self._groups.discard)

    async def _publish(self, jobs: Sequence[_Job]) -> None:
        outcomes = await asyncio.to_thread(self._run, jobs)
        for job, outcome in zip(jobs, outcomes, strict=True):
            if job.told.done():
                continue
            if isinstance(outcome, Exception):
                job.told.set_exception(outcome)
            else:
                job.told.set_result(outcome)

    def _run(self, jobs: Sequence[_Job]) -> list[Any]:
        """What became of each: what it returned, or raised. Blocking."""
        outcomes = [_outcome(job.adopt) for job in jobs]
        moved = {job.podcast_id for job, outcome in zip(jobs, outcomes, strict=True) if _has_moved(outcome)}
        refusals = {podcast_id: _outcome(partial(self._store.settle, podcast_id)) for podcast_id in moved}
        return [
            (_has_moved(outcome) and refusals[job.podcast_id]) or outcome
            for job, outcome in zip(jobs, outcomes, strict=True)
        ]


def _outcome(step: Callable[[], Any]) -> Any:
    """What the step returns, or the error that it raises: whatever that is, it is for its own job to tell."""
    try:
        return step()
    except Exception as error:
        return error


def _has_moved(outcome: Any) -> bool:
    return not (outcome is None or isinstance(outcome, Exception))
