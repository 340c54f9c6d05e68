"""Asks for a media file: for the rest of it if a part of it is there, else for the whole.

The request passes all downloader middlewares and waits for its host's turn, but does not go through
``engine.download_async``, which is for pages: that wakes the scheduler after each response, which takes a twelfth of a
node's time where files are small.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.utils.defer import maybe_deferred_to_future

from podcrawler.exceptions import EntryError, TransferCancelledError
from podcrawler.http.errors import explain, explain_response
from podcrawler.http.handler import MediaResponse, Range
from podcrawler.networks import host_of

#: Whether a connection to the host may be made.
_MayConnect = Callable[[str], Awaitable[bool]]
#: Kinds of failures that are no answer of the host.
_NOT_THE_HOSTS = frozenset({"cancelled", "dns", "private-address", "proxy", "refused"})


class Fetched(NamedTuple):
    """A media file that is in the part of its request."""

    response: MediaResponse
    #: Whether the host gave it only when it was asked for the whole file, and not for the rest.
    refused_range: bool


async def fetch_media(crawler: Crawler, request: Request, may_connect: _MayConnect) -> Fetched:
    """Fetch the file into the part in the meta of the request. Raises EntryError.

    ``may_connect`` is asked before each request to a host; if it says no, the transfer is cancelled. A host that
    answers a range with anything but a valid part of the file, be it a closed connection or redirects without end, is
    asked once more, for the whole file, before that counts as a failure.
    """
    outcome = await _fetch(crawler, request, may_connect)
    if isinstance(outcome, MediaResponse):
        return Fetched(outcome, refused_range=False)
    if not outcome.may_be_range:
        raise outcome.error
    whole = request.replace(meta={**request.meta, "range": Range.FORBIDDEN})
    outcome = await _fetch(crawler, whole, may_connect)
    if isinstance(outcome, MediaResponse):
        return Fetched(outcome, refused_range=True)
    raise outcome.error


class _Failed(NamedTuple):
    error: EntryError
    #: Whether it may be the range alone that the host does not like.
    may_be_range: bool


async def _fetch(crawler: Crawler, request: Request, may_connect: _MayConnect) -> MediaResponse | _Failed:
    """The response to the request, redirects followed."""
    answer: Request | Response = request
    try:
        while isinstance(answer, Request):
            request = answer
            if not await may_connect(host_of(request.url)):
                raise TransferCancelledError
            answer = await maybe_deferred_to_future(crawler.engine.downloader.fetch(request))
    except Exception as error:
        return _failed(explain(error, request.url), request)
    if answer.request is None:
        answer.request = request
    crawler.signals.send_catch_log(
        signal=signals.response_received, response=answer, request=answer.request, spider=crawler.spider
    )
    return answer if isinstance(answer, MediaResponse) else _failed(explain_response(answer), request)


def _failed(error: EntryError, request: Request) -> _Failed:
    is_the_hosts = error.failure_class != "local" and error.kind not in _NOT_THE_HOSTS
    return _Failed(error, may_be_range=is_the_hosts and request.meta.get("range") is Range.SENT)
