"""Repairs what verify.py finds: what can be made right from the files that are there is, and the rest is queued again.

No file is removed. What is damaged gets another name, by which it is no media file any more. docs/verify.md says what
becomes of each finding.
"""

import errno
import json
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from podcrawler.agent import Agent
from podcrawler.items import Episode
from podcrawler.library.catalog import Catalog, Place
from podcrawler.library.fixity import Reader
from podcrawler.library.verify import Finding, Media, Verified, is_damage
from podcrawler.store import names, sniff
from podcrawler.store.fs import Folder, open_folder
from podcrawler.store.fs_errors import disk_error
from podcrawler.store.journal import EVENTS, Event, append_events, correct_manifest, put
from podcrawler.store.sidecar import FileFacts, Sidecar, describe, dumps, is_cover, sidecar_name

if TYPE_CHECKING:
    from podcrawler.library.requeueing import Requeueing


class Repairs:
    """Repairs one archive. Everything in it blocks, and raises MediaError."""

    def __init__(self, catalog: Catalog, agent: Agent, reader: Reader, requeueing: "Requeueing | None") -> None:
        """Without ``requeueing`` nothing is fetched again: what is damaged stays where it is."""
        self._catalog = catalog
        self._agent = str(agent)
        self._reader = reader
        self._requeueing = requeueing
        #: What the manifests are to have: by podcast, digests by the names of files; None: no line.
        self._lines: dict[str, dict[str, str | None]] = defaultdict(dict)

    def repair(self, verified: Verified) -> None:
        """Repair what was found; ``Finding.repair`` says how."""
        for podcast_id, lines in verified.unlisted.items():
            self._lines[podcast_id].update(lines)
        self._rename([finding for finding in verified.findings if finding.kind == "misnamed"])
        for finding in verified.findings:
            if is_damage(finding):
                finding.repair = self._fetch_again(finding)
            elif finding.media and finding.kind in ("unknown", "broken-sidecar"):
                finding.repair = self._describe(finding.media)
        for podcast_id, corrected in self._lines.items():
            with self._folder(podcast_id) as folder:
                correct_manifest(folder, corrected)
                folder.sync()
        for finding in verified.findings:
            if finding.kind == "manifest":
                finding.repair = "written anew"

    # Names

    def _rename(self, misnamed: Sequence[Finding]) -> None:
        """Give files their right names, which others may have that are to be renamed, too."""
        sidecars = {finding.media.place: finding.media for finding in misnamed if finding.media}
        astray = [media for media in sidecars.values() if media.sidecar_at]
        contents = {media.place: self._content(Place(media.place.podcast_id, media.sidecar_at)) for media in astray}
        moves = {one.place: one.target for one in misnamed if one.target and names.episode_of(one.target.name)}
        while moves:
            free = next((place for place, target in moves.items() if target not in moves), None)
            if free is None:
                # They have changed places: the first one steps aside.
                place = next(iter(moves))
                moves[self._set_aside(place)] = moves.pop(place)
            else:
                self._move(free, moves.pop(free))
        right = {(place.podcast_id, sidecar_name(place.name)) for place in contents}
        for place, content in contents.items():
            with self._folder(place.podcast_id) as folder:
                put(folder, sidecar_name(place.name), content)
                folder.sync()
                at = sidecars[place].sidecar_at
                if (place.podcast_id, at) not in right:
                    folder.remove(at)
        for finding in misnamed:
            assert finding.target
            finding.repair = f"renamed to {finding.target.name}"
            if (media := finding.media) and media.place == finding.target:
                self._lines[media.place.podcast_id][media.place.name] = media.expected
                self._note("repaired", media.place, media.expected)

    def _move(self, place: Place, target: Place) -> None:
        with self._folder(place.podcast_id) as old, self._folder(target.podcast_id) as new:
            if new.found(target.name):
                # What is there is not what belongs there, or nothing else would.
                new.rename(target.name, _free(new, target.name))
            with old.read(place.name) as file:
                old.link(place.name, file.fileno(), new, target.name)
            new.sync()
            old.remove(place.name)
            old.sync()

    def _set_aside(self, place: Place) -> Place:
        """Give a file another name, by which it is no media file; where it is then."""
        with self._folder(place.podcast_id) as folder:
            aside = _free(folder, place.name)
            folder.rename(place.name, aside)
            folder.sync()
        return Place(place.podcast_id, aside)

    def _set_damaged_aside(self, finding: Finding) -> str:
        """Set a file aside if it is damaged; what was done, as the beginning of a sentence. One that is missing is
        not there."""
        return f"set aside as {self._set_aside(finding.place).name}, " if finding.kind == "damaged" else ""

    # Files that are lost

    def _fetch_again(self, finding: Finding) -> str:
        """What is done about a file that is damaged or missing."""
        podcast_id, name = finding.place
        if not name:
            return ""
        if finding.owner:
            return self._fetch_beside(finding, finding.owner)
        if is_cover(name):
            return self._drop_cover(finding)
        sidecar = finding.media.sidecar if finding.media else None
        episode_id = names.episode_of(name) or name
        key = f"{podcast_id}/{episode_id}"
        if finding.kind == "missing" and (other := self._successor(finding)):
            self._set_aside(Place(podcast_id, sidecar_name(name)))
            self._lines[podcast_id][name] = None
            return f"its sidecar is set aside: the file is {other} now"
        error = finding.media.read.error if finding.media and finding.media.read else ""
        if error not in ("", os.strerror(errno.EIO)):
            return "left as it is: see that this user may read it"
        if self._requeueing is None:
            return ""
        version = sidecar.episode.version if sidecar else names.version_of(name)
        if refusal := self._requeueing.refusal(key, version):
            return refusal
        if finding.media:
            self._note("damaged", finding.place, finding.media.expected)
        done = self._set_damaged_aside(finding)
        if sidecar is None:
            self._lines[podcast_id][name] = None
        return done + self._requeueing.queue(key, sidecar)

    def _fetch_beside(self, finding: Finding, owner: Sidecar) -> str:
        """What is done about a file beside a media file: a node that has its episode again fetches what is missing."""
        podcast_id, name = finding.place
        key = f"{podcast_id}/{owner.episode.id}"
        if self._requeueing is None:
            return ""
        if refusal := self._requeueing.refusal(key, owner.episode.version):
            return refusal
        done = self._set_damaged_aside(finding)
        self._lines[podcast_id][name] = None
        return f"{done}{self._requeueing.queue(key, owner)}, for a node that fetches such files (PODCRAWLER_BESIDE)"

    def _drop_cover(self, finding: Finding) -> str:
        """What is done about the cover of a podcast, which nodes look for with each of its episodes."""
        done = self._set_damaged_aside(finding)
        self._lines[finding.place.podcast_id][finding.place.name] = None
        return f"{done}fetched again with the next episode, by a node that fetches such files (PODCRAWLER_BESIDE)"

    def _successor(self, finding: Finding) -> str:
        """The name of the file that this version of the episode has by now; empty if there is none."""
        if finding.media is None or (sidecar := finding.media.sidecar) is None:
            return ""
        for other in self._described(finding.place.podcast_id, sidecar.episode.id):
            if other.episode.version == sidecar.episode.version and other.file.name != finding.place.name:
                return other.file.name
        return ""

    def _described(self, podcast_id: str, episode_id: str) -> Iterator[Sidecar]:
        """The sidecars of an episode that have their files."""
        with self._folder(podcast_id) as folder:
            found = set(names.of_episode(folder.names(), episode_id))
        for name in found:
            if sidecar_name(name) in found and (sidecar := self._catalog.sidecar(podcast_id, name)):
                yield sidecar

    # Sidecars

    def _describe(self, media: Media) -> str:
        """Give a media file a sidecar that says what can be said of it; what was done."""
        podcast_id, name = media.place
        if media.status is None:
            return ""
        ((_, read),) = self._reader.digests([(media, self._path(media.place))])
        if not read.sha256 or (media.listed and media.listed != read.sha256):
            return "left as it is: the file is damaged"
        with self._folder(podcast_id) as folder:
            with folder.read(name) as file:
                if not media.listed and not sniff.is_sound(file, name):
                    return "left as it is: the file is no media by its bytes, or not whole"
            facts = FileFacts(name, read.size, read.sha256)
            if media.sidecar:
                told = replace(media.sidecar, file=replace(facts, verified=media.sidecar.file.verified))
            else:
                told = describe(_episode(media.place), facts)
            described = sidecar_name(name)
            done = "described anew"
            if folder.found(described):
                aside = _free(folder, described)
                folder.rename(described, aside)
                done += f"; its former sidecar is {aside}"
            put(folder, described, dumps(told))
            folder.sync()
        self._lines[podcast_id][name] = read.sha256
        self._note("repaired" if media.problem or media.sidecar else "adopted", media.place, read.sha256)
        return done

    # Events

    def note_returns(self, podcast_ids: Sequence[str]) -> int:
        """Note the files that were damaged, and are back: with the same SHA-256 they are repaired, with another one
        they are other versions. How many are."""
        count = 0
        for podcast_id in podcast_ids:
            for lost in self._lost(podcast_id):
                if (back := self._back(podcast_id, lost)) is not None:
                    event = "repaired" if back.sha256 == lost.sha256 else "versioned"
                    self._note(event, Place(podcast_id, back.name), back.sha256 or "")
                    count += 1
        return count

    def _lost(self, podcast_id: str) -> list["_Lost"]:
        """The damages that no later event says the end of."""
        lost: dict[str, _Lost] = {}
        for line in self._content(Place(podcast_id, EVENTS)).splitlines():
            with suppress(ValueError, LookupError, TypeError):
                told = json.loads(line)
                if told["event"] == "damaged":
                    time = datetime.fromisoformat(told["time"])
                    lost[told["file"]] = _Lost(told["episode"], time, told.get("sha256", ""))
                elif told["event"] in ("repaired", "versioned"):
                    lost = {name: one for name, one in lost.items() if not one.is_over(told)}
        return list(lost.values())

    def _back(self, podcast_id: str, lost: "_Lost") -> FileFacts | None:
        """The file of an episode that is there in place of the one that was lost; None if there is none."""
        others = []
        for sidecar in self._described(podcast_id, lost.key.partition("/")[2]):
            name = sidecar.file.name
            ((_, read),) = self._reader.digests([(name, self._path(Place(podcast_id, name)))])
            if read.sha256 and read.sha256 == lost.sha256:
                return sidecar.file
            if read.sha256 == sidecar.file.sha256 and sidecar.capture and sidecar.capture.time > lost.time:
                others.append(sidecar.file)
        return others[0] if others else None

    def _note(self, event: str, place: Place, sha256: str) -> None:
        podcast_id, name = place
        key = f"{podcast_id}/{names.episode_of(name)}"
        with self._folder(podcast_id) as folder:
            append_events(folder, Event(event, self._agent, key, name, sha256 or None))

    def _content(self, place: Place) -> bytes:
        """What is in a file; nothing if it is not there."""
        with self._folder(place.podcast_id) as folder:
            if folder.found(place.name) is None:
                return b""
            with folder.read(place.name) as file:
                return file.read()

    @contextmanager
    def _folder(self, podcast_id: str) -> Iterator[Folder]:
        path = self._catalog.root / podcast_id
        try:
            with open_folder(path) as folder:
                yield folder
        except OSError as error:
            raise disk_error(path, error) from error

    def _path(self, place: Place) -> Path:
        return self._catalog.root.joinpath(*place)


class _Lost(NamedTuple):
    """A file that was damaged, or missing."""

    key: str
    #: When that was found.
    time: datetime
    #: What it was; empty if that is unknown.
    sha256: str

    def is_over(self, event: Mapping[str, str]) -> bool:
        """Whether the event says so. A node calls what it fetches again a version, too, if it was none of the first."""
        is_same = event.get("sha256", "") == self.sha256
        return event["episode"] == self.key and (event["event"] == "repaired" or not is_same)


def _free(folder: Folder, name: str) -> str:
    """A name that no file has, for one that is set aside."""
    return next(aside for aside in names.aside(name) if folder.found(aside) is None)


def _episode(place: Place) -> Episode:
    """What the name of a file tells of its episode."""
    episode_id, _, rest = place.name.partition(".")
    title = rest.rpartition(".")[0]
    version = names.version_of(place.name)
    return Episode(id=episode_id, podcast_id=place.podcast_id, title=title or names.UNTITLED, version=version)
