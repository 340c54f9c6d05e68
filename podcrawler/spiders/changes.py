"""Reads a list of feeds that have changed every few minutes, on one node of the fleet, and has those checked at once
that are subscribed to. Polling goes on: the list spares nothing but delay."""

import asyncio
import logging

from scrapy import Request
from scrapy.http import Response
from scrapy.settings import BaseSettings

from podcrawler.config import CheckConfig
from podcrawler.http.errors import explain, explain_response
from podcrawler.queue.scheduler import Scheduler
from podcrawler.subscriptions.changes import addresses_in
from podcrawler.subscriptions.store import Subscriptions

logger = logging.getLogger(__name__)


class Changes:
    """The reading of that list on this node."""

    def __init__(self, scheduler: Scheduler, settings: BaseSettings) -> None:
        config = CheckConfig.read(settings)
        self._scheduler = scheduler
        self._subscriptions = Subscriptions.from_settings(settings, scheduler.server)
        self._address = config.changes
        self._interval = config.changes_interval

    async def run(self) -> None:
        """Read the list whenever it is this node's turn, as long as the node works. Returns at once without a list."""
        while self._address and not self._scheduler.node.is_draining:
            if await self._scheduler.call(self._subscriptions.claim_changes, self._interval):
                await self._read()
            await asyncio.sleep(self._interval / 4)

    async def _read(self) -> None:
        engine = self._scheduler.crawler.engine
        assert engine is not None
        request = Request(self._address, dont_filter=True, meta={"handle_httpstatus_all": True})
        try:
            response: Response = await engine.download_async(request)
            if response.status != 200:
                raise explain_response(response, is_page=True)
            changed = await asyncio.to_thread(addresses_in, response.body)
        except ValueError as error:
            logger.warning("PODCRAWLER_CHANGES: %s is no list of feeds (%s).", self._address, error)
            return
        except Exception as error:
            logger.warning("PODCRAWLER_CHANGES: %s", explain(error, self._address))
            return
        count = await self._scheduler.call(self._subscriptions.check_changed, changed)
        logger.info("%d feeds have changed; %d of them are subscribed to and checked now.", len(changed), count)
