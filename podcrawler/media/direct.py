"""Episodes without a page to fetch: their feed told the enclosure already.

They are ordinary requests all the same, so that they pass through the queue and the spider as the others do; this
downloader middleware answers them itself, without the network.
"""

from scrapy import Request
from scrapy.http import Response

from podcrawler.items import Episode


def is_direct(request: Request | None) -> bool:
    """Whether the request stands for an episode whose enclosure is known, and not for a page."""
    episode = request.meta.get("episode") if request is not None else None
    return isinstance(episode, Episode) and episode.enclosure is not None


class DirectEpisodeMiddleware:
    """Answers the request of an episode whose enclosure is known with an empty response."""

    def process_request(self, request: Request) -> Response | None:
        return Response(request.url, request=request) if is_direct(request) else None
