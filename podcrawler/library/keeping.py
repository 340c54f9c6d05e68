"""Keeps the newest files of a podcast only, if the user wants that: older ones go to a trash folder, or are removed.

Their episodes stay recorded, as dropped on purpose, so that they are not fetched again.
"""

import logging
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

from redis import Redis

from podcrawler.agent import Agent
from podcrawler.config import SidecarConfig
from podcrawler.exceptions import SettingError, StoreError
from podcrawler.queue.dates import Dates
from podcrawler.queue.records import Recorded, Records
from podcrawler.store import names
from podcrawler.store.beside import beside_of, read
from podcrawler.store.folder import store_folder
from podcrawler.store.fs import Folder, open_below
from podcrawler.store.fs_errors import disk_error
from podcrawler.store.journal import SIDECAR_SUFFIX, Event, append_events, correct_manifest, put, read_manifest
from podcrawler.store.listing import FolderListing, ListedFile, open_listing
from podcrawler.subscriptions.store import Subscriptions

logger = logging.getLogger(__name__)

_DAY = 86_400
_KEEP = re.compile(r"([1-9][0-9]{0,6})(d?)")
#: Hidden, so that nothing takes it for a podcast's; and none of podcrawler's own.
_TRASH = re.compile(r"(?!\.(?:podcrawler|visits))\.[A-Za-z0-9_][A-Za-z0-9_-]{0,59}")


@dataclass(frozen=True, slots=True)
class Keep:
    """What is kept: the newest ``episodes``, or those of the last ``days``."""

    episodes: int | None = None
    days: int | None = None

    @classmethod
    def read(cls, text: str) -> "Keep":
        """What a text such as ``10`` or ``30d`` means. Raises ValueError with a sentence."""
        if (found := _KEEP.fullmatch(text.strip())) is None:
            raise ValueError(f'"{text}" is neither a number of episodes, such as 10, nor of days, such as 30d')
        number = int(found[1])
        return cls(days=number) if found[2] else cls(episodes=number)


class Dropped(NamedTuple):
    """A file that was not kept."""

    name: str
    #: Bytes.
    size: int


@dataclass(slots=True)
class Kept:
    """What became of a podcast's files."""

    #: Oldest first.
    dropped: list[Dropped] = field(default_factory=list)
    #: How many files of finished episodes stay, and how many of those have no known date.
    kept: int = 0
    undated: int = 0


def read_trash(settings: Mapping[str, Any]) -> str:
    """The value of ``PODCRAWLER_TRASH``. Raises SettingError."""
    trash = str(settings.get("PODCRAWLER_TRASH") or "")
    if trash and not _TRASH.fullmatch(trash):
        raise SettingError(
            f"PODCRAWLER_TRASH cannot be {trash!r}: write the name of a hidden folder, such as .trash, or nothing; see "
            "docs/settings.md."
        )
    return trash


def keep_newest(
    settings: Mapping[str, Any],
    redis: Redis,
    podcast_id: str,
    keep: Keep,
    *,
    is_dry: bool = False,
    now: float | None = None,
) -> Kept:
    """Drop the files of finished episodes that were published before those that are kept. What has no date stays, and
    is not counted. ``is_dry``: only tell which. ``now``: in seconds since 1970.

    Blocking. Raises SettingError, StoreError for a store that is no folder, and MediaError."""
    trash, listing = read_trash(settings), open_listing(settings)
    if not isinstance(listing, FolderListing):
        raise StoreError(
            f"The store {settings['FILES_STORE']} is a bucket, where podcrawler removes no files: have the bucket do "
            "it, with a lifecycle rule, and run `forget` for their episodes."
        )
    records = Records.from_settings(settings, redis)
    finished = {one.id: one for one in records.finished(podcast_id)}
    # With all versions of its file, an episode is kept or dropped.
    files = defaultdict[str, list[ListedFile]](list)
    for file in listing.files(podcast_id) or ():
        if file.episode_id in finished:
            files[file.episode_id].append(file)
    dates = {dated.name: dated.published for dated in Dates.from_settings(settings, redis).of(podcast_id)}
    dated = sorted((name for name in files if name in dates), key=lambda name: (dates[name], name))
    if keep.episodes is not None:
        old = dated[: -keep.episodes]
    else:
        oldest = (time.time() if now is None else now) - _DAY * (keep.days or 0)
        old = [name for name in dated if dates[name] < oldest]
    kept = Kept(kept=_count(files, files.keys() - old), undated=_count(files, files.keys() - dates.keys()))
    if is_dry or not old:
        dropped = old
    else:
        going = [(finished[name], files[name]) for name in old]
        dropped = _drop(records, _Folder(settings, podcast_id, trash), podcast_id, going)
    kept.dropped = [Dropped(file.name, file.size) for name in dropped for file in files[name]]
    return kept


def _count(files: Mapping[str, Sequence[ListedFile]], names: Iterable[str]) -> int:
    return sum(len(files[name]) for name in names)


