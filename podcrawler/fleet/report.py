"""What a node reports to the fleet, twice a second: that it is alive, what it has done, and what it is downloading.

The report expires in Redis soon after its node dies; the supervisor and ``status`` read it.
"""

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial

from redis.exceptions import RedisError
from scrapy import signals
from scrapy.crawler import Crawler

from podcrawler.config import Config
from podcrawler.exceptions import PodcrawlerError
from podcrawler.fleet.hooks import Hooks
from podcrawler.media.pipeline import EpisodeFilesPipeline
from podcrawler.queue.archive import size_of
from podcrawler.queue.node import NodeState
from podcrawler.queue.overview import REPORT_BYTES, InHand, Report, State
from podcrawler.queue.scheduler import Scheduler, scheduler_of
from podcrawler.tasks import keep_running

logger = logging.getLogger(__name__)

#: Seconds between two reports.
_INTERVAL = 0.5
#: Characters of a title, and of the reason of a pause, in a report.
_TITLE, _REASON = 80, 300
#: Of a new measurement in the moving average of a rate.
_WEIGHT = 0.3


class Rates:
    """The rates of transfers, measured from one update to the next."""

    def __init__(self) -> None:
        self._updated_at = time.monotonic()
        #: By transfer, of those in the last update: the bytes then, and the rate.
        self._received: Mapping[str, int] = {}
        self._rates: dict[str, float] = {}

    def update(self, received: Mapping[str, int]) -> Mapping[str, float]:
        """Bytes per second by transfer, a moving average; 0 at a transfer's first update. ``received`` are the bytes
        that each transfer has by now."""
        now = time.monotonic()
        elapsed, self._updated_at = now - self._updated_at, now
        self._rates = {transfer: self._rate(transfer, size, elapsed) for transfer, size in received.items()}
        self._received = received
        return self._rates

    def _rate(self, transfer: str, received: int, elapsed: float) -> float:
        rate = self._rates.get(transfer, 0.0)
        if elapsed > 0:
            # Fewer bytes than before: the transfer began anew.
            rate += _WEIGHT * (max(0, received - self._received.get(transfer, received)) / elapsed - rate)
        return rate


class NodeReport:
    """The extension that writes the report of its node."""

    def __init__(self, crawler: Crawler, name: str, supervisor_pid: int) -> None:
        """With a ``supervisor_pid`` (0: none), the node stops once that process is not its parent any more."""
        self._crawler = crawler
        self._name = name
        self._supervisor_pid = supervisor_pid
        self._started = time.monotonic()
        self._rates = Rates()
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "NodeReport":
        config = Config.read(crawler.settings)
        name = f"{config.node_name or socket.gethostname()}-{os.getpid()}"
        report = cls(crawler, name, config.supervisor_pid)
        crawler.signals.connect(report.open, signal=signals.spider_opened)
        crawler.signals.connect(report.close, signal=signals.spider_closed)
        return report

    def open(self) -> None:
        if (scheduler := scheduler_of(self._crawler)) is not None:
            self._tasks.append(keep_running("the reports of this node", partial(self._report, scheduler)))
        if self._supervisor_pid:
            self._tasks.append(keep_running("the watch of the supervisor", self._stop_without_supervisor))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if (scheduler := scheduler_of(self._crawler)) is not None:
            # If Redis is away, the report expires instead.
            with suppress(RedisError):
                await asyncio.to_thread(scheduler.archive.remove_report, self._name)

    async def _report(self, scheduler: Scheduler) -> None:
        has_reported = False
        while True:
            with suppress(PodcrawlerError, RedisError):
                was_there = await scheduler.call(scheduler.archive.write_report, self._current(scheduler))
                if has_reported and not was_there:
                    # Redis has forgotten it, and perhaps the leases, or was away for long.
                    await scheduler.prefetcher.renew()
                has_reported = True
            await asyncio.sleep(_INTERVAL)

    async def _stop_without_supervisor(self) -> None:
        while os.getppid() == self._supervisor_pid:
            await asyncio.sleep(_INTERVAL)
        logger.warning("The supervisor is gone: this node stops.")
        signal.raise_signal(signal.SIGTERM)

    def _current(self, scheduler: Scheduler) -> Report:
        stats = self._crawler.stats
        pipeline = self._crawler.get_item_pipeline(EpisodeFilesPipeline)
        hooks = self._crawler.get_extension(Hooks)
        assert self._crawler.spider is not None
        now = time.time()
        in_hand = tuple(_in_hand(pipeline, self._rates)) if pipeline else ()
        return fitted(
            Report(
                name=self._name,
                spider=self._crawler.spider.name,
                pid=os.getpid(),
                host=socket.gethostname(),
                started=now - (time.monotonic() - self._started),
                seen=now,
                finished=stats.get_value("podcrawler/finished", 0),
                failed=stats.get_value("podcrawler/failed", 0),
                bytes=stats.get_value("podcrawler/bytes", 0),
                in_hand=in_hand,
                transfers=len(in_hand),
                leases=len(scheduler.prefetcher.leases),
                state=_state(scheduler),
                mark=scheduler.queue.mark,
                holds_off=scheduler.node.pause_reason,
                complaint=hooks.complaint if hooks else "",
            )
        )


def fitted(report: Report) -> Report:
    """The report, as far as it fits into ``REPORT_BYTES``: reasons and titles are cut, and the episodes at the end of
    ``in_hand`` left out."""
    whole = replace(
        report,
        holds_off=_cut(report.holds_off, _REASON),
        complaint=_cut(report.complaint, _REASON),
        in_hand=tuple(replace(episode, title=_cut(episode.title, _TITLE)) for episode in report.in_hand),
    )
    while whole.in_hand and size_of(whole) > REPORT_BYTES:
        whole = replace(whole, in_hand=whole.in_hand[: len(whole.in_hand) * 3 // 4])
    return whole


def _cut(text: str, length: int) -> str:
    return (text if len(text) <= length else f"{text[: length - 1]}…").encode(errors="replace").decode()


def _state(scheduler: Scheduler) -> State:
    match scheduler.node.state:
        case NodeState.RUNNING:
            return "working" if scheduler.prefetcher.leases else "waiting"
        case NodeState.PAUSED:
            return "paused"
        case NodeState.DRAINING:
            return "draining"
        case NodeState.STOPPING:
            return "stopping"


def _in_hand(pipeline: EpisodeFilesPipeline, rates: Rates) -> Iterator[InHand]:
    parts = [(transfer, part) for transfer in pipeline.transfers.values() if (part := transfer.part)]
    rate = rates.update({transfer.lease.token: part.received for transfer, part in parts})
    for transfer, part in parts:
        episode = transfer.episode
        token = transfer.lease.token
        yield InHand(episode.key, episode.title, part.received, part.expected, rate[token], part.resumed_from)
