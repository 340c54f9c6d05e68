"""Compares the files of an archive with what its sidecars and manifests tell of them, and says what is not so.

It needs nothing but the folder, and changes nothing; repair.py does. docs/verify.md says what is found.
"""

import os
import stat
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from podcrawler.library.catalog import Catalog, Place
from podcrawler.library.companions import Companion, companions
from podcrawler.library.fixity import Digest, Notes, Reader
from podcrawler.store import names
from podcrawler.store.fs import Folder, open_folder
from podcrawler.store.fs_errors import disk_error
from podcrawler.store.journal import EVENTS, MANIFEST, read_manifest
from podcrawler.store.sidecar import PODCAST_NAME, SUFFIX, PodcastRecord, Sidecar, SidecarError, of_file, sidecar_name

Kind = Literal["damaged", "missing", "misnamed", "unknown", "broken-sidecar", "manifest"]


@dataclass(slots=True)
class Media:
    """A media file, what is told of it, or both."""

    place: Place
    #: None if there is no file.
    status: os.stat_result | None
    #: None if there is none, or none that can be used.
    sidecar: Sidecar | None = None
    #: The name of the file that the sidecar is in, if that is another one than it should be.
    sidecar_at: str = ""
    #: Why the sidecar that is there cannot be used, or is wrong.
    problem: str = ""
    #: The SHA-256 by the manifest; empty if that does not list the file.
    listed: str = ""
    #: What was read of the file; None if it was not.
    read: Digest | None = None

    @property
    def expected(self) -> str:
        """The SHA-256 that the file should have; empty if nothing tells it."""
        return (self.sidecar and self.sidecar.file.sha256) or self.listed

    @property
    def told_size(self) -> int | None:
        return self.sidecar.file.size if self.sidecar else None

    @property
    def is_known(self) -> bool:
        """Whether anything tells what the file should be."""
        return self.sidecar is not None or self.listed != ""

    @property
    def is_right(self) -> bool:
        """Whether the file is there, and what it should be, as far as that was looked at."""
        if self.status is None or not self.is_known:
            return False
        if self.read and self.expected:
            return self.read.sha256 in filter(None, (self.expected, self.listed))
        return self.told_size in (None, self.status.st_size)

    @property
    def is_contradictory(self) -> bool:
        """Whether what is told cannot be true of any file, or is not true of this one by its size."""
        is_other_size = self.status is not None and self.told_size not in (None, self.status.st_size)
        return is_other_size or self.problem != "" or self.listed not in ("", self.expected)


@dataclass(slots=True)
class Finding:
    """Something that is not as it should be."""

    kind: Kind
    place: Place
    #: In the words of a sentence about the file.
    problem: str
    #: What there is, and what is told of it; None if the finding is about no media file.
    media: Media | None = None
    #: Of what is misnamed: where it belongs.
    target: Place | None = None
    #: What was done about it; empty if nothing was.
    repair: str = ""
    #: Of a file beside a media file: the sidecar of that.
    owner: Sidecar | None = None


@dataclass(slots=True)
class Verified:
    """What was found."""

    findings: list[Finding] = field(default_factory=list)
    #: Media files, and those beside them, and their bytes.
    files: int = 0
    size: int = 0
    #: How many of them were read, and how many an interrupted run had read before.
    read: int = 0
    skipped: int = 0
    #: By podcast: the digests of files that are right, and not so in the manifest, by their names.
    unlisted: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    #: By podcast: the ids of the episodes that have files.
    present: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


