"""Writes down what is known of a media file, beside it: its sidecar, its line in the manifest, and an event.

The file has its name first. Its sidecar comes last, so that a file with a sidecar has the other two as well, and one
without is noticed when its episode is leased again. All of this survives a power cut with the folder's next sync, but
for manifest and events: they can be made anew of the sidecars (docs/sidecars.md).
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from podcrawler.agent import Agent
from podcrawler.details import Chapter
from podcrawler.following import Following
from podcrawler.items import Episode, Podcast
from podcrawler.store.beside import read
from podcrawler.store.chapters import chapters_in
from podcrawler.store.fs import Folder
from podcrawler.store.journal import EVENTS, MANIFEST, Event, Notes, append, correct_manifest, manifest_line, put
from podcrawler.store.sidecar import (
    PODCAST_NAME,
    Capture,
    FileFacts,
    SidecarError,
    describe,
    dump_podcast,
    dumps,
    load_podcast,
    loads,
    sidecar_name,
)

#: Bytes of UTF-8 that a name may have on every file system.
_LONGEST = 255


@dataclass(frozen=True, slots=True)
class Came:
    """How a file came; the fields are those of ``Capture`` and of ``FileFacts``."""

    url: str
    redirects: list[str]
    headers: Mapping[str, str]
    remarks: list[str]
    verified: bool | None


@dataclass(frozen=True, slots=True)
class Description:
    """What is known of an episode's file before it has its name."""

    episode: Episode
    agent: Agent
    #: None if the file was there before.
    came: Came | None = None
    #: Those that the file itself has; and whether they are wanted of a file that was there before.
    chapters: Sequence[Chapter] = ()
    reads_chapters: bool = False

    def notes(self, name: str, size: int, sha256: str, *, found: bool = False) -> Notes:
        """What is to be written of the file with this name. ``found``: it was there before, whatever came."""
        came = None if found else self.came
        now = datetime.now(UTC)
        if came:
            facts = FileFacts(name, size, sha256, came.verified)
            program, node = self.agent
            capture = Capture(now, node, program, came.url, came.redirects, remarks=came.remarks)
            told = describe(self.episode, facts, capture, came.headers)
        else:
            told = describe(self.episode, FileFacts(name, size, sha256))
        if self.chapters:
            told = replace(told, chapters=list(self.chapters))
        what = "adopted" if came is None else "versioned" if self.episode.version > 1 else "captured"
        event = Event(what, str(self.agent), self.episode.key, name, sha256)
        return Notes(dumps(told), manifest_line(name, sha256), event.line(now))


def note(folder: Folder, name: str, notes: Notes, sha256: str) -> None:
    """Write the notes of a file that has just got its name. Blocking. Raises OSError."""
    sidecar = sidecar_name(name)
    # An earlier file of that name is gone, and its line is not.
    told = notes.sidecar
    if folder.found(sidecar) is None:
        append(folder, MANIFEST, notes.line)
    else:
        correct_manifest(folder, {name: sha256})
        # The files beside it are still there, and of the same episode.
        if (former := read(folder, name)) and former.beside:
            told = dumps(replace(loads(told), beside=former.beside))
    append(folder, EVENTS, notes.event)
    put(folder, sidecar, told)


def note_found(
    folder: Folder, name: str, description: Description, came_sha256: str = "", *, is_new: bool = False
) -> None:
    """Write the notes of a file that was there, unless it has a sidecar. ``came_sha256`` is that of the bytes that came
    now: a file that has them is theirs. ``is_new``: it was there elsewhere, and has just got this name. Reads the file.
    Blocking. Raises OSError."""
    sidecar = sidecar_name(name)
    if len(os.fsencode(sidecar)) > _LONGEST or (folder.found(sidecar) is not None and not is_new):
        return
    with folder.read(name) as file:
        size = os.fstat(file.fileno()).st_size
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if description.reads_chapters:
            description = replace(description, chapters=chapters_in(file))
    notes = description.notes(name, size, sha256, found=sha256 != came_sha256)
    if is_new:
        note(folder, name, notes, sha256)
        return
    # Who died before it could write the sidecar may have written the line.
    correct_manifest(folder, {name: sha256})
    append(folder, EVENTS, notes.event)
    put(folder, sidecar, notes.sidecar)
    folder.sync()


def note_podcast(folder: Folder, podcast: Podcast, subscription: Following | None = None) -> None:
    """Write the record of a podcast, unless the one that is there tells the same. Blocking. Raises OSError."""
    try:
        with folder.read(PODCAST_NAME) as file:
            before = file.read()
    except FileNotFoundError:
        before = b""
    if (changed := changed_record(podcast, before, subscription)) is not None:
        put(folder, PODCAST_NAME, changed)
        folder.sync()


def note_following(folder: Folder, subscription: Following | None) -> None:
    """Have the record of a podcast, if it can be read, tell this of its subscription. Blocking. Raises OSError."""
    with folder.read(PODCAST_NAME) as file:
        before = file.read()
    with suppress(SidecarError):
        note_podcast(folder, load_podcast(before).podcast, subscription)


def changed_record(podcast: Podcast, before: bytes, subscription: Following | None = None) -> bytes | None:
    """The record of a podcast; None if ``before``, which is there, tells the same."""
    try:
        known = load_podcast(before)
    except SidecarError:
        return dump_podcast(podcast, datetime.now(UTC), subscription)
    record = dump_podcast(podcast, datetime.now(UTC), subscription, known.cover)
    told = load_podcast(record)
    return None if (known.podcast, known.subscription) == (told.podcast, told.subscription) else record
