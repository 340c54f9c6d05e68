"""What ``archive`` would do: reads the podcasts in this process, and changes nothing."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from redis import Redis
from scrapy import Request
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.settings import Settings

from podcrawler.library.presence import Presence
from podcrawler.logins import LOGIN
from podcrawler.networks import named_host
from podcrawler.queue.archive import Archive
from podcrawler.queue.naming import Names
from podcrawler.spiders.preview import Preview, PreviewSpider


def foresee(
    settings: Settings, redis: Redis, requests: list[Request], *, keep_deleted: bool = False, is_full: bool = False
) -> Preview:
    """Read the podcasts at these addresses, after ``crawling.get_ready``. ``is_full`` is as in ``Preview``. Raises
    KeyboardInterrupt, and what a crawl raises."""
    names, archive = Names.from_settings(settings, redis), Archive.from_settings(settings, redis)
    retried: set[str] = set()
    visits = archive.visits([request.url for request in requests])
    for request in requests:
        podcast_id = names.podcast_of([request.url])
        retried |= {podcast_id} if podcast_id else set()
        retried |= {visit["podcast"] for visit in visits.get(request.url, ()) if "podcast" in visit}
        login = archive.login(request.url) or (archive.login(podcast_id) if podcast_id else None)
        if login and LOGIN not in request.meta:
            request.meta[LOGIN] = login._asdict()
    preview = Preview(is_full)
    _crawl(_for_preview(settings, requests), requests=requests, redis=redis, retried=retried, preview=preview)
    _note_lost(settings, redis, preview, keep_deleted=keep_deleted)
    return preview


def _for_preview(settings: Settings, requests: Iterable[Request]) -> Settings:
    own = settings.copy()
    allowed = settings["PODCRAWLER_ALLOW_HOSTS"]
    given = [allowed] if isinstance(allowed, str) else [*allowed]
    for name, value in {
        "SCHEDULER": "scrapy.core.scheduler.Scheduler",
        # Where there is no queue, nobody knows which hosts the user gave.
        "PODCRAWLER_ALLOW_HOSTS": " ".join([*given, *(named_host(request.url) for request in requests)]),
        # What could not be read is told at the end.
        "LOG_ENABLED": bool(settings.getpriority("LOG_LEVEL") and settings["LOG_LEVEL"] == "DEBUG"),
    }.items():
        own.set(name, value, priority="cmdline")
    return own


def _crawl(settings: Settings, **arguments: object) -> None:
    process = AsyncCrawlerProcess(settings)
    crawl = process.crawl(PreviewSpider, **arguments)
    (crawler,) = process.crawlers
    assert isinstance(crawl, asyncio.Task), "settings.py keeps Scrapy's asyncio reactor"
    process.start()
    if not crawl.done() or crawler.stats.get_value("finish_reason") == "shutdown":
        raise KeyboardInterrupt
    if error := crawl.exception():
        raise error


def _note_lost(settings: Settings, redis: Redis, preview: Preview, *, keep_deleted: bool) -> None:
    """Finished episodes whose files are gone would be fetched again."""
    presence = Presence(settings, redis, keep_deleted=keep_deleted, is_dry=True)
    for podcast_id in preview.podcasts:
        for name in presence.check(podcast_id).lost:
            if one := preview.episodes.get((podcast_id, name)):
                preview.episodes[podcast_id, name] = replace(one, outcome="left out" if one.reason else "fetch")
