"""Leased episodes whose enclosure is known: their feed told it, so there is no page to fetch.

They go to the item pipelines as the items of one request, which lasts as long as the node works: a request for each
takes Scrapy longer than a small file takes.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from scrapy import Request
from scrapy.http import Response

from podcrawler.items import Episode

#: Never asked for: DirectEpisodeMiddleware answers.
_URL = "http://episodes.invalid/"


class EpisodeStream:
    """Hands episodes to Scrapy, each as soon as it comes."""

    def __init__(self, crawl: Callable[[Request], None]) -> None:
        """``crawl`` is the engine's."""
        self._crawl = crawl
        self._waiting: deque[Episode] = deque()
        self._changed = asyncio.Event()
        self._flows = False
        self._ended = False

    def __bool__(self) -> bool:
        """Whether an episode waits."""
        return bool(self._waiting)

    def add(self, episode: Episode) -> None:
        self._waiting.append(episode)
        self._changed.set()
        if not self._flows:
            self._begin()

    def end(self) -> None:
        """No more will be added."""
        self._ended = True
        self._changed.set()

    def restart(self) -> None:
        """What handed the episodes on has broken: go on without it."""
        self._flows = False
        if self._waiting:
            self._begin()

    def _begin(self) -> None:
        self._flows = True
        self._crawl(Request(_URL, callback=self._items, dont_filter=True, meta={"stream": self}))

    async def _items(self, response: Response) -> AsyncIterator[Episode]:  # noqa: ARG002 (the form of a callback)
        while self._waiting or not self._ended:
            if self._waiting:
                yield self._waiting.popleft()
            else:
                self._changed.clear()
                await self._changed.wait()
        self._flows = False


def is_stream(request: Request) -> bool:
    """Whether the request is one of an EpisodeStream."""
    return isinstance(request.meta.get("stream"), EpisodeStream)


class DirectEpisodeMiddleware:
    """Answers the request of an EpisodeStream with an empty response."""

    def process_request(self, request: Request) -> Response | None:
        return Response(request.url, request=request) if is_stream(request) else None
