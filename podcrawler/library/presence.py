"""Whether the files of finished episodes are still there: compares the record with what the store lists.

Only what this very store has had is looked for: a file that is recorded for another store, or for none that is known,
may be on a disk of another machine. Nothing is concluded either where a whole folder is missing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from redis import Redis

from podcrawler.calling import called
from podcrawler.exceptions import MediaError
from podcrawler.queue.records import Change, Recorded, Records
from podcrawler.queue.values import DROPPED
from podcrawler.store import names
from podcrawler.store.identity import store_id
from podcrawler.store.listing import ListedFile, open_listing

#: So many files with other sizes, and more than half of all, are no damage: somebody has changed their tags.
_MANY = 10


@dataclass(slots=True)
class Checked:
    """What was found of one podcast."""

    #: The ids of the episodes that are not finished any more, and wanted again.
    lost: list[str] = field(default_factory=list)
    #: What the user should know.
    sentences: list[str] = field(default_factory=list)


class Presence:
    """Compares the podcasts of one archive with the store of this machine. Blocks on Redis and on the store."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        redis: Redis,
        *,
        keep_deleted: bool = False,
        keep_changed: bool = False,
        is_dry: bool = False,
    ) -> None:
        """``keep_deleted``: files that are gone were removed on purpose. ``keep_changed``: those with another size are
        right as they are. ``is_dry``: nothing is changed, but what would be is told. StoreError if there is no such
        store."""
        self._uri = str(settings["FILES_STORE"])
        self._listing = open_listing(settings)
        self._records = Records.from_settings(settings, redis)
        self._store, self._is_new_store = store_id(settings, make=not is_dry)
        self._is_dry = is_dry
        self._keep_deleted = keep_deleted
        self._keep_changed = keep_changed

    def check(self, podcast_id: str, *, adopt: bool = False) -> Checked:
        """List the podcast's folder once. An episode whose file is gone, or has another size, is not finished any more,
        and is queued again when its podcast lists it. A file of another size is kept under another name. ``adopt``: the
        files here count, whatever store is recorded to have them."""
        checked = Checked()
        expected: dict[str, Recorded] = {}
        elsewhere = 0
        # Before the folder is listed: what is recorded was published before.
        for one in self._records.finished(podcast_id):
            if adopt or one.store in ("", self._store):
                expected[one.id] = one
            elif one.store != DROPPED:
                elsewhere += 1
        if self._is_new_store and elsewhere:
            checked.sentences.append(
                f"{podcast_id}: {_files(elsewhere)} recorded in another store than {self._uri}, which is new: see "
                "that its disk is mounted. Nothing is downloaded again."
            )
        if not expected or not self._store:
            return checked
        try:
            self._compare(podcast_id, expected, checked)
        except MediaError as error:
            checked.sentences.append(f"{podcast_id}: whether its files are still there is unknown: {error}")
        return checked

    def _compare(self, podcast_id: str, expected: dict[str, Recorded], checked: Checked) -> None:
        """As ``check``; ``expected`` is used up. Raises MediaError."""
        files = self._listing.files(podcast_id)
        of_store = sum(one.store == self._store for one in expected.values())
        if files is None:
            if of_store:
                checked.sentences.append(
                    f"{podcast_id}: {self._listing.place(podcast_id)} is not there, where {_files(of_store)} archived: "
                    "see that its disk is mounted. Nothing is downloaded again, unless the folder is there."
                )
            return
        changed: dict[str, ListedFile] = {}
        self._change(podcast_id, self._found(files, expected, changed))
        missing = [one for one in expected.values() if one.store == self._store]
        gone = [one for one in missing if one.id not in changed]
        self._lose(podcast_id, gone, checked)
        if resized := [(one, changed[one.id]) for one in missing if one.id in changed]:
            self._replace(podcast_id, resized, of_store, checked)

    def _found(
        self, files: Iterator[ListedFile], expected: dict[str, Recorded], changed: dict[str, ListedFile]
    ) -> Iterator[Change]:
        """Take the episodes out of ``expected`` whose files are there; those of which there are only files of other
        sizes are in ``changed``. The changes note that this store has the files."""
        for file in files:
            one = expected.get(file.episode_id)
            if one and one.size == file.size:
                del expected[one.id]
                if one.store != self._store:
                    yield one.found(one.size, self._store)
            # Earlier versions of the file have sizes of their own.
            elif one and (one.version == 1 or names.version_of(file.name) == one.version):
                changed[one.id] = file

    def _change(self, podcast_id: str, changes: Iterable[Change], *, on_purpose: bool = False) -> None:
        # What is found counts all the same.
        found = list(changes)
        if not self._is_dry:
            self._records.change(podcast_id, found, on_purpose=on_purpose)

    def _lose(self, podcast_id: str, gone: list[Recorded], checked: Checked) -> None:
        """Have files downloaded again that are gone. Raises MediaError."""
        if not gone:
            return
        changes = (one.gone() for one in gone)
        self._change(podcast_id, changes, on_purpose=self._keep_deleted)
        if not self._is_dry:
            self._listing.forget_missing(podcast_id)
        if self._keep_deleted:
            checked.sentences.append(
                f"{podcast_id}: {_files(len(gone))} gone, which is taken as on purpose: not downloaded again."
            )
            return
        checked.lost += [one.id for one in gone]
        checked.sentences.append(
            f"{podcast_id}: {_files(len(gone))} gone, and downloaded again where the podcast still lists the episode; "
            "not with --keep-deleted."
        )

    def _replace(
        self, podcast_id: str, resized: list[tuple[Recorded, ListedFile]], of_store: int, checked: Checked
    ) -> None:
        """Have files downloaded again that have other sizes than is recorded. Raises MediaError."""
        if self._keep_changed:
            changes = (one.found(file.size, self._store) for one, file in resized)
            self._change(podcast_id, changes)
            checked.sentences.append(f"{podcast_id}: {_files(len(resized))} recorded with the sizes they have now.")
            return
        if len(resized) >= _MANY and 2 * len(resized) > of_store:
            checked.sentences.append(
                f"{podcast_id}: {len(resized)} of {of_store} files have other sizes than when they were archived, as "
                "after a change of their tags: they are left as they are. "
                f"`{called()} import {self._uri} --keep-changed` records them so; those that you remove are downloaded "
                "again."
            )
            return
        for one, file in resized:
            kept = file.name if self._is_dry else self._listing.set_aside(podcast_id, file.name)
            self._change(podcast_id, [one.gone()])
            checked.lost.append(one.id)
            checked.sentences.append(
                f"{podcast_id}: {file.name} has {file.size} bytes, and had {one.size} when it was archived: it is kept "
                f"as {kept}, and downloaded again if the podcast still lists it."
            )


def _files(count: int) -> str:
    return "1 file is" if count == 1 else f"{count} files are"
