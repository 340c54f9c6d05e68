"""The files beside media files (store/beside.py), and the covers of podcasts (store/covers.py), as verify.py looks at
them: the sidecar of the media file tells of each, or the record of the podcast, and nothing else does.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from podcrawler.library.catalog import Place
from podcrawler.library.fixity import Digest
from podcrawler.store.beside import beside_of
from podcrawler.store.covers import told_in
from podcrawler.store.fs import Folder
from podcrawler.store.sidecar import BesideFile, PodcastRecord, Sidecar


@dataclass(slots=True)
class Companion:
    """A file beside a media file, or the cover of a podcast, as it is told of, and as it is."""

    place: Place
    told: BesideFile
    #: That of the media file; None for the cover of a podcast.
    sidecar: Sidecar | None
    #: None if there is no file.
    status: os.stat_result | None
    #: The SHA-256 by the manifest; empty if that does not list the file.
    listed: str = ""
    #: What was read of the file; None if it was not.
    read: Digest | None = None

    @property
    def has_right_size(self) -> bool:
        return self.status is not None and self.status.st_size == self.told.size

    @property
    def problem(self) -> tuple[Literal["damaged", "missing"], str] | None:
        """What is not as it should be, as far as that was looked at; None if nothing is."""
        what = f"the {self.told.kind} of {self.sidecar.file.name if self.sidecar else 'the podcast'}"
        if self.status is None:
            return "missing", f"{what} is not there"
        if not self.has_right_size:
            return "damaged", f"{what} has {self.status.st_size} bytes, and should have {self.told.size}"
        if self.read and self.read.error:
            return "damaged", f"{what} cannot be read ({self.read.error})"
        if self.read and self.read.sha256 != self.told.sha256:
            return "damaged", f"{what} has another SHA-256 than it should have"
        return None


def companions(
    podcast_id: str, folder: Folder, teller: Sidecar | PodcastRecord | None, lines: Mapping[str, str]
) -> Iterator[Companion]:
    """The files that a sidecar tells of, or the record of the podcast, in the open folder of that. ``lines`` are those
    of the manifest."""
    sidecar = teller if isinstance(teller, Sidecar) else None
    if isinstance(teller, PodcastRecord):
        told = [cover] if (cover := told_in(teller)) else []
    else:
        told = beside_of(sidecar, sidecar.file.name) if sidecar else []
    for one in told:
        place, status = Place(podcast_id, one.name), folder.found_file(one.name)
        yield Companion(place, one, sidecar, status, lines.get(one.name, ""))
