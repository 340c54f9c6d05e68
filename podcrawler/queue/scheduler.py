"""Scrapy's scheduler, on the shared queue: gives the engine what this node has leased, and nothing else.

A request that carries a lease (``meta["lease"]``) is worked on by this node: the request of the leased entry, and those
that Scrapy derives from it, such as a redirect. So is the request of the stream of episodes (stream.py). Every other
request becomes an entry of the shared queue.

A lease ends in ``finish`` or in ``give_up``, whatever component asks for it.
"""

import asyncio
import logging
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, ParamSpec, Protocol, TypeVar, cast

from redis.exceptions import RedisError as RedisAwayError
from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.utils.defer import deferred_from_coro
from scrapy.utils.misc import load_object
from scrapy_redis.scheduler import Scheduler as RedisScheduler
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from typing_extensions import override

from podcrawler.config import Config
from podcrawler.durations import duration
from podcrawler.exceptions import CodecError, DiskFullError, EntryError, StoreAwayError, TransferCancelledError
from podcrawler.exceptions import RedisError as RedisUnusableError
from podcrawler.items import Episode
from podcrawler.queue import scrapy_redis_settings
from podcrawler.queue.acks import Ack, ScriptCall, finish_seed
from podcrawler.queue.archive import Archive
from podcrawler.queue.broker import Broker, Pushed
from podcrawler.queue.entries import entry_of
from podcrawler.queue.given_hosts import GivenHosts
from podcrawler.queue.held_lease import LeaseEndedError
from podcrawler.queue.idle_leases import watch_idle_leases
from podcrawler.queue.leases import Entry, Lease
from podcrawler.queue.node import Node
from podcrawler.queue.prefetch import Prefetcher
from podcrawler.queue.requests import dict_to_request, request_to_dict
from podcrawler.queue.seeds import seed_request
from podcrawler.queue.stream import EpisodeStream, is_stream
from podcrawler.redis.connection import client_for_node
from podcrawler.scrapy_internals import assert_engine_supported, is_closing, items_in_progress, requests_in_progress
from podcrawler.signals import entry_failed, lease_lost
from podcrawler.tasks import keep_running, run_once
from podcrawler.tokens import without_tokens

logger = logging.getLogger(__name__)

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Worker(Protocol):
    """What the scheduler needs of the spider that is named after its queue."""

    name: str

    def capacity(self, config: Config) -> int:
        """How many entries a node works on at once."""

    def parse_page(self, response: Response) -> Any: ...

    def parse_episode(self, response: Response) -> Any: ...

    def failed(self, failure: Failure) -> Any: ...


