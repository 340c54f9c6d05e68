"""Tells the user's own programs what has happened: a command, or a request to an address, for each event.

An event is told by the node that it happens on, once; docs/hooks.md says what each tells. What a hook does wrong is
logged and shown in ``status``, and changes nothing else. Where hooks are slower than episodes come, episodes wait.

Settings: ``PODCRAWLER_ON_FINISHED``, ``PODCRAWLER_ON_FAILED``, ``PODCRAWLER_ON_PODCAST_DEAD``,
``PODCRAWLER_HOOK_TIME``, ``PODCRAWLER_WEBHOOK``, ``PODCRAWLER_WEBHOOK_SECRET``; ``PODCRAWLER_SHUTDOWN_GRACE`` for the
last ones.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured

from podcrawler.config import Config, HookConfig
from podcrawler.fleet.hook_targets import Command, Facts, HookError, Webhook
from podcrawler.items import Episode
from podcrawler.signals import entry_failed, episode_finished, node_draining, podcast_dead
from podcrawler.tasks import run_once

logger = logging.getLogger(__name__)

#: Hooks that run at once, and events that may wait for them.
_AT_ONCE, _MOST_WAITING = 4, 100


class Target(Protocol):
    """Whom an event is told."""

    async def tell(self, facts: Facts) -> None:
        """Raises HookError."""


class Hooks:
    """The extension that tells of the events of its node."""

    def __init__(self, targets: Mapping[str, Sequence[Target]], store: str, grace: float) -> None:
        """``targets`` by event; ``store`` is FILES_STORE. A node that is told to stop gives its hooks ``grace`` seconds
        to end."""
        self._targets = targets
        self._store = store
        self._grace = grace
        self._is_draining = False
        self._waiting: asyncio.Queue[Facts] = asyncio.Queue(_MOST_WAITING)
        self._workers: list[asyncio.Task[None]] = []
        #: What a hook did wrong last, as the end of a sentence; empty if none did.
        self.complaint = ""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "Hooks":
        config = HookConfig.read(crawler.settings)
        webhooks = [Webhook(config.webhook, config.webhook_secret, config.hook_time)] if config.webhook else []
        targets: dict[str, list[Target]] = {
            event: [*([Command(words, config.hook_time)] if words else []), *webhooks]
            for event, words in config.commands.items()
        }
        if not any(targets.values()):
            raise NotConfigured
        hooks = cls(targets, crawler.settings["FILES_STORE"], Config.read(crawler.settings).shutdown_grace)
        for handler, signal in (
            (hooks.open, signals.spider_opened),
            (hooks.drain, node_draining),
            (hooks.close, signals.spider_closed),
            (hooks.note_finished, episode_finished),
            (hooks.note_failed, entry_failed),
            (hooks.note_dead, podcast_dead),
        ):
            crawler.signals.connect(handler, signal=signal)
        return hooks

    def open(self) -> None:
        self._workers = [run_once("the hooks of this node", self._work()) for _ in range(_AT_ONCE)]

    def drain(self) -> None:
        self._is_draining = True

    async def close(self) -> None:
        """Wait for the hooks that are still to run; of a node that was told to stop, no longer than it may take."""
        try:
            async with asyncio.timeout(self._grace if self._is_draining else None):
                await self._waiting.join()
        except TimeoutError:
            logger.warning("This node stops before its hooks have told of all events.")
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    async def note_finished(self, episode: Episode) -> None:
        assert episode.file is not None
        await self._note(
            "finished",
            podcast_id=episode.podcast_id,
            episode_id=episode.id,
            title=episode.title,
            guid=episode.guid,
            published=episode.published and episode.published.isoformat(),
            page=episode.page,
            url=episode.enclosure.url if episode.enclosure else "",
            file=self._place(episode.file),
            size=episode.size,
            sha256=episode.sha256,
            version=episode.version,
        )

    async def note_failed(self, key: str, kind: str, reason: str) -> None:
        await self._note("failed", entry=key, kind=kind, reason=reason)

    async def note_dead(self, address: str, podcast_id: str, title: str, reason: str) -> None:
        await self._note("podcast-dead", address=address, podcast_id=podcast_id, title=title, reason=reason)

    async def _note(self, event: str, **facts: Any) -> None:
        if self._targets.get(event):
            await self._waiting.put({"event": event, "time": datetime.now(UTC).isoformat(), **facts})

    def _place(self, file: str) -> str:
        """Where others find a file of the store."""
        return f"{self._store.rstrip('/')}/{file}" if "://" in self._store else str(Path(self._store).resolve() / file)

    async def _work(self) -> None:
        while True:
            facts = await self._waiting.get()
            try:
                for target in self._targets[facts["event"]]:
                    await self._tell(target, facts)
            finally:
                self._waiting.task_done()

    async def _tell(self, target: Target, facts: Facts) -> None:
        try:
            await target.tell(facts)
        except HookError as error:
            self.complaint = f"a hook failed: {error}"
            logger.error("The hook for %s failed: %s.", facts["event"], error)