def keep_as_subscribed(settings: Mapping[str, Any], redis: Redis, *, is_dry: bool = False) -> dict[str, Kept]:
    """As ``keep_newest``, for all podcasts whose subscriptions say what is kept. By the podcast's id."""
    wanted = {
        one.checked.podcast_id: one.subscription.keep
        for one in Subscriptions.from_settings(settings, redis).all()
        if one.subscription.keep and one.checked.podcast_id
    }
    return {name: keep_newest(settings, redis, name, Keep.read(wanted[name]), is_dry=is_dry) for name in sorted(wanted)}


def _drop(
    records: Records, folder: "_Folder", podcast_id: str, going: Sequence[tuple[Recorded, Sequence[ListedFile]]]
) -> list[str]:
    """Drop the files of these episodes, unless their records have changed meanwhile. Returns the ids of those that were
    dropped. Raises MediaError."""
    # All at once, because it writes the whole manifest.
    unlisted = folder.unlist(file.name for _, files in going for file in files)
    dropped = []
    try:
        for one, files in going:
            # Before a file goes: if this is interrupted, it is old the next time, too, and nobody misses it.
            if records.change(podcast_id, [one.dropped()]):
                for file in files:
                    folder.remove(file, unlisted[file.name])
                    del unlisted[file.name]
                dropped.append(one.id)
    finally:
        folder.relist({name: digest for each in unlisted.values() for name, digest in each.items()})
    return dropped


class _Folder:
    """The folder that files of a podcast are removed from."""

    def __init__(self, settings: Mapping[str, Any], podcast_id: str, trash: str) -> None:
        """``trash``: the name of the folder of the store that they are moved to; empty for none."""
        self._root = store_folder(settings)
        self._podcast_id = podcast_id
        self._trash = trash
        self._agent = str(Agent.read(settings))
        self._writes_events = SidecarConfig.read(settings).sidecars

    def unlist(self, media: Iterable[str]) -> dict[str, dict[str, str | None]]:
        """Take the lines of media files, and of the files beside them, out of the manifest. By media file: the names of
        those beside it and, last, its own, each with the digest of its line; None if it had no line. Raises
        MediaError."""
        with self._opened() as folder:
            digests = read_manifest(folder)
            found = {file: {name: digests.get(name) for name in (*_beside(folder, file), file)} for file in media}
            correct_manifest(folder, dict.fromkeys(name for each in found.values() for name in each if name in digests))
        return found

    def relist(self, digests: Mapping[str, str | None]) -> None:
        """Put the lines with these digests back into the manifest. Raises MediaError."""
        if lines := {name: digest for name, digest in digests.items() if digest}:
            with self._opened() as folder:
                correct_manifest(folder, lines)

    def remove(self, file: ListedFile, digests: Mapping[str, str | None]) -> None:
        """Remove a file with its sidecar and the files beside it, or move them to the trash. ``digests`` are what
        ``unlist`` returned for it. Raises MediaError."""
        with self._opened() as folder:
            if self._trash:
                with self._opened(self._trash, create=True) as trash:
                    for name in digests:
                        _put(folder, name, trash)
            if self._writes_events:
                key = f"{self._podcast_id}/{file.episode_id}"
                append_events(folder, Event("removed", self._agent, key, file.name, digests[file.name]))
            # The file last: if this is interrupted, the next run finds it, and does all of this again.
            for name in (*digests.keys() - {file.name}, f"{file.name}{SIDECAR_SUFFIX}", file.name):
                folder.remove(name)
            folder.sync()
        what = f"moved to {self._trash}" if self._trash else "removed"
        logger.info(
            "%s/%s (%d bytes) was %s: it is older than what is kept", self._podcast_id, file.name, file.size, what
        )

    @contextmanager
    def _opened(self, *above: str, create: bool = False) -> Iterator[Folder]:
        """The podcast's folder, in those ``above``. Raises MediaError for what the disk refuses meanwhile."""
        folders = [*above, names.folder_name(self._podcast_id)]
        try:
            with open_below(self._root, folders, create=create) as folder:
                yield folder
        except OSError as error:
            raise disk_error(self._root.joinpath(*folders), error) from error


def _beside(folder: Folder, media: str) -> list[str]:
    """The files beside a media file that are there."""
    sidecar = read(folder, media)
    return [one.name for one in beside_of(sidecar, media) if folder.found(one.name)] if sidecar else []


def _put(folder: Folder, name: str, trash: Folder) -> None:
    """Give the file its name in the trash, or one like it if that is taken by another; and its sidecar one that fits.
    Raises OSError."""
    with folder.read(name) as opened:
        file = opened.fileno()
        final = next(
            free for free in chain([name], names.aside(name)) if trash.found(free) is None or trash.has(free, file)
        )
        # An interrupted move has left it under both names.
        if not trash.has(final, file):
            folder.link(name, file, trash, final)
    with suppress(FileNotFoundError), folder.read(name + SIDECAR_SUFFIX) as opened:
        put(trash, final + SIDECAR_SUFFIX, opened.read())
    trash.sync()
