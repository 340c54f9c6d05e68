"""The files of an archive with the names that a template gives them."""

from collections.abc import Iterator
from pathlib import Path

from podcrawler.library.catalog import Catalog
from podcrawler.publish.index import Cache, Entry, by_episode, scan
from podcrawler.publish.records import podcast_in
from podcrawler.publish.template import Template
from podcrawler.publish.tree import Wanted
from podcrawler.store.fs import open_below


class NamedFiles:
    """Finds the files of one archive. ``left_out`` gets sentences about those that cannot be named."""

    def __init__(self, root: Path, template: Template, cache: Cache) -> None:
        self.left_out: list[str] = []
        self._catalog = Catalog(root)
        self._template = template
        self._cache = cache

    def of(self, podcast_id: str) -> Iterator[Wanted]:
        """The files of a podcast, the oldest episode first: of each the latest version, or all if the template tells
        them apart. Raises OSError."""
        index = self._cache.load(podcast_id)
        with open_below(self._catalog.root, (podcast_id,)) as folder:
            scanned = scan(folder, index.entries)
        self.left_out += [f"{podcast_id}/{sentence}" for sentence in scanned.left_out]
        if scanned.entries != index.entries:
            index.entries = scanned.entries
            self._cache.save(podcast_id, index)
        podcast, problem = podcast_in(self._catalog, podcast_id)
        self.left_out += [f"{podcast_id}/{sentence}" for sentence in problem]
        for number, versions in enumerate(by_episode(scanned.entries), 1):
            wanted: list[Entry] = versions if self._template.has_versions else versions[:1]
            for one in wanted:
                path = self._template.path(podcast, one, number)
                yield Wanted(self._catalog.root / podcast_id / one.name, path)
