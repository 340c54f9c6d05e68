"""``site-check FILE URL``: what the site that a file describes finds on a page."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from rich.cells import cell_len
from scrapy import Request
from scrapy.commands import ScrapyCommand
from scrapy.http import Response, TextResponse
from scrapy.utils.spider import DefaultSpider
from twisted.python.failure import Failure
from typing_extensions import override

from podcrawler.addresses import candidates
from podcrawler.calling import called
from podcrawler.cli.for_scrapy import WithoutQueue, explained
from podcrawler.exceptions import EntryError, ListingError, SiteFileError, UsageError
from podcrawler.http.errors import explain
from podcrawler.items import Episode, Podcast
from podcrawler.printing import json_line, say
from podcrawler.queue.entries import private_request
from podcrawler.sites.base import Listing
from podcrawler.sites.toml import Extraction, TomlSite

_LISTING = TypeAdapter(Listing)


class Command(WithoutQueue, ScrapyCommand):
    requires_project = True

    @override
    def syntax(self) -> str:
        return "[options] FILE URL"

    @override
    def short_desc(self) -> str:
        return "Show what the site that a TOML file describes finds on a page"

    @override
    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    @override
    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)
        assert self.settings is not None
        # Nobody wants the log of a single page beside the table; -L shows it.
        self.settings.set("LOG_LEVEL", "ERROR", priority="project")

    @explained
    @override
    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if len(args) != 2:
            raise UsageError("site-check needs a file that describes a site, and the address of a page of that site.")
        site = TomlSite.read(Path(args[0]))
        request = private_request(candidates(args[1])[0], is_told=False, dont_filter=True)
        _check_address(site, args[0], request.url)
        response = self._fetch(request)
        _check_address(site, args[0], response.url)
        extraction = _extract(site, response)
        if opts.json:
            found = {**_LISTING.dump_python(extraction.listing, mode="json"), "unread": extraction.unread}
            say(json_line(found))
        else:
            for line in _lines(extraction, args[0], response.url):
                say(line.rstrip())
        self.exitcode = 0 if extraction.listing.episodes else 1

    def _fetch(self, request: Request) -> Response:
        """The page. Raises FetchError."""
        assert self.crawler_process is not None
        outcome: list[Response | Failure] = []
        crawl = self.crawler_process.crawl(_OnePage, request=request, outcome=outcome)
        assert isinstance(crawl, asyncio.Task), "settings.py keeps Scrapy's asyncio reactor"
        self.crawler_process.start()
        if not crawl.done() or not outcome:
            error = crawl.exception() if crawl.done() else None
            raise error or KeyboardInterrupt
        if isinstance(outcome[0], Failure):
            assert outcome[0].value is not None
            raise explain(outcome[0].value, request.url)
        return outcome[0]


class _OnePage(DefaultSpider):
    """Fetches one page as the nodes do."""

    def __init__(self, *, request: Request, outcome: list[Response | Failure]) -> None:
        """What became of the request is appended to ``outcome``."""
        super().__init__()
        self._request = request.replace(callback=outcome.append, errback=outcome.append)

    @override
    async def start(self) -> AsyncIterator[Any]:
        yield self._request


def _check_address(site: TomlSite, file: str, url: str) -> None:
    """Raises SiteFileError if the site does not know the address."""
    try:
        known = site.knows(url)
    except EntryError as error:
        raise SiteFileError(str(error)) from error
    if not known:
        raise SiteFileError(
            f"{url} is matched by no `url` of {file}, which must match a whole address; correct the pattern, or give "
            "the address of a page of this site."
        )


def _extract(site: TomlSite, response: Response) -> Extraction:
    """Raises ListingError, and SiteFileError if the file is to blame."""
    if not isinstance(response, TextResponse) or not site.matches(response):
        raise ListingError("unknown-page", f"{response.url} is no web page; a feed or a file needs no description.")
    try:
        return site.extract(response)
    except ListingError as error:
        if error.kind == "site-file":
            raise SiteFileError(str(error)) from error
        raise


def _lines(extraction: Extraction, file: str, url: str) -> Iterator[str]:
    listing = extraction.listing
    yield "podcast:"
    yield from _table([[name, value] for name, value in _fields(listing.podcast)])
    if listing.episodes:
        yield f"{_counted(len(listing.episodes), 'episode')}, oldest first:"
        yield from _table([["id", "date", "seconds", "title", "file or page"], *map(_row, listing.episodes)])
        if page := next((episode.page for episode in listing.episodes if not episode.enclosure), ""):
            yield f"Files are on the pages of the episodes; look at one: {called()} site-check {file} '{page}'"
    else:
        yield (
            "No episodes: nothing that leads to a file was found. What only a script or a click shows cannot be read; "
            f"{called()} fetch '{url}' prints the page as it is read."
        )
    if listing.next_urls:
        yield f"{_counted(len(listing.next_urls), 'next page')}:"
        yield from _table([[next_url] for next_url in listing.next_urls])
    if listing.left_out:
        yield f"{len(listing.left_out)} left out:"
        yield from _table([[one.cause, one.title, one.named] for one in listing.left_out])
    if extraction.unread:
        yield "not understood (the first of each key):"
        yield from _table([[key, text] for key, text in extraction.unread.items()])


def _fields(podcast: Podcast) -> Iterator[tuple[str, str]]:
    """What is known of a podcast."""
    for name in ("id", "title", "address", "guid", "description", "link", "image", "language", "author"):
        if value := getattr(podcast, name):
            yield name, value


def _row(episode: Episode) -> list[str]:
    published = episode.published.isoformat(" ") if episode.published else ""
    duration = "" if episode.duration is None else str(episode.duration)
    file = episode.enclosure.url if episode.enclosure else episode.page
    return [episode.id, published, duration, episode.title, file]


def _counted(count: int, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count} {noun}s"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The rows as lines, with columns of equal width on a terminal."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