class Verifier:
    """Verifies podcasts of one archive. Everything in it blocks, and raises MediaError for a folder that cannot be
    read."""

    def __init__(self, catalog: Catalog, reader: Reader, notes: Notes | None = None) -> None:
        """With ``notes``, all files are read for their SHA-256, but for those that the notes have."""
        self._catalog = catalog
        self._reader = reader
        self._notes = notes
        self._found = Verified()
        #: What is not right, or not told rightly.
        self._odd: list[Media] = []

    def verify(self, podcast_ids: Sequence[str]) -> Verified:
        """Verify these podcasts."""
        for one, digest in self._reader.digests(self._to_be_read(podcast_ids)):
            one.read = digest
            self._found.read += 1
            self._judge(one)
        moves = self._moves(podcast_ids)
        self._found.findings += [_misnamed(place, media) for place, media in moves.items()]
        for media in self._odd:
            self._found.findings += self._findings(media, moves)
        for podcast_id, lines in self._found.unlisted.items():
            place = Place(podcast_id, MANIFEST)
            told = f"it has no right line for {len(lines)} of the files"
            self._found.findings.append(Finding("manifest", place, told))
        self._found.findings.sort(key=lambda finding: finding.place)
        return self._found

    def _to_be_read(self, podcast_ids: Sequence[str]) -> Iterator[tuple[Media | Companion, Path]]:
        """The files that must be read to be judged; the others are."""
        for podcast_id in podcast_ids:
            record = self._check_record(podcast_id)
            path = self._catalog.root / podcast_id
            try:
                with open_folder(path) as folder:
                    for one in self._files(podcast_id, folder, record):
                        if self._must_be_read(one):
                            yield one, path / one.place.name
                        else:
                            self._judge(one)
            except OSError as error:
                raise disk_error(path, error) from error

    def _files(self, podcast_id: str, folder: Folder, record: PodcastRecord | None) -> Iterator[Media | Companion]:
        """The files that are there, or should be, with all that is told of them."""
        lines = read_manifest(folder)
        yield from companions(podcast_id, folder, record, lines)
        for media in self._media(podcast_id, folder, lines):
            yield media
            yield from companions(podcast_id, folder, media.sidecar, lines)

    def _check_record(self, podcast_id: str) -> PodcastRecord | None:
        try:
            return self._catalog.podcast(podcast_id)
        except (SidecarError, OSError) as error:
            place = Place(podcast_id, PODCAST_NAME)
            self._found.findings.append(Finding("broken-sidecar", place, f"it cannot be read ({error})"))
            return None

    def _media(self, podcast_id: str, folder: Folder, lines: Mapping[str, str]) -> Iterator[Media]:
        """The media files that are there, or should be, with all that is told of them. ``lines`` are those of the
        manifest."""
        #: Sidecars by the names of files that they stand beside, and are not of.
        astray: dict[str, Sidecar] = {}
        seen = set()

        def media(name: str, sidecar: Sidecar | None, problem: str = "", sidecar_at: str = "") -> Media:
            seen.add(name)
            place, status = Place(podcast_id, name), folder.found_file(name)
            return Media(place, status, sidecar, sidecar_at, problem, lines.get(name, ""))

        for found in self._catalog.files(podcast_id):
            if found.sidecar and found.sidecar.file.name != found.path.name:
                astray[found.path.name] = found.sidecar
            else:
                problem = found.problem and f"its sidecar cannot be read ({found.problem})"
                yield media(found.path.name, found.sidecar, problem)
        owners = {sidecar.file.name: (sidecar, name) for name, sidecar in astray.items()}
        for name, (sidecar, beside) in owners.items():
            if name not in seen and _is_media_name(name):
                yield media(name, sidecar, sidecar_at=sidecar_name(beside))
        for name, sidecar in astray.items():
            if name not in seen:
                is_copy = not _is_media_name(sidecar.file.name) or owners[sidecar.file.name][1] != name
                problem = f"its sidecar is that of {sidecar.file.name}" if is_copy else ""
                yield media(name, None, problem)
        for name in lines.keys() - seen:
            if _is_media_name(name):
                yield media(name, None)

    def _must_be_read(self, media: Media | Companion) -> bool:
        if isinstance(media, Companion):
            if media.status is None or not media.has_right_size:
                return False
            return self._notes is not None and not self._is_noted(media, media.status)
        if media.status is None or not media.expected:
            return False
        if media.is_contradictory:
            return True
        return self._notes is not None and not self._is_noted(media, media.status)

    def _is_noted(self, media: Media | Companion, status: os.stat_result) -> bool:
        is_noted = self._notes is not None and self._notes.has("/".join(media.place), status)
        self._found.skipped += is_noted
        return is_noted

    def _judge(self, media: Media | Companion) -> None:
        podcast_id, name = media.place
        if media.status:
            self._found.files += 1
            self._found.size += media.status.st_size
        if isinstance(media, Companion):
            self._judge_companion(media)
            return
        if media.status:
            self._found.present[podcast_id].add(names.episode_of(name))
        if not media.is_right or media.sidecar is None or media.sidecar_at or _wrong_facts(media):
            self._odd.append(media)
        elif self._notes and media.read and media.status:
            self._notes.add("/".join(media.place), media.status)
        sha256 = media.read.sha256 if media.read else media.expected
        if media.is_right and media.listed != sha256:
            self._found.unlisted[podcast_id][name] = sha256

    def _judge_companion(self, one: Companion) -> None:
        podcast_id, name = one.place
        if (problem := one.problem) and problem[0] == "missing" and self._has(one.place):
            # A node has told of it just now.
            return
        if problem:
            self._found.findings.append(Finding(problem[0], one.place, problem[1], owner=one.sidecar))
            return
        if self._notes and one.read and one.status:
            self._notes.add("/".join(one.place), one.status)
        if one.listed != one.told.sha256:
            self._found.unlisted[podcast_id][name] = one.told.sha256

    def _moves(self, podcast_ids: Sequence[str]) -> dict[Place, Media]:
        """The files that belong elsewhere: by the place of each, the media file whose bytes it has."""
        homeless = defaultdict[str, list[Media]](list)
        for media in self._odd:
            if media.expected and not media.is_right:
                homeless[media.expected].append(media)
        if not homeless:
            return {}
        sizes = {media.told_size for found in homeless.values() for media in found}
        digests = [(media.place, media.read.sha256) for media in self._odd if media.read and not media.is_right]
        digests += [(place, digest.sha256) for place, digest in self._reader.digests(self._strays(podcast_ids, sizes))]
        return {place: homeless[sha256].pop(0) for place, sha256 in digests if homeless.get(sha256)}

    def _strays(self, podcast_ids: Sequence[str], sizes: set[int | None]) -> Iterator[tuple[Place, Path]]:
        """Files of which nothing is told, that have one of these sizes; any, if one of them is unknown."""
        unknown = {media.place for media in self._odd if not media.is_known}
        for podcast_id in podcast_ids:
            path = self._catalog.root / podcast_id
            with open_folder(path) as folder:
                for name in sorted(folder.names()):
                    place = Place(podcast_id, name)
                    if place not in unknown and (names.episode_of(name) or _is_own(name)):
                        continue
                    found = folder.found_file(name)
                    if found and (None in sizes or found.st_size in sizes):
                        yield place, path / name

    def _findings(self, media: Media, moves: Mapping[Place, Media]) -> Iterator[Finding]:
        """What is not as it should be about a media file, but that it is misnamed."""
        podcast_id, name = media.place
        sidecar = Place(podcast_id, sidecar_name(name))
        if media.problem:
            yield Finding("broken-sidecar", sidecar, media.problem, media)
        elif _wrong_facts(media):
            told = "it tells another size or SHA-256 than the manifest, which agrees with the file"
            yield Finding("broken-sidecar", sidecar, told, media)
        elif media.sidecar_at and moves.get(Place(podcast_id, of_file(media.sidecar_at))) is not media:
            told = f"it is the sidecar of {name}"
            yield Finding("misnamed", Place(podcast_id, media.sidecar_at), told, media, sidecar)
        is_there = media.status is not None and media.place not in moves
        if is_there and (media.is_right or not media.is_known):
            if not media.sidecar and not media.problem and not self._has(sidecar):
                yield Finding("unknown", media.place, "it has no sidecar", media)
        elif any(media is found for found in moves.values()):
            # Its file is elsewhere, which is told of that one.
            pass
        elif is_there:
            yield Finding("damaged", media.place, _damage(media), media)
        elif (media.place in moves or not self._has(media.place)) and (media.is_known or media.problem):
            yield Finding("missing", media.place, "it is not there", media)

    def _has(self, place: Place) -> bool:
        """Whether the file is there by now: nodes may be at work."""
        try:
            return stat.S_ISREG(self._catalog.root.joinpath(*place).lstat().st_mode)
        except OSError:
            return False


