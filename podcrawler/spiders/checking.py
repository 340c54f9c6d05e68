"""The checks of subscriptions that a list node makes: it claims what is due, and notes what became of each."""

import asyncio
import hashlib
import logging
import random
import time
from collections.abc import Sequence

from scrapy import Request
from scrapy.http import Response
from scrapy.settings import BaseSettings

from podcrawler.config import CheckConfig
from podcrawler.exceptions import AddressError, EntryError
from podcrawler.http_dates import http_date
from podcrawler.queue.acks import ScriptCall, finish_visit
from podcrawler.queue.leases import Lease
from podcrawler.queue.scheduler import Scheduler
from podcrawler.signals import podcast_dead
from podcrawler.sites.base import Listing
from podcrawler.spiders.referrals import Trail
from podcrawler.subscriptions import outcome
from podcrawler.subscriptions.due import Bounds
from podcrawler.subscriptions.outcome import Answer, Listed
from podcrawler.subscriptions.records import Claim
from podcrawler.subscriptions.requests import NOT_MODIFIED, check_request, claim_of
from podcrawler.subscriptions.store import Subscriptions, note
from podcrawler.tokens import without_tokens

logger = logging.getLogger(__name__)

#: Seconds between two looks for checks that are due: at least, and while nothing is.
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0
_DIGITS = 16
#: Characters of a validator that are kept.
_LONGEST_VALIDATOR = 500
_PERMANENT = (301, 308)
#: Seconds.
_CLOCKS_DIFFER = 86_400.0


class Checks:
    """What this node claims and notes."""

    def __init__(self, scheduler: Scheduler, settings: BaseSettings) -> None:
        config = CheckConfig.read(settings)
        self._scheduler = scheduler
        self._subscriptions = Subscriptions.from_settings(settings, scheduler.server)
        self._bounds = Bounds(config.check_min, config.check_max)
        self._gap = 1 / config.check_rate

    async def run(self) -> None:
        """Queue the checks that are due, as long as the node works."""
        while not self._scheduler.node.is_draining:
            claims, first = await self._scheduler.call(self._claim)
            requests = [request for claim in claims if (request := _request(claim))]
            if requests:
                await self._scheduler.push(self._scheduler.queue, requests)
            pause = _LONGEST_PAUSE if first is None else min(first, _LONGEST_PAUSE)
            await asyncio.sleep(_SHORTEST_PAUSE if claims else max(pause, _SHORTEST_PAUSE))

    def _claim(self) -> tuple[list[Claim], float | None]:
        return self._subscriptions.claim(seconds=self._bounds.least, gap=self._gap)

    async def is_unchanged(self, lease: Lease, response: Response) -> bool:
        """Whether the response is that of a check, and says that nothing is new: then the lease is ended."""
        claim = _claim_of(response)
        if claim is None:
            return False
        answer = _answer(response)
        is_known = answer.digest != "" and answer.digest == claim.checked.digest
        if response.status != NOT_MODIFIED and not is_known:
            return False
        checked, due = outcome.unchanged(claim.checked, answer, self._bounds, claim.at, _chance())
        result = {"podcast": checked.podcast_id, "title": checked.title, "unchanged": True}
        ack = finish_visit(
            lease,
            result if checked.podcast_id else {},
            visit_ttl=self._scheduler.queue.visit_seconds,
            before=note(lease, claim, checked, due),
        )
        await self._scheduler.finish(lease, ack)
        return True

    def is_repeated(self, response: Response) -> bool:
        """Whether the response is that of a check, and not of the first one of its subscription."""
        claim = _claim_of(response)
        return claim is not None and claim.checked.at > 0

    def changed(
        self, lease: Lease, response: Response, listing: Listing, dates: Sequence[float], *, is_new: bool
    ) -> ScriptCall | None:
        """The note of a check that has found something; None if the response is of none."""
        claim = _claim_of(response)
        if claim is None:
            return None
        assert response.request is not None
        asked = Trail.of(response.request).asked
        listed = Listed(
            podcast_id=listing.podcast.id,
            title=listing.podcast.title,
            asked=listing.asked,
            dates=dates,
            is_new=is_new,
            feed=asked[-1] if len(asked) > 1 else "",
        )
        answer = _answer(response, listing.moved_to)
        return note(lease, claim, *outcome.changed(claim.checked, answer, listed, self._bounds, claim.at, _chance()))

    def referred(self, lease: Lease, response: Response) -> ScriptCall | None:
        """As ``changed``, for what leads to several podcasts."""
        claim = _claim_of(response)
        if claim is None:
            return None
        return note(
            lease, claim, *outcome.referred(claim.checked, _answer(response), self._bounds, claim.at, _chance())
        )

    async def failed(self, request: Request, lease: Lease, error: EntryError) -> ScriptCall | None:
        """The note of a check that failed; None if the request is of none."""
        claim = claim_of(request)
        if claim is None:
            return None
        waits = error.retry_after or 0.0
        checked, due = outcome.failed(claim.checked, error.kind, waits, self._bounds, claim.at, _chance())
        if checked.parked:
            address = without_tokens(claim.subscription.address)
            logger.warning("%s is not checked any more: %s.", address, checked.parked)
            told = {"podcast_id": checked.podcast_id, "title": checked.title, "reason": checked.parked}
            await self._scheduler.crawler.signals.send_catch_log_async(podcast_dead, address=address, **told)
        return note(lease, claim, checked, due)


def _claim_of(response: Response) -> Claim | None:
    """As ``claim_of``, of the request that the response answers."""
    assert response.request is not None
    return claim_of(response.request)


def _chance() -> float:
    return random.random()


def _request(claim: Claim) -> Request | None:
    try:
        return check_request(claim)
    except AddressError as error:
        logger.error("The subscription %s cannot be checked: %s", claim.subscription.address, error)
        return None


def _answer(response: Response, moved_to: str = "") -> Answer:
    headers = {name.decode("latin-1"): values[-1].decode("latin-1") for name, values in response.headers.items()}
    etag, last_modified = (headers.get(name, "") for name in ("Etag", "Last-Modified"))
    if (http_date(last_modified) or 0.0) > time.time() + _CLOCKS_DIFFER:
        # Of a date in the future nothing is ever newer.
        last_modified = ""
    meta = response.request.meta if response.request else {}
    codes = meta.get("redirect_reasons", ())
    is_permanent = bool(codes) and all(code in _PERMANENT for code in codes)
    return Answer(
        etag=etag if len(etag) <= _LONGEST_VALIDATOR else "",
        last_modified=last_modified if len(last_modified) <= _LONGEST_VALIDATOR else "",
        digest=hashlib.sha256(response.body).hexdigest()[:_DIGITS] if response.body else "",
        fresh_for=outcome.fresh_for(headers, time.time()),
        moved_to=moved_to or (response.url if is_permanent else ""),
    )
