"""The files of an archive with the names that a template gives them, with tags and with what media servers read beside
them, if that is wanted.
"""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podcrawler.items import Podcast
from podcrawler.library.catalog import Catalog
from podcrawler.publish.beside import podcast_cover
from podcrawler.publish.index import Cache, Entry, by_episode, read_sidecar, scan
from podcrawler.publish.media_types import beside_type
from podcrawler.publish.nfo import SHOW_NAME, Place, episode_nfo, places, show_nfo
from podcrawler.publish.records import podcast_in
from podcrawler.publish.tags import Picture, tags_of
from podcrawler.publish.template import Template
from podcrawler.publish.wanted import Content, Link, Wanted, Written
from podcrawler.store.fs import Folder, open_below

#: What files are made by, changed when their form changes: then all are written again.
_TAGS_FORM = _NFO_FORM = 1
#: Bytes of a picture that is put into a file.
_LARGEST_COVER = 10_000_000


@dataclass(frozen=True, slots=True)
class Naming:
    """How files are named, and what they have."""

    template: Template
    with_tags: bool = False
    with_nfo: bool = False


@dataclass(frozen=True, slots=True)
class _Show:
    """A podcast and its folder in the archive."""

    podcast: Podcast
    folder: Path
    #: The name of its cover; empty if there is none.
    cover: str


class NamedFiles:
    """Finds the files of one archive. ``left_out`` gets sentences about those that cannot be named, ``untagged`` counts
    those that cannot have tags by their extensions."""

    def __init__(self, root: Path, naming: Naming, cache: Cache) -> None:
        self.left_out: list[str] = []
        self.untagged: Counter[str] = Counter()
        self._catalog = Catalog(root)
        self._naming = naming
        self._cache = cache

    def of(self, podcast_id: str) -> Iterator[Wanted]:
        """The files of a podcast, the oldest episode first: of each the latest version, or all if the template tells
        them apart. Raises OSError."""
        index = self._cache.load(podcast_id)
        with open_below(self._catalog.root, (podcast_id,)) as folder:
            scanned = scan(folder, index.entries)
            cover = podcast_cover(folder)
        self.left_out += [f"{podcast_id}/{sentence}" for sentence in scanned.left_out]
        if scanned.entries != index.entries:
            index.entries = scanned.entries
            self._cache.save(podcast_id, index)
        podcast, problem = podcast_in(self._catalog, podcast_id)
        self.left_out += [f"{podcast_id}/{sentence}" for sentence in problem]
        show = _Show(podcast, self._catalog.root / podcast_id, cover)
        episodes = by_episode(scanned.entries)
        found = list(self._episodes(show, episodes))
        if self._naming.with_nfo and found:
            yield from self._about(show, episodes[0][0], found)
        yield from found

    def _episodes(self, show: _Show, episodes: Sequence[Sequence[Entry]]) -> Iterator[Wanted]:
        template = self._naming.template
        for number, (versions, place) in enumerate(zip(episodes, places(episodes), strict=True), 1):
            for one in versions if template.has_versions else versions[:1]:
                path = template.path(show.podcast, one, number)
                beside = _beside(show, one, place) if self._naming.with_nfo else {}
                yield Wanted(path, self._content(show, one), f"{show.podcast.id}/{one.name}", beside)

    def _content(self, show: _Show, entry: Entry) -> Content:
        source = show.folder / entry.name
        if not self._naming.with_tags:
            return Link(source)
        # Imports mutagen, which is not everybody's.
        from podcrawler.publish.tagging import can_have_tags, write_tagged

        extension = entry.name.rpartition(".")[2].lower()
        if not can_have_tags(extension):
            self.untagged[extension] += 1
            return Written("copy", lambda target: _copy(source, target), source)
        cover = next((one.name for one in entry.beside if one.kind == "cover"), show.cover)

        def write(target: Path) -> str:
            with open_below(show.folder, ()) as folder:
                episode = read_sidecar(folder, entry.name).episode
                picture = _picture(folder, cover)
            return write_tagged(source, target, extension, tags_of(show.podcast, episode, picture))

        podcast = show.podcast
        authors = [one.name for one in podcast.authors]
        told = [podcast.title, podcast.author, authors, podcast.language, cover, _state(show.folder, cover)]
        return Written(_digest(_TAGS_FORM, entry.state, told), write, source)

    def _about(self, show: _Show, first: Entry, files: Sequence[Wanted]) -> Iterator[Wanted]:
        """What tells of the podcast, in each folder of the tree that is the podcast's."""
        depth = self._naming.template.depth_of_podcast
        content = show_nfo(show.podcast, first)
        for folder in dict.fromkeys("/".join(file.path.split("/")[:depth]) for file in files):
            yield Wanted(f"{folder}/{SHOW_NAME}", _text(content))
            if show.cover:
                extension = show.cover.rpartition(".")[2]
                for name in ("poster", "folder"):
                    yield Wanted(f"{folder}/{name}.{extension}", Link(show.folder / show.cover))


def _beside(show: _Show, entry: Entry, place: Place) -> dict[str, Content]:
    """The files that are named after an episode's, by their endings."""

    def write(target: Path) -> str:
        with open_below(show.folder, ()) as folder:
            episode = read_sidecar(folder, entry.name).episode
        target.write_bytes(episode_nfo(show.podcast, episode, place))
        return ""

    found: dict[str, Content] = {
        ".nfo": Written(_digest(_NFO_FORM, entry.state, [show.podcast.title, show.podcast.author, place]), write)
    }
    for one in entry.beside:
        if one.kind == "cover":
            found.setdefault(f"-thumb.{one.extension}", Link(show.folder / one.name))
    return found


def _text(content: bytes) -> Written:
    def write(target: Path) -> str:
        target.write_bytes(content)
        return ""

    return Written(hashlib.sha256(content).hexdigest(), write)


def _copy(source: Path, target: Path) -> str:
    shutil.copy2(source, target)
    return ""


def _picture(folder: Folder, name: str) -> Picture | None:
    """A cover, if it can be put into a file."""
    kind = beside_type(name)
    if not name or kind not in ("image/jpeg", "image/png", "image/webp", "image/gif"):
        return None
    with folder.read(name) as file:
        content = file.read(_LARGEST_COVER + 1)
    return Picture(kind, content) if len(content) <= _LARGEST_COVER else None


def _state(folder: Path, name: str) -> list[int]:
    """What changes if a file does; nothing without a name."""
    if not name:
        return []
    found = (folder / name).lstat()
    return [found.st_mtime_ns, found.st_size]


def _digest(*made_of: Any) -> str:
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()
