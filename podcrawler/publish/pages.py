"""Web pages of an archive: one of all podcasts, one of each podcast, one of each episode with a player, and a search.

They go into the archive itself, or another folder: ``index.html``, ``<podcast id>/index.html``,
``<podcast id>/pages/<...>.html``, and ``_pages/`` with what they share, which is no podcast's folder. All addresses in
them are relative, so that they work wherever the folder is.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from rich.filesize import decimal

from podcrawler.items import Podcast
from podcrawler.library.catalog import Catalog
from podcrawler.plain_text import plain_text
from podcrawler.publish.beside import podcast_cover
from podcrawler.publish.html import STATIC, cleaned, page, static
from podcrawler.publish.index import Cache, Entry, Index, by_episode, read_sidecar, reason, scan
from podcrawler.publish.layout import EPISODES, FIRST, SHARED
from podcrawler.publish.listening import clock, file_address, listening, web
from podcrawler.publish.media_types import media_type
from podcrawler.publish.outputs import Outputs
from podcrawler.publish.records import podcast_in
from podcrawler.publish.search import Found, SearchIndex
from podcrawler.store.fs import Folder, open_below
from podcrawler.store.names import UNTITLED

#: What pages are made by, changed when their form changes: then all are written again.
_FORM = 2
_TITLE = "Podcasts"
_PAGE = re.compile(r"[A-Za-z0-9_-]{1,40}(~[0-9a-f]{4})?\.html")


@dataclass(slots=True)
class Written:
    """What became of the pages."""

    podcasts: int = 0
    episodes: int = 0
    written: int = 0
    unchanged: int = 0
    #: Sentences about what cannot be on them.
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Show:
    """A podcast with episodes; of each the versions of its file, the latest first, the newest episode first."""

    podcast: Podcast
    episodes: list[list[Entry]]

    @property
    def title(self) -> str:
        return self.podcast.title or self.podcast.id


class PagePublisher:
    """Writes the pages of the archive in a folder to ``target``."""

    def __init__(self, root: Path, target: Path, cache: Cache) -> None:
        self._catalog = Catalog(root)
        self._target = target
        self._cache = cache
        self._done = Written()

    def publish(self, podcasts: Iterable[str]) -> Written:
        """Write the pages of these podcasts. Raises PublishError and OSError."""
        shows = [show for podcast_id in podcasts if (show := self._publish_podcast(podcast_id))]
        index = self._cache.load(SHARED)
        with open_below(self._target, ()) as folder:
            outputs = Outputs(folder, self._target, index.outputs)
            listed = [
                {
                    "href": f"{show.podcast.id}/{FIRST}",
                    "title": show.title,
                    "language": show.podcast.language,
                    "episodes": len(show.episodes),
                }
                for show in sorted(shows, key=lambda show: show.title.casefold())
            ]
            values = {"up": "", "title": _TITLE, "language": "en", "podcasts": listed}
            outputs.update(FIRST, [_FORM, values], _writer("index.html", values))
        with open_below(self._target, (SHARED,), create=True) as shared:
            common = Outputs(shared, self._target / SHARED, index.outputs)
            for name in STATIC:
                content = static(name)
                common.update(name, hashlib.sha256(content).hexdigest(), partial(_write, content))
            made_of = [(show.podcast.id, show.title, [one[0].state for one in show.episodes]) for show in shows]
            common.update("search.json", [_FORM, made_of], partial(self._write_search, shows))
        self._count(outputs, common)
        self._cache.save(SHARED, index)
        return self._done

    def _publish_podcast(self, podcast_id: str) -> _Show | None:
        index = self._cache.load(podcast_id)
        podcast, problem = podcast_in(self._catalog, podcast_id)
        with open_below(self._catalog.root, (podcast_id,)) as folder:
            scanned = scan(folder, index.entries)
            self._leave_out(podcast_id, problem + scanned.left_out)
            index.entries = scanned.entries
            if not scanned.entries:
                return None
            show = _Show(podcast, by_episode(scanned.entries)[::-1])
            self._write_podcast(show, folder, index)
        self._cache.save(podcast_id, index)
        self._done.podcasts += 1
        self._done.episodes += len(show.episodes)
        return show

    def _write_podcast(self, show: _Show, folder: Folder, index: Index) -> None:
        podcast = show.podcast
        place = self._target / podcast.id
        with ExitStack() as stack:
            outer = stack.enter_context(open_below(self._target, (podcast.id,), create=True))
            inner = stack.enter_context(open_below(self._target, (podcast.id, EPISODES), create=True))
            outputs, pages = Outputs(outer, place, index.outputs), Outputs(inner, place / EPISODES, index.outputs)
            listed = [
                {
                    "href": f"{EPISODES}/{quote(_page_name(one[0]))}",
                    "title": one[0].title or UNTITLED,
                    "date": _date(one[0]),
                }
                for one in show.episodes
            ]
            cover = podcast_cover(folder)
            values = {
                "up": "../",
                "cover": quote(cover),
                "title": show.title,
                "language": podcast.language,
                "author": podcast.author,
                "description": cleaned(podcast.description),
                "link": web(podcast.link),
                "episodes": listed,
            }
            outputs.update(FIRST, [_FORM, values], _writer("podcast.html", values))
            for versions in show.episodes:
                made_of = [_FORM, show.title, podcast.language, cover, [one.state for one in versions]]
                pages.update(_page_name(versions[0]), made_of, partial(self._write_episode, show, folder, versions))
            wanted = {_page_name(versions[0]) for versions in show.episodes}
            for name in inner.names():
                if _PAGE.fullmatch(name) and name not in wanted:
                    pages.remove(name)
            self._count(outputs, pages)

    def _write_episode(self, show: _Show, folder: Folder, versions: Sequence[Entry], file: IO[bytes]) -> bool:
        problems: list[str] = []
        try:
            values = _episode_values(show, folder, versions, problems.append)
            _write(page("episode.html", values), file)
        except (ValueError, OSError) as error:
            problems.append(f"{versions[0].name}: {reason(error)}")
        self._leave_out(show.podcast.id, problems)
        return not problems

    def _write_search(self, shows: Sequence[_Show], file: IO[bytes]) -> bool:
        index = SearchIndex()
        is_whole = True
        for show in shows:
            place = index.add_podcast(show.podcast.id, show.title)
            with open_below(self._catalog.root, (show.podcast.id,)) as folder:
                for latest, *_ in show.episodes:
                    found = Found(
                        place, _page_name(latest).removesuffix(".html"), latest.title or UNTITLED, _date(latest)
                    )
                    try:
                        episode = read_sidecar(folder, latest.name).episode
                    except (ValueError, OSError):
                        # Whoever wrote its page has told it.
                        is_whole = False
                        continue
                    index.add(found, plain_text(episode.content or episode.description))
        index.write(file)
        return is_whole

    def _leave_out(self, podcast_id: str, sentences: Iterable[str]) -> None:
        self._done.left_out += [f"{podcast_id}/{sentence}" for sentence in sentences]

    def _count(self, *outputs: Outputs) -> None:
        for one in outputs:
            self._done.written += one.written
            self._done.unchanged += one.unchanged


def _episode_values(
    show: _Show, folder: Folder, versions: Sequence[Entry], leave_out: Callable[[str], None]
) -> dict[str, Any]:
    sidecars = [read_sidecar(folder, one.name) for one in versions]
    around = listening(folder, versions[0], sidecars[0], leave_out)
    cover = podcast_cover(folder)
    episode = sidecars[0].episode
    files = []
    for entry, sidecar in zip(versions, sidecars, strict=True):
        capture = sidecar.capture
        kind = media_type(entry.name, capture.headers.get("content-type", "") if capture else "")
        files.append(
            {
                "href": file_address(entry.name),
                "element": "video" if kind.startswith("video/") else "audio",
                "type": kind,
                "size": decimal(entry.size),
                "version": entry.version,
                "sha256": sidecar.file.sha256 if sidecar.file.size == entry.size else "",
            }
        )
    return {
        "up": "../../",
        "title": episode.title or UNTITLED,
        "language": episode.language or show.podcast.language,
        "podcast": show.title,
        "date": _date(versions[0]),
        "duration": clock(episode.duration or None),
        "place": f"{show.podcast.id}/{episode.id}",
        "files": files,
        "description": cleaned(episode.content or episode.description),
        "link": web(episode.page),
        **around,
        "cover": around["cover"] or (file_address(cover) if cover else ""),
    }


def _page_name(entry: Entry) -> str:
    """Another one for each id, on disks that ignore upper and lower case, too."""
    name = entry.episode_id
    mark = "" if name == name.lower() else f"~{hashlib.sha256(name.encode()).hexdigest()[:4]}"
    return f"{name}{mark}.html"


def _date(entry: Entry) -> str:
    return entry.published.date().isoformat() if entry.published else ""


def _writer(template: str, values: dict[str, Any]) -> Any:
    return lambda file: _write(page(template, values), file)


def _write(content: bytes, file: IO[bytes]) -> bool:
    file.write(content)
    return True