def is_damage(finding: Finding) -> bool:
    """Whether the archive does not have the bytes any more."""
    return finding.kind in ("damaged", "missing")


def _misnamed(place: Place, media: Media) -> Finding:
    same_folder = media.place.podcast_id == place.podcast_id
    name = media.place.name if same_folder else "/".join(media.place)
    return Finding("misnamed", place, f"its bytes are those of {name}", media, media.place)


def _wrong_facts(media: Media) -> bool:
    """Whether the file was read and is right, and the sidecar tells something else."""
    if media.read is None or media.sidecar is None or not media.is_right:
        return False
    told = media.sidecar.file
    return told.size != media.read.size or told.sha256 not in (None, media.read.sha256)


def _damage(media: Media) -> str:
    if media.read and media.read.error:
        return f"it cannot be read ({media.read.error})"
    if media.status and media.told_size not in (None, media.status.st_size):
        return f"it has {media.status.st_size} bytes, and should have {media.told_size}"
    return "its SHA-256 is another than it should be"


def _is_media_name(name: str) -> bool:
    """Whether a media file can have the name, which somebody may have made up."""
    return names.episode_of(name) != "" and "/" not in name and "\0" not in name


def _is_own(name: str) -> bool:
    """Whether a file of this name is podcrawler's, and no media."""
    own = (SUFFIX, names.PART_SUFFIX)
    return name.startswith(".") or name.endswith(own) or name in (MANIFEST, EVENTS)
