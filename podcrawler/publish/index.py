"""What is needed of each media file to order and name it, kept between runs, so that a sidecar is read again only if it
has changed. The index is a cache in the state folder: whoever deletes it loses time, and nothing else.
"""

import errno
import logging
import stat
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from podcrawler.ids import EPISODE_ID
from podcrawler.publish.beside import Beside, as_it_is, named_in
from podcrawler.publish.files import write_if_changed
from podcrawler.store import names
from podcrawler.store.fs import Folder, open_below
from podcrawler.store.sidecar import Sidecar, loads, of_file, sidecar_name

logger = logging.getLogger(__name__)

_LONG_AGO = datetime(1, 1, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """A media file and what its sidecar tells of it."""

    #: In the podcast's folder.
    name: str
    #: Nanoseconds, and bytes: what shows that the sidecar is still the same.
    sidecar_time: int
    sidecar_size: int
    #: Bytes of the media file as it is.
    size: int
    episode_id: str
    version: int
    title: str
    guid: str
    #: None if nobody has told it.
    published: datetime | None
    #: When the file came; None if it was there before.
    captured: datetime | None
    season: int | None
    episode: int | float | None
    #: The files that the sidecar names, those that are not there too.
    named: tuple[Beside, ...] = ()

    @property
    def beside(self) -> list[Beside]:
        """The files beside it that are there."""
        return [one for one in self.named if one.size is not None]

    @property
    def state(self) -> tuple[Any, ...]:
        """What changes if the file, its sidecar or a file beside it does."""
        beside = [(one.name, one.time, one.size) for one in self.beside]
        return self.name, self.sidecar_time, self.sidecar_size, self.size, beside

    @property
    def order(self) -> tuple[datetime, str]:
        """By time, and in one order whatever else."""
        return self.published or self.captured or _LONG_AGO, self.episode_id


@dataclass(frozen=True, slots=True)
class Output:
    """A file that was made of an index, such as a feed."""

    #: Of all that it was made of.
    digest: str
    #: Nanoseconds and bytes of the file: what shows that it is still as it was written.
    time: int
    size: int


@dataclass(slots=True)
class Index:
    """What is known of one podcast."""

    format: Literal["podcrawler publish 1"] = "podcrawler publish 1"
    entries: list[Entry] = field(default_factory=list)
    #: By their paths.
    outputs: dict[str, Output] = field(default_factory=dict)


_INDEX = TypeAdapter(Index)


class Cache:
    """The indexes, one file for each podcast."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / "publish"

    def load(self, podcast_id: str) -> Index:
        """The index of a podcast; an empty one if there is none that can be used."""
        try:
            return _INDEX.validate_json((self._folder / f"{podcast_id}.json").read_bytes())
        except (OSError, ValidationError):
            return Index()

    def save(self, podcast_id: str, index: Index) -> None:
        """Keep an index, if the state folder can be written: an archive on a disk for reading alone has none."""
        raw = _INDEX.dump_json(index)
        try:
            self._folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open_below(self._folder.parent, (self._folder.name,), create=True) as folder:
                write_if_changed(folder, self._folder / f"{podcast_id}.json", lambda file: file.write(raw))
        except OSError as error:
            logger.debug("the index of %s is not kept: %s", podcast_id, error)


@dataclass(slots=True)
class Scanned:
    """What a podcast's folder has."""

    entries: list[Entry] = field(default_factory=list)
    #: Sentences about the files that cannot be published.
    left_out: list[str] = field(default_factory=list)


def scan(folder: Folder, known: Iterable[Entry]) -> Scanned:
    """The media files of a podcast by name, with what their sidecars tell; ``known`` is what an earlier run found.

    Raises OSError if the folder cannot be read."""
    earlier = {entry.name: entry for entry in known}
    found = Scanned()
    bare = []
    present = set(folder.names())
    for name in sorted(present):
        if not names.episode_of(name):
            if names.episode_of(media := of_file(name)) and media not in present:
                found.left_out.append(f"{media}: there is a sidecar, but no such file")
        elif sidecar_name(name) not in present:
            bare.append(name)
        else:
            try:
                entry = _entry(folder, name, earlier.get(name))
            except (ValueError, OSError) as error:
                found.left_out.append(f"{name}: {reason(error)}")
                continue
            found.entries.append(entry)
            gone = (one.name for one in entry.named if one.size is None)
            found.left_out += [f"{one}: the sidecar of {name} names it, but there is no such file" for one in gone]
    if bare:
        others = f" and {len(bare) - 1} more: they have no sidecars" if bare[1:] else ": it has no sidecar"
        found.left_out.append(f"{bare[0]}{others}")
    return found


def read_sidecar(folder: Folder, name: str) -> Sidecar:
    """What is told of the media file with this name. Raises SidecarError and OSError."""
    with folder.read(sidecar_name(name)) as file:
        return loads(file.read())


def by_episode(entries: Iterable[Entry]) -> list[list[Entry]]:
    """The files of each episode, the latest version first; the oldest episode first."""
    found: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        found[entry.episode_id].append(entry)
    for versions in found.values():
        versions.sort(key=lambda entry: (entry.version, entry.captured or _LONG_AGO, entry.name), reverse=True)
    return sorted(found.values(), key=lambda versions: versions[0].order)


def _entry(folder: Folder, name: str, earlier: Entry | None) -> Entry:
    media, beside = folder.found(name), folder.found(sidecar_name(name))
    if media is None or beside is None:
        raise FileNotFoundError(errno.ENOENT, "it is gone")
    if not stat.S_ISREG(media.st_mode):
        raise OSError(errno.EINVAL, "it is no file")
    if earlier and (earlier.sidecar_time, earlier.sidecar_size) == (beside.st_mtime_ns, beside.st_size):
        named = tuple(as_it_is(folder, one) for one in earlier.named)
        is_same = (earlier.size, earlier.named) == (media.st_size, named)
        return earlier if is_same else replace(earlier, size=media.st_size, named=named)
    sidecar = read_sidecar(folder, name)
    episode, capture = sidecar.episode, sidecar.capture
    if not EPISODE_ID.fullmatch(episode.id):
        # It becomes a part of names, and whoever can write to the store can write sidecars.
        raise ValueError(f"{episode.id!r} is no id of an episode")
    return Entry(
        name=name,
        sidecar_time=beside.st_mtime_ns,
        sidecar_size=beside.st_size,
        size=media.st_size,
        episode_id=episode.id,
        version=episode.version,
        title=episode.title,
        guid=episode.guid,
        published=_in_a_zone(episode.published),
        captured=_in_a_zone(capture.time if capture else None),
        season=episode.season,
        episode=episode.episode,
        named=tuple(as_it_is(folder, one) for one in named_in(sidecar)),
    )


def _in_a_zone(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def reason(error: Exception) -> str:
    """Why a media file cannot be published."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"its sidecar cannot be read ({error})"
