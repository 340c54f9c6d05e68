"""Scrapy's scheduler, on the shared queue: hands the engine what this node has leased, and nothing else.

A request that carries a lease (``meta["lease"]``) is worked here and now: the one that the lease was made into, and
what Scrapy makes of that one in turn, such as a redirect. So is that of the stream of leased episodes that need no page
(stream.py). Every other request becomes an entry of the shared queue.
"""

import asyncio
import logging
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
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

from podcrawler.config import Config
from podcrawler.exceptions import CodecError, DiskFullError, EntryError, LeaseEndedError, TransferCancelledError
from podcrawler.exceptions import RedisError as RedisUnusableError
from podcrawler.items import Episode
from podcrawler.queue import codec, scrapy_redis_settings
from podcrawler.queue.acks import finish_seed
from podcrawler.queue.broker import Broker, Pushed
from podcrawler.queue.entries import Entry, Lease, entry_of
from podcrawler.queue.prefetch import Prefetcher
from podcrawler.queue.seeds import seed_request
from podcrawler.queue.stream import EpisodeStream, is_stream
from podcrawler.redis.connection import client_for_node
from podcrawler.scrapy_internals import assert_engine_supported, is_closing, items_in_progress, requests_in_progress
from podcrawler.signals import lease_lost, node_draining, node_stopping

