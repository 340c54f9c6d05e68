"""The cover of a podcast: a picture in its folder, of which the podcast's record tells, and the manifest."""

import errno
from dataclasses import replace
from datetime import UTC, datetime

from podcrawler.agent import Agent
from podcrawler.exceptions import MediaError
from podcrawler.store import names
from podcrawler.store.beside import has_bytes, size_of
from podcrawler.store.fs import Folder
from podcrawler.store.journal import Event, append_events, correct_manifest, put
from podcrawler.store.part import PartFile
from podcrawler.store.sidecar import (
    PODCAST_NAME,
    BesideFile,
    PodcastRecord,
    SidecarError,
    dump_podcast,
    is_cover,
    load_podcast,
)


def read(folder: Folder) -> PodcastRecord | None:
    """The record of a podcast; None if there is none that can be read. Raises OSError."""
    try:
        with folder.read(PODCAST_NAME) as file:
            return load_podcast(file.read())
    except (FileNotFoundError, SidecarError):
        return None


def told_in(record: PodcastRecord | None) -> BesideFile | None:
    """The cover that a record tells of; None if that cannot be one by its name."""
    cover = record.cover if record else None
    return cover if cover and is_cover(cover.name) else None


def present(folder: Folder) -> BesideFile | None:
    """The cover that the record tells of, if it is there. Raises OSError."""
    cover = told_in(read(folder))
    return cover if cover and size_of(folder, cover.name) == cover.size else None


def publish(folder: Folder, part: PartFile, told: BesideFile, agent: Agent) -> BesideFile:
    """Give a sealed part its name as the cover, and tell of it. ``told`` has what its name ends with in place of the
    name. Raises OSError, also if there is no record, and MediaError if a file of somebody else has the name."""
    record = read(folder)
    if record is None:
        raise FileNotFoundError(errno.ENOENT, "the record of the podcast is gone")
    former = told_in(record)
    cover = replace(told, name=f"cover.{told.name}", size=part.received, sha256=part.sha256)
    is_there = folder.found(cover.name) is not None
    if is_there and not has_bytes(folder, cover.name, part):
        if former is None or former.name != cover.name:
            raise taken(cover.name)
        is_there = False
    lines: dict[str, str | None] = {cover.name: cover.sha256}
    if former and former.sha256 != cover.sha256 and folder.found(former.name) is not None:
        lines = {former.name: None, **lines}
        folder.rename(former.name, next(free for free in names.aside(former.name) if folder.found(free) is None))
    put(folder, PODCAST_NAME, dump_podcast(record.podcast, datetime.now(UTC), record.subscription, cover))
    correct_manifest(folder, lines)
    append_events(folder, Event("captured", str(agent), "", cover.name, cover.sha256))
    # Last, so that a file that is there lacks nothing.
    if not is_there:
        part.publish(lambda give_name: give_name(folder, cover.name))
    folder.sync()
    return cover


def taken(name: str) -> MediaError:
    """The error for a name that a file of somebody else has."""
    return MediaError("file-path", f"There is a file {name} of somebody else; give it another name.")
