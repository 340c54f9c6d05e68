"""The stream of leased episodes whose enclosure the feed already gave, so that they have no page to fetch.

They go to the item pipelines as the items of one request, which lasts as long as the node works: a request for each
takes Scrapy longer than the download of a small file.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from scrapy import Request
from scrapy.http import Response

from podcrawler.items import Episode
from podcrawler.queue.node import Node

#: Never fetched: DirectEpisodeMiddleware answers.
_URL = "http://episodes.invalid/"


class EpisodeStream:
    """Passes episodes to Scrapy as they are added, until the node drains and none is waiting."""

    def __init__(self, crawl: Callable[[Request], None], node: Node) -> None:
        """``crawl`` is the engine's."""
        self._crawl = crawl
        self._node = node
        self._waiting: deque[Episode] = deque()
        self._changed = asyncio.Event()
        self._is_open = False
        node.observe(self._changed.set)

    def __bool__(self) -> bool:
        """Whether an episode is waiting."""
        return bool(self._waiting)

    def add(self, episode: Episode) -> None:
        self._waiting.append(episode)
        self._changed.set()
        if not self._is_open:
            self._open()

    def restart(self) -> None:
        """Open a new request for the waiting episodes, because the callback of the last one has failed."""
        self._is_open = False
        if self._waiting:
            self._open()

    def _open(self) -> None:
        self._is_open = True
        self._crawl(Request(_URL, callback=self._items, dont_filter=True, meta={"stream": self}))

    async def _items(self, response: Response) -> AsyncIterator[Episode]:  # noqa: ARG002 (a callback's signature)
        while self._waiting or not self._node.is_draining:
            if self._waiting:
                yield self._waiting.popleft()
            else:
                self._changed.clear()
                await self._changed.wait()
        self._is_open = False


def is_stream(request: Request) -> bool:
    """Whether the request is one of an EpisodeStream."""
    return isinstance(request.meta.get("stream"), EpisodeStream)


class DirectEpisodeMiddleware:
    """Answers the request of an EpisodeStream with an empty response."""

    def process_request(self, request: Request) -> Response | None:
        return Response(request.url, request=request) if is_stream(request) else None
