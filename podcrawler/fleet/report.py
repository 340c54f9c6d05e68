"""What a node tells the fleet, twice a second: that it lives, what it has done, and what it has in hand.

The report is a hash in Redis that expires soon after its node dies; the supervisor and ``status`` read it.
"""

import asyncio
import json
import logging
import os
import signal
import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from typing import Any

from redis.exceptions import RedisError
from scrapy import signals
from scrapy.crawler import Crawler

from podcrawler.config import Config
from podcrawler.exceptions import PodcrawlerError
from podcrawler.media.pipeline import EpisodeFilesPipeline
from podcrawler.queue.keys import Keys
from podcrawler.queue.scheduler import Scheduler, scheduler_of

logger = logging.getLogger(__name__)

_INTERVAL = 0.5
_EXPIRES = 15
#: Of a new measurement in a mean that follows the last few.
_WEIGHT = 0.3


@dataclass(frozen=True, slots=True)
class InHand:
    """An episode that a node is downloading."""

    key: str
    title: str
    #: Bytes so far, and bytes that the server promised (None: it did not).
    received: int
    expected: int | None
    #: Bytes per second, of late.
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """The last words of a node."""

    name: str
    spider: str
    pid: int
    host: str
    #: Seconds since 1970.
    started: float
    seen: float
    finished: int
    failed: int
    bytes: int
    in_hand: list[InHand]
    #: Why the node takes nothing up for now; empty while it does.
    holds_off: str = ""


def read_reports(redis: Any, keys: Keys) -> list[Report]:
    """The reports of all nodes that are alive, by name."""
    names = [name.decode() for name in redis.zrangebyscore(keys.nodes, time.time() - _EXPIRES, "+inf")]
    pipe = redis.pipeline(transaction=False)
    for name in names:
        pipe.hgetall(keys.node(name))
    return [_report(name, told) for name, told in sorted(zip(names, pipe.execute(), strict=True)) if told]


def _report(name: str, told_by_node: dict[bytes, bytes]) -> Report:
    told: dict[str, Any] = {field.decode(): json.loads(value) for field, value in told_by_node.items()}
    told["in_hand"] = [InHand(**_known(InHand, episode)) for episode in told["in_hand"]]
    return Report(name=name, **_known(Report, told))


def _known(kind: type[InHand] | type[Report], told: dict[str, Any]) -> dict[str, Any]:
    """What this version knows of what is told: a node of another version may tell more."""
    return {field.name: told[field.name] for field in fields(kind) if field.name in told}


class Rates:
    """How fast transfers are, from one look at them to the next."""

    def __init__(self) -> None:
        self._looked_at = time.monotonic()
        #: By transfer, of those that the last look saw: the bytes then, and the rate.
        self._received: Mapping[str, int] = {}
        self._rates: dict[str, float] = {}

    def look(self, received: Mapping[str, int]) -> Mapping[str, float]:
        """Bytes per second, by transfer, a mean of the last few looks; 0 at the first. ``received`` are the bytes that
        each transfer has by now."""
        now = time.monotonic()
        elapsed, self._looked_at = now - self._looked_at, now
        self._rates = {transfer: self._rate(transfer, size, elapsed) for transfer, size in received.items()}
        self._received = received
        return self._rates

    def _rate(self, transfer: str, received: int, elapsed: float) -> float:
        rate = self._rates.get(transfer, 0.0)
        if elapsed > 0:
            rate += _WEIGHT * ((received - self._received.get(transfer, received)) / elapsed - rate)
        return rate


class NodeReport:
    """The extension that writes the report of its node."""

    def __init__(self, crawler: Crawler, name: str, keys: Keys, supervisor_pid: int) -> None:
        """With ``supervisor_pid`` the node stops by itself once that process is not its parent any more."""
        self._crawler = crawler
        self._name = name
        self._keys = keys
        self._supervisor_pid = supervisor_pid
        self._started = time.time()
        self._rates = Rates()
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "NodeReport":
        config = Config.read(crawler.settings)
        name = f"{config.node_name or socket.gethostname()}-{os.getpid()}"
        report = cls(crawler, name, Keys(config.namespace), config.supervisor_pid)
        crawler.signals.connect(report.open, signal=signals.spider_opened)
        crawler.signals.connect(report.close, signal=signals.spider_closed)
        return report

    def open(self) -> None:
        loop = asyncio.get_running_loop()
        if (scheduler := scheduler_of(self._crawler)) is not None:
            self._tasks.append(loop.create_task(self._report(scheduler)))
        if self._supervisor_pid:
            self._tasks.append(loop.create_task(self._stop_without_supervisor()))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if (scheduler := scheduler_of(self._crawler)) is not None:
            # A report that stays, because Redis is away, expires.
            with suppress(RedisError):
                await asyncio.to_thread(self._forget, scheduler.server)

    async def _report(self, scheduler: Scheduler) -> None:
        while True:
            with suppress(PodcrawlerError, RedisError):
                await scheduler.call(self._write, scheduler.server, asdict(self._current()))
            await asyncio.sleep(_INTERVAL)

    async def _stop_without_supervisor(self) -> None:
        while os.getppid() == self._supervisor_pid:
            await asyncio.sleep(_INTERVAL)
        logger.warning("The supervisor is gone: this node stops.")
        signal.raise_signal(signal.SIGTERM)

    def _current(self) -> Report:
        stats = self._crawler.stats
        pipeline = self._crawler.get_item_pipeline(EpisodeFilesPipeline)
        assert self._crawler.spider is not None
        return Report(
            name=self._name,
            spider=self._crawler.spider.name,
            pid=os.getpid(),
            host=socket.gethostname(),
            started=self._started,
            seen=time.time(),
            finished=stats.get_value("podcrawler/finished", 0),
            failed=stats.get_value("podcrawler/failed", 0),
            bytes=stats.get_value("podcrawler/bytes", 0),
            in_hand=list(_in_hand(pipeline, self._rates)) if pipeline else [],
            holds_off=pipeline.pause_reason if pipeline else "",
        )

    def _forget(self, redis: Any) -> None:
        pipe = redis.pipeline(transaction=True)
        pipe.delete(self._keys.node(self._name))
        pipe.zrem(self._keys.nodes, self._name)
        pipe.execute()

    def _write(self, redis: Any, told: dict[str, Any]) -> None:
        name = told.pop("name")
        pipe = redis.pipeline(transaction=True)
        pipe.hset(self._keys.node(name), mapping={field: json.dumps(value) for field, value in told.items()})
        pipe.expire(self._keys.node(name), _EXPIRES)
        pipe.zadd(self._keys.nodes, {name: told["seen"]})
        pipe.zremrangebyscore(self._keys.nodes, "-inf", told["seen"] - _EXPIRES)
        pipe.execute()


def _in_hand(pipeline: EpisodeFilesPipeline, rates: Rates) -> Iterable[InHand]:
    parts = [(transfer, part) for transfer in pipeline.transfers.values() if (part := transfer.part)]
    rate = rates.look({transfer.lease.token: part.received for transfer, part in parts})
    for transfer, part in parts:
        episode = transfer.episode
        yield InHand(episode.key, episode.title, part.received, part.expected, rate[transfer.lease.token])
