"""Writes the feeds of an archive, and the list of them: by default into the archive itself, beside the files.

A page is written again only if something has changed that it is made of, and only then the sidecars of its episodes are
read again.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

from podcrawler.items import Podcast
from podcrawler.library.catalog import Catalog
from podcrawler.plain_text import legal_in_xml
from podcrawler.publish.addresses import BaseUrl
from podcrawler.publish.beside import podcast_cover
from podcrawler.publish.elements import Element
from podcrawler.publish.feed import FIRST, PageOf, pages, write_page
from podcrawler.publish.files import write_if_changed
from podcrawler.publish.index import Cache, Entry, by_episode, read_sidecar, reason, scan
from podcrawler.publish.item import Published, item
from podcrawler.publish.opml import Outline, write_opml
from podcrawler.publish.outputs import Outputs
from podcrawler.publish.records import podcast_in
from podcrawler.store.fs import Folder, open_below

#: What a page is made by, changed when its form changes: then all are written again.
_FORM = 2
_OPML = "opml.xml"
_PAGE = re.compile(r"feed(-[1-9][0-9]{0,6})?\.xml")


@dataclass(slots=True)
class Outcome:
    """What became of one podcast."""

    podcast_id: str
    episodes: int = 0
    #: Files that were written, and those that stayed as they were.
    written: int = 0
    unchanged: int = 0
    #: Sentences about what cannot be published.
    left_out: list[str] = field(default_factory=list)


class FeedPublisher:
    """Publishes the archive in a folder. ``target`` is where the feeds go; the addresses in them are below ``base``,
    the media files' too."""

    def __init__(self, root: Path, target: Path, base: BaseUrl, cache: Cache) -> None:
        self._catalog = Catalog(root)
        self._target = target
        self._base = base
        self._cache = cache
        self._published: set[str] = set()

    def publish(self, podcast_id: str) -> Outcome:
        """Write the feed of a podcast; remove it if the podcast has no episodes any more. Raises PublishError and
        OSError."""
        outcome = Outcome(podcast_id)
        index = self._cache.load(podcast_id)
        podcast, problem = podcast_in(self._catalog, podcast_id)
        place = self._target / podcast_id
        with open_below(self._catalog.root, (podcast_id,)) as folder:
            scanned = scan(folder, index.entries)
            outcome.left_out += problem + scanned.left_out
            episodes = by_episode(scanned.entries)
            outcome.episodes = len(episodes)
            if episodes:
                self._published.add(podcast_id)
            # A folder in which nothing was written is somebody else's.
            if episodes or any(Path(path).parent == place for path in index.outputs):
                with open_below(self._target, (podcast_id,), create=True) as target:
                    outputs = Outputs(target, place, index.outputs)
                    _Feed(self._base, podcast, folder, outputs, outcome.left_out).write(episodes)
                    outcome.written, outcome.unchanged = outputs.written, outputs.unchanged
        index.entries = scanned.entries
        if index.entries or index.outputs:
            self._cache.save(podcast_id, index)
        return outcome

    def list_feeds(self) -> bool:
        """Write the list of the feeds that there are; whether it has changed. Raises PublishError and OSError."""
        found = []
        for podcast_id in self._catalog.podcast_ids():
            podcast, _ = podcast_in(self._catalog, podcast_id)
            # A folder without a record, in which nothing was published, is no podcast's.
            is_ours = podcast.address or podcast_id in self._published
            if is_ours and (self._target / podcast_id / FIRST).is_file():
                feed = self._base.of(podcast_id, FIRST)
                found.append(Outline(legal_in_xml(podcast.title) or podcast_id, feed, podcast.link, podcast.language))
        with open_below(self._target, ()) as folder:
            return write_if_changed(folder, self._target / _OPML, lambda file: write_opml(file, found))


class _Feed:
    """The feed of one podcast. ``left_out`` gets sentences about what cannot be in it."""

    def __init__(self, base: BaseUrl, podcast: Podcast, folder: Folder, outputs: Outputs, left_out: list[str]) -> None:
        self._base = base
        self._podcast = podcast
        self._folder = folder
        self._outputs = outputs
        self._left_out = left_out
        name = podcast_cover(folder)
        self._cover = self._address(name) if name else ""

    def write(self, episodes: Sequence[Sequence[Entry]]) -> None:
        """Write the pages that have changed, archives first: what leads to a page comes after it."""
        counts = Counter(versions[0].guid for versions in episodes)
        own = {guid for guid, count in counts.items() if count == 1}
        wanted = pages(len(episodes)) if episodes else []
        for page in wanted:
            part = episodes[page.start : page.stop]
            self._outputs.update(page.name, self._made_of(page, part, own), partial(self._write, page, part, own))
        names = {page.name for page in wanted}
        for name in self._outputs.folder.names():
            if _PAGE.fullmatch(name) and name not in names:
                self._outputs.remove(name)

    def _write(self, page: PageOf, part: Sequence[Sequence[Entry]], own: set[str], file: IO[bytes]) -> bool:
        before = len(self._left_out)
        changed = max((one.captured for versions in part for one in versions if one.captured), default=None)
        write_page(file, self._podcast, page, self._address, self._items(part, own), changed, self._cover)
        return len(self._left_out) == before

    def _items(self, part: Sequence[Sequence[Entry]], own: set[str]) -> Iterator[Element]:
        for versions in reversed(part):
            try:
                yield item([*map(self._published, versions)], has_own_guid=versions[0].guid in own)
            except (ValueError, OverflowError, OSError) as error:
                self._left_out.append(f"{versions[0].name}: {reason(error)}")

    def _published(self, file: Entry) -> Published:
        beside = [(one, self._address(one.name)) for one in file.beside]
        return Published(read_sidecar(self._folder, file.name), self._address(file.name), file.size, beside)

    def _address(self, name: str) -> str:
        return self._base.of(self._podcast.id, name)

    def _made_of(self, page: PageOf, part: Sequence[Sequence[Entry]], own: set[str]) -> list[Any]:
        files = [(*one.state, versions[0].guid in own) for versions in part for one in versions]
        return [_FORM, self._base.text, repr(self._podcast), self._cover, page.links(self._address), files]
