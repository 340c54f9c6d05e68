"""The downloader middleware that answers what needs no network: the request whose items are the episodes that have no
page to fetch (queue/stream.py)."""

from scrapy import Request
from scrapy.http import Response

from podcrawler.queue.stream import is_stream


class DirectEpisodeMiddleware:
    """Answers the request of an EpisodeStream with an empty response."""

    def process_request(self, request: Request) -> Response | None:
        return Response(request.url, request=request) if is_stream(request) else None