class Scheduler(RedisScheduler):  # type: ignore[misc]  # scrapy-redis is published without types
    """One node's side of the queue that is named after its spider."""

    def __init__(
        self,
        server: Any,
        *,
        crawler: Crawler,
        queue: Broker,
        episodes: Broker,
        archive: Archive,
        capacity: int,
        heartbeat: float,
        shutdown_grace: float,
        until_done: bool,
        max_idle: float,
        serializer: Any,
        seed_encoding: str,
    ) -> None:
        """The node works on ``capacity`` entries of ``queue`` at once, and pushes episodes to ``episodes`` (the same
        queue, on a node of episodes). The other values are as in docs/settings.md."""
        super().__init__(server, persist=True, serializer=serializer)
        self.crawler = crawler
        self.queue = queue
        self.episodes = episodes
        self.archive = archive
        self.node = Node(crawler.signals)
        self.prefetcher = Prefetcher(
            queue,
            self.node,
            capacity,
            heartbeat=heartbeat,
            on_lost=self._lost,
            on_failed=self._failed_in_redis,
            is_closing=lambda: is_closing(crawler),
        )
        self._shutdown_grace = shutdown_grace
        self._grace: asyncio.TimerHandle | None = None
        self._until_done = until_done
        self._max_idle = max_idle
        self._seed_encoding = seed_encoding
        self._ready: deque[Request] = deque()
        self._stream = EpisodeStream(lambda request: crawler.engine.crawl(request), self.node)
        self._outgoing: list[Entry] = []
        self._pushing = asyncio.Lock()
        self._pusher: asyncio.Task[None] | None = None
        self._pending_failures: set[asyncio.Task[None]] = set()

    @classmethod
    @override
    def from_crawler(cls, crawler: Crawler) -> "Scheduler":
        settings = crawler.settings
        worker = cast("Worker", crawler.spider)
        name = worker.name
        config = Config.read(settings)
        scrapy_redis_settings.check(settings)
        # An entry is one request, and one item, at a time: a lease beyond Scrapy's own limits would only wait.
        limits = [settings.getint(name) or sys.maxsize for name in ("CONCURRENT_REQUESTS", "CONCURRENT_ITEMS")]
        # Only AsyncBroker retries: a client that did so in its thread could not be stopped.
        server = client_for_node(settings)
        queue = Broker.from_settings(settings, server, name)
        return cls(
            server,
            crawler=crawler,
            queue=queue,
            episodes=queue if name == "episodes" else Broker.from_settings(settings, server, "episodes"),
            archive=Archive.from_settings(settings, server),
            capacity=min(worker.capacity(config), *limits),
            heartbeat=config.heartbeat,
            shutdown_grace=config.shutdown_grace,
            until_done=config.exit_when_done,
            max_idle=scrapy_redis_settings.max_idle_seconds(settings),
            serializer=load_object(settings["SCHEDULER_SERIALIZER"]),
            seed_encoding=settings["REDIS_ENCODING"] or "utf-8",
        )

    @override
    def open(self, spider: Spider) -> "Deferred[None]":
        self._spider = spider
        for handler, signal in (
            (self._callback_failed, signals.spider_error),
            (self._item_dropped, signals.item_dropped),
            (self._item_failed, signals.item_error),
        ):
            self.crawler.signals.connect(handler, signal=signal)
        return deferred_from_coro(self._open())

    @override
    def close(self, reason: str) -> "Deferred[None]":
        return deferred_from_coro(self._close())

    @override
    def enqueue_request(self, request: Request) -> bool:
        if "lease" in request.meta or is_stream(request):
            self._ready.append(request)
        else:
            self._outgoing.append(self._entry(request))
            if self._pusher is None or self._pusher.done():
                self._pusher = keep_running("what the spider queues", self._push_outgoing)
        return True

    @override
    def next_request(self) -> Request | None:
        return self._ready.popleft() if self._ready else None

    @override
    def has_pending_requests(self) -> bool:
        return bool(self._ready or self._outgoing)

    @override
    def __len__(self) -> int:
        return len(self._ready)

    async def leased_requests(self) -> AsyncIterator[Request]:
        """Requests for the entries of the queue, each as soon as this node has a slot for it; episodes that need no
        page go into the stream.

        Ends when the node drains, when ``until_done`` and no entry of the queue is open any more, or when this node had
        nothing to do for ``max_idle`` seconds (0: never). A spider's ``start()`` yields these requests, so that Scrapy
        itself ends the flow when it is told to stop.
        """
        await self.call(self.queue.load_scripts)
        while True:
            # The queue is not done before these are in it.
            await self._push_outgoing()
            lease = await self.prefetcher.next(until_done=self._until_done, max_idle=self._max_idle)
            if lease is None:
                if self._outgoing:
                    continue
                return
            if request := await self._request_for(lease):
                yield request

    async def push(
        self, queue: Broker, requests: list[Request], lease: Lease | None = None, already_pushed: int = 0
    ) -> Pushed:
        """As ``Broker.push_many``, in a thread: both the serialization and the calls of Redis."""
        pushed = await self.call(lambda: queue.push_many(map(self._entry, requests), lease, already_pushed))
        self.prefetcher.poll_soon()
        return pushed

    async def call(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Call a function that blocks on Redis, as ``AsyncBroker.call``."""
        return await self.prefetcher.async_broker.call(function, *args, **kwargs)

    def drain(self) -> None:
        """Lease nothing more, and stop the node if what was begun does not finish in ``shutdown_grace`` seconds."""
        self.node.drain()
        if self._grace is None:
            self._grace = asyncio.get_running_loop().call_later(self._shutdown_grace, self.node.stop)

    def lease_of(self, key: str) -> Lease | None:
        """The lease that this node holds on an entry."""
        return self.prefetcher.lease_of(key)

    async def finish(self, lease: Lease, ack: Ack[bool]) -> bool:
        """End the lease of work that is done. False if the lease was lost, or if Redis is away while the node is
        stopping: then the entry is worked on again."""
        return bool(await self.prefetcher.acknowledge(lease, ack))

    async def move(self, lease: Lease, host: str) -> bool:
        """Count the lease for a host (``networks.host_of`` an address), before the node connects to it for the file:
        at first, and where a redirect leads. False if that host has no connection to spare, or rests: the entry is
        pending again, there, and the work on it must end as if the lease were lost, which it is for this node."""
        return await self.prefetcher.move(lease, host)

    async def give_up(
        self,
        lease: Lease,
        error: EntryError,
        *,
        counts: bool = True,
        last: ScriptCall | None = None,
    ) -> None:
        """End the lease of work that failed, and log it in one line. If not ``counts``, it costs no try. ``last`` says
        that it is the last one, whatever the error: a script call that goes before it (``Ack.before``). Errors that are
        not the entry's own, such as a full disk, only release the lease."""
        if isinstance(error, (TransferCancelledError, DiskFullError, StoreAwayError)):
            await self.prefetcher.release(lease)
            return
        outcome, delay = await self.prefetcher.give_up(lease, error, counts=counts, last=last)
        if outcome == "failed":
            logger.error("failed %s [%s]: %s", lease.key, error.kind, error)
            await self.crawler.signals.send_catch_log_async(
                entry_failed, key=without_tokens(lease.key), kind=error.kind, reason=str(error)
            )
        elif outcome == "delayed":
            logger.warning("will be tried again in %s: %s [%s]: %s", duration(delay), lease.key, error.kind, error)
        self.crawler.stats.inc_value(f"podcrawler/{outcome}")

    async def _open(self) -> None:
        assert_engine_supported(self.crawler)
        self.prefetcher.open()
        self._watcher = keep_running("the watch for idle leases", self._watch_idle_leases)

    async def _watch_idle_leases(self) -> None:
        interval = self.queue.lease_time / 3
        await watch_idle_leases(lambda: self.prefetcher.leases, self._leases_at_work, self.give_up, interval)

    async def _close(self) -> None:
        self._watcher.cancel()
        if self._pusher:
            self._pusher.cancel()
        if self._grace:
            self._grace.cancel()
        try:
            await asyncio.gather(*self._pending_failures)
            await self._push_outgoing()
        finally:
            self._ready.clear()
            self.node.stop()
            await self.prefetcher.close()

    async def _request_for(self, lease: Lease) -> Request | None:
        """The request of the leased entry. None if there is nothing to fetch: for a seed, which is pushed, for an
        episode that goes into the stream, and for an entry that cannot be read, which is given up."""
        try:
            if lease.kind != "seed":
                fields = self.serializer.loads(lease.payload)
                if episode := _direct_episode(lease, fields):
                    self._stream.add(episode)
                    return None
                return self._request(lease, fields)
            await self._enqueue_seed(lease)
        except (RedisUnusableError, RedisAwayError):
            raise
        except Exception as error:
            # No content of an entry may end the node: it would end every node that leases the entry afterwards.
            await self.give_up(lease, EntryError("unreadable", str(error)))
        return None

    async def _enqueue_seed(self, lease: Lease) -> None:
        request = seed_request(lease.payload, self._seed_encoding)
        given = GivenHosts.from_settings(self.crawler.settings, self.server)
        await self.call(given.note_addresses, [request.url])
        await self.push(self.queue, [request], lease)
        await self.finish(lease, finish_seed(lease))

    def _request(self, lease: Lease, fields: Any) -> Request:
        request = dict_to_request(fields, self._spider)
        request.meta["lease"] = lease
        worker = cast("Worker", self._spider)
        if request.callback is None:
            request.callback = worker.parse_episode if lease.kind == "episode" else worker.parse_page
        if request.errback is None:
            request.errback = worker.failed
        return request

    def _entry(self, request: Request) -> Entry:
        """The request as an entry of the queue."""
        return entry_of(request, self.serializer.dumps(request_to_dict(request, self._spider)))

    async def _push_outgoing(self) -> None:
        async with self._pushing:
            while self._outgoing:
                entries = list(self._outgoing)
                await self.call(self.queue.push_many, entries)
                del self._outgoing[: len(entries)]

    def _lost(self, lease: Lease) -> None:
        self.crawler.signals.send_catch_log(signal=lease_lost, token=lease.token)

    def _failed_in_redis(self, key: str, kind: str) -> None:
        reason = {"abandoned": "too many nodes that took it died", "unreadable": "Redis has not what was written of it"}
        logger.error("failed %s [%s]: %s; `podcrawler failed` says more.", key, kind, reason[kind])
        self.crawler.stats.inc_value("podcrawler/failed")

    def _callback_failed(self, failure: Failure, response: Any) -> None:
        error = EntryError("error", f"The code that reads {_url(response)} failed: {failure.value!r}.", "passing")
        self._give_up_leftover(None, response, error)
        if isinstance(response, Response) and response.request and is_stream(response.request):
            self._stream.restart()

    def _item_dropped(self, item: Any, response: Any, exception: Exception) -> None:
        if not isinstance(exception, LeaseEndedError):
            error = EntryError("dropped", f"An item pipeline dropped the episode: {exception}")
            self._give_up_leftover(item, response, error)

    def _item_failed(self, item: Any, response: Any, failure: Failure) -> None:
        error = EntryError("error", f"An item pipeline failed: {failure.value!r}.", "passing")
        self._give_up_leftover(item, response, error)

    def _give_up_leftover(self, item: Any, response: Any, error: EntryError) -> None:
        """Give up the lease of the item, else that of the request, if no component has ended it before."""
        lease = self.lease_of(item.key) if isinstance(item, Episode) else None
        if lease is None and isinstance(response, Response) and response.request:
            lease = response.request.meta.get("lease")
        if lease is not None and self.prefetcher.holds(lease):
            task = run_once("the end of a lease", self.give_up(lease, error))
            self._pending_failures.add(task)
            task.add_done_callback(self._pending_failures.discard)

    def _leases_at_work(self) -> Iterator[Lease]:
        yield from self.prefetcher.prefetched
        for request in (*self._ready, *requests_in_progress(self.crawler)):
            if "lease" in request.meta:
                yield request.meta["lease"]
        if self._stream or items_in_progress(self.crawler):
            # Which items the pipelines have is unknown, but while they have any, it may be any leased episode.
            yield from (lease for lease in self.prefetcher.leases if lease.kind == "episode")


def scheduler_of(crawler: Crawler) -> Scheduler | None:
    """The scheduler of a node; None where there is no queue (``scrapy parse``)."""
    scheduler = crawler.engine.scheduler if crawler.engine else None
    return scheduler if isinstance(scheduler, Scheduler) else None


def _direct_episode(lease: Lease, fields: Any) -> Episode | None:
    """The leased episode, if the request with these fields has no page to fetch. Raises CodecError if it is another."""
    meta = fields.get("meta") if isinstance(fields, dict) else None
    episode = meta.get("episode") if isinstance(meta, dict) else None
    if not isinstance(episode, Episode) or episode.enclosure is None:
        return None
    if episode.key != lease.key:
        raise CodecError(f"An entry of the queue is about another episode: {episode.key}; look at it with redis-cli.")
    return episode


def _url(response: Any) -> str:
    return str(response.url) if isinstance(response, Response) else "a page"