logger = logging.getLogger(__name__)

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Worker(Protocol):
    """What the scheduler asks of the spider whose queue it works."""

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
        capacity: int,
        heartbeat: float,
        shutdown_grace: float,
        until_done: bool,
        max_idle: float,
        serializer: Any,
        seed_encoding: str,
    ) -> None:
        """``queue`` is worked, ``capacity`` entries at once; ``episodes`` is where episodes are pushed to (the same,
        on a node of episodes)."""
        super().__init__(server, persist=True, serializer=serializer)
        self.crawler = crawler
        self.stats = crawler.stats
        self.queue = queue
        self.episodes = episodes
        self.prefetcher = Prefetcher(
            queue,
            capacity,
            heartbeat=heartbeat,
            on_lost=self._lost,
            on_abandoned=self._abandoned,
            is_ending=lambda: is_closing(crawler),
        )
        self._shutdown_grace = shutdown_grace
        self._grace: asyncio.TimerHandle | None = None
        self._until_done = until_done
        self._max_idle = max_idle
        self._seed_encoding = seed_encoding
        self._ready: deque[Request] = deque()
        self._stream = EpisodeStream(lambda request: crawler.engine.crawl(request))
        self._outgoing: list[Entry] = []
        self._pushing = asyncio.Lock()
        self._pusher: asyncio.Task[None] | None = None
        self._without_work: set[str] = set()
        self._last_words: set[asyncio.Task[None]] = set()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "Scheduler":
        settings = crawler.settings
        worker = cast("Worker", crawler.spider)
        name = worker.name
        config = Config.read(settings)
        scrapy_redis_settings.check(settings)
        # Scrapy's limits do not see what a node has leased; an entry is one transfer, and one item, at a time.
        limits = [settings.getint(name) or sys.maxsize for name in ("CONCURRENT_REQUESTS", "CONCURRENT_ITEMS")]
        # The async_broker tries again, and it alone: a thread that does is one that nothing can stop_retrying.
        server = client_for_node(settings)
        queue = Broker.from_settings(settings, server, name)
        return cls(
            server,
            crawler=crawler,
            queue=queue,
            episodes=queue if name == "episodes" else Broker.from_settings(settings, server, "episodes"),
            capacity=min(worker.capacity(config), *limits),
            heartbeat=config.heartbeat,
            shutdown_grace=config.shutdown_grace,
            until_done=config.exit_when_done,
            max_idle=scrapy_redis_settings.max_idle_seconds(settings),
            serializer=load_object(settings["SCHEDULER_SERIALIZER"]),
            seed_encoding=settings["REDIS_ENCODING"] or "utf-8",
        )

    def open(self, spider: Spider) -> "Deferred[None]":
        self.spider = spider
        for handler, signal in (
            (self._callback_failed, signals.spider_error),
            (self._item_dropped, signals.item_dropped),
            (self._item_failed, signals.item_error),
        ):
            self.crawler.signals.connect(handler, signal=signal)
        return deferred_from_coro(self._open())

    def close(self, reason: str) -> "Deferred[None]":  # noqa: ARG002 (Scrapy's signature)
        return deferred_from_coro(self._close())

    def enqueue_request(self, request: Request) -> bool:
        if "lease" in request.meta or is_stream(request):
            self._ready.append(request)
        else:
            self._outgoing.append(self.entry(request))
            if self._pusher is None or self._pusher.done():
                self._pusher = asyncio.get_running_loop().create_task(self._push_outgoing())
        return True

    def next_request(self) -> Request | None:
        return self._ready.popleft() if self._ready else None

    def has_pending_requests(self) -> bool:
        return bool(self._ready or self._outgoing)

    def __len__(self) -> int:
        return len(self._ready)

    async def leased_requests(self) -> AsyncIterator[Request]:
        """Requests for the entries of the queue, each as soon as this node has room for it; episodes that need no page
        go into the stream.

        Ends only when ``until_done`` and nothing in the queue is open any more, or when this node had nothing to do for
        ``max_idle`` seconds (0: never). A spider's ``start()`` yields them on, so that Scrapy itself stops the flow
        when the node is told to stop.
        """
        await self.call(self.queue.load_scripts)
        while True:
            # The queue is not done while something is on its way there.
            await self._push_outgoing()
            lease = await self.prefetcher.next(until_done=self._until_done, max_idle=self._max_idle)
            if lease is None:
                if self._outgoing:
                    continue
                return
            if request := await self._work_of(lease):
                yield request

    def entry(self, request: Request) -> Entry:
        """The entry that the request would be in the queue."""
        return entry_of(request, self.serializer.dumps(codec.request_to_dict(request, self.spider)))

    async def push(self, queue: Broker, requests: list[Request], teller: Lease, before: int = 0) -> Pushed:
        """As ``Broker.push_many``, off the event loop: both the writing as JSON and the calls of Redis."""
        pushed = await self.call(lambda: queue.push_many(map(self.entry, requests), teller, before))
        self.prefetcher.ask_soon()
        return pushed

    async def call(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Call something that blocks on Redis; as ``AsyncBroker.call``."""
        return await self.prefetcher.async_broker.call(function, *args, **kwargs)

    def drain(self) -> None:
        """Take up nothing new, and give what is in hand ``shutdown_grace`` seconds to end; then ``node_stopping``."""
        self.prefetcher.drain()
        self._stream.end()
        self.crawler.signals.send_catch_log(signal=node_draining)
        if self._grace is None:
            self._grace = asyncio.get_running_loop().call_later(self._shutdown_grace, self._stop)

    def lease_of(self, key: str) -> Lease | None:
        """The lease that this node holds on an entry."""
        return self.prefetcher.in_hand.get(key)

    async def give_up(self, lease: Lease, error: EntryError, *, counts: bool = True) -> None:
        """End the lease in an error, and say so in one line. What is no fault of the entry costs it nothing, and what
        does not count costs it no try."""
        if isinstance(error, (TransferCancelledError, DiskFullError)):
            await self.prefetcher.release(lease)
            return
        outcome = await self.prefetcher.give_up(lease, error, counts=counts)
        if outcome == "failed":
            logger.error("failed %s [%s]: %s", lease.key, error.kind, error)
        elif outcome == "delayed":
            logger.warning("will be tried again: %s [%s]: %s", lease.key, error.kind, error)
        self.stats.inc_value(f"podcrawler/{outcome}")

    async def _open(self) -> None:
        assert_engine_supported(self.crawler)
        self.prefetcher.open()
        self._watcher = asyncio.get_running_loop().create_task(self._watch())

    def _stop(self) -> None:
        self.crawler.signals.send_catch_log(signal=node_stopping)
        self.prefetcher.stop()

    async def _close(self) -> None:
        self._watcher.cancel()
        if self._grace:
            self._grace.cancel()
        try:
            await asyncio.gather(*self._last_words)
            await self._push_outgoing()
        finally:
            self._ready.clear()
            await self.prefetcher.close()

    async def _work_of(self, lease: Lease) -> Request | None:
        """The request that the lease is for; None for a seed, which only is queued, for an episode that needs none, and
        for what cannot be read."""
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
            # Whatever an entry holds, it must not end the node: the next one would take it and end too.
            await self.give_up(lease, EntryError("unreadable", str(error)))
        return None

    async def _enqueue_seed(self, lease: Lease) -> None:
        request = seed_request(lease.payload, self._seed_encoding)
        await self.push(self.queue, [request], lease)
        await self.prefetcher.end(lease, finish_seed(lease), False)

    def _request(self, lease: Lease, fields: Any) -> Request:
        request = codec.dict_to_request(fields, self.spider)
        request.meta["lease"] = lease
        worker = cast("Worker", self.spider)
        if request.callback is None:
            request.callback = worker.parse_episode if lease.kind == "episode" else worker.parse_page
        if request.errback is None:
            request.errback = worker.failed
        return request

    async def _push_outgoing(self) -> None:
        async with self._pushing:
            while self._outgoing:
                entries = list(self._outgoing)
                await self.call(self.queue.push_many, entries)
                del self._outgoing[: len(entries)]

    def _lost(self, lease: Lease) -> None:
        self.crawler.signals.send_catch_log(signal=lease_lost, token=lease.token)

    def _abandoned(self, key: str) -> None:
        logger.error("failed %s [abandoned]: too many nodes that took it died; `podcrawler failed` says more.", key)
        self.stats.inc_value("podcrawler/failed")

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
        """End a lease in an error that nobody before has answered for: that of the item, else that of the request."""
        lease = self.lease_of(item.key) if isinstance(item, Episode) else None
        if lease is None and isinstance(response, Response) and response.request:
            lease = response.request.meta.get("lease")
        if lease is not None and self.prefetcher.in_hand.get(lease.key) is lease:
            task = asyncio.get_running_loop().create_task(self.give_up(lease, error))
            self._last_words.add(task)
            task.add_done_callback(self._last_words.discard)

    async def _watch(self) -> None:
        """Hand back leases that nothing works for any more, whatever component forgot them."""
        while True:
            await asyncio.sleep(self.queue.lease_time / 3)
            working = {id(lease) for lease in self._leases_at_work()}
            idle = {lease.token: lease for lease in self.prefetcher.in_hand.values() if id(lease) not in working}
            for token in idle.keys() & self._without_work:
                error = EntryError("forgotten", "Nothing on the node worked on it any more.", "passing")
                with suppress(RedisUnusableError, RedisAwayError):
                    await self.give_up(idle[token], error)
            self._without_work = set(idle)

    def _leases_at_work(self) -> Iterator[Lease]:
        yield from self.prefetcher.granted
        for request in (*self._ready, *requests_in_progress(self.crawler)):
            if "lease" in request.meta:
                yield request.meta["lease"]
        if self._stream or items_in_progress(self.crawler):
            # Which of them is in the pipelines nothing tells; when none is, none is.
            yield from (lease for lease in self.prefetcher.in_hand.values() if lease.kind == "episode")


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
