"""A store in a bucket: ``FILES_STORE=s3://bucket/prefix``, on Amazon S3 or what speaks its language.

A transfer is streamed into a spool folder of this machine (``PODCRAWLER_SPOOL_DIR``), where it can be resumed as in a
local store. When it is complete it gets its final name there, which marks it as complete, and is uploaded; an object
exists as a whole or not at all. If the bucket cannot be reached then, the file waits in the spool, and the next lease
of the episode on this machine uploads it without another download.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, BinaryIO

from scrapy.settings import BaseSettings

from podcrawler.agent import Agent
from podcrawler.documents import recognize
from podcrawler.exceptions import MediaError, StoreError
from podcrawler.following import Following
from podcrawler.items import Podcast
from podcrawler.store import names, sniff
from podcrawler.store.base import Published, StoredFile
from podcrawler.store.beside import beside_of, free_name, with_beside
from podcrawler.store.bucket import (
    BotoCoreError,
    ClientError,
    Place,
    ReadFileChunk,
    code,
    explained,
    open_client,
    refused,
)
from podcrawler.store.covers import taken, told_in
from podcrawler.store.description import Description, changed_record
from podcrawler.store.fs_errors import disk_error
from podcrawler.store.local import LocalStore
from podcrawler.store.names import Destination
from podcrawler.store.part import PartFile
from podcrawler.store.sidecar import (
    PODCAST_NAME,
    BesideFile,
    PodcastRecord,
    Sidecar,
    SidecarError,
    dump_podcast,
    dumps,
    load_podcast,
    loads,
    sidecar_name,
)

#: Bytes above which a file is uploaded in parts, and of each part; S3 takes 10,000 parts of 5 MB or more.
_PART_SIZE = 8 * 1024 * 1024
_MAX_PARTS = 9_000
#: Bytes of an object that are read at once.
_PIECE = 1024 * 1024
#: The error codes of a service that has no conditional PUT.
_NO_CONDITIONS = ("NotImplemented", "501", "InvalidArgument", "InvalidRequest")
#: The error codes when the key exists.
_TAKEN = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409")


class BucketStore:
    """Objects named ``<prefix>/<podcast id>/<episode id>.<title>.<extension>``."""

    def __init__(self, uri: str, client: Any, spool: LocalStore) -> None:
        """``client`` is boto3's client of S3; ``spool`` has the files on their way to the bucket."""
        place = Place.of(uri)
        self._bucket, self._prefix, self._uri = place.bucket, place.prefix, place.uri
        self._client = client
        self._spool = spool

    @classmethod
    def from_settings(cls, settings: BaseSettings, spool: LocalStore) -> "BucketStore":
        """With Scrapy's settings for S3; boto3 finds those that are not set. StoreError if they cannot be used."""
        return cls(settings["FILES_STORE"], open_client(settings), spool)

    def check(self, *, again: bool = False) -> None:
        self._spool.check(again=again)
        if again:
            return
        name = f"{self._prefix}.check"
        try:
            with self._explained():
                # Asks for the right to write, and leaves nothing.
                upload = self._client.create_multipart_upload(Bucket=self._bucket, Key=name)
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=name, UploadId=upload["UploadId"])
                self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix, MaxKeys=1)
        except MediaError as error:
            raise StoreError(str(error)) from None

    def find(self, podcast_id: str, episode_id: str, version: int = 1) -> StoredFile | None:
        """As for every store. A file that waits in the spool is uploaded first."""
        if found := self._find_object(podcast_id, episode_id, version):
            return found
        waiting = self._spool.find(podcast_id, episode_id, version)
        if waiting is None:
            return None
        uploaded = self._upload(Destination(podcast_id, episode_id, waiting.path), sha256=None)
        return StoredFile(uploaded.path, uploaded.size)

    def new_part(
        self, podcast_id: str, episode_id: str, token: str, enclosure: str, *, is_first: bool = False
    ) -> PartFile:
        return self._spool.new_part(podcast_id, episode_id, token, enclosure, is_first=is_first)

    def may_have(self, podcast_id: str, episode_id: str) -> bool:  # noqa: ARG002 (every store's signature)
        # Only the bucket knows.
        return True

    def prove_with(self, key: bytes) -> None:
        self._spool.prove_with(key)

    def refresh(self, podcast_id: str, episode_id: str) -> None:
        self._spool.refresh(podcast_id, episode_id)

    def clean(self, podcast_id: str, episode_id: str) -> None:
        self._spool.clean(podcast_id, episode_id)

    def kept(self, podcast_id: str, episode_id: str) -> int:
        return self._spool.kept(podcast_id, episode_id)

    def reserve_path(self, destination: Destination) -> None:
        """None: everything has to be uploaded."""

    def introduce(self) -> None:
        """Nothing: who looks into a bucket has its documentation."""

    def note_podcast(self, podcast: Podcast, subscription: Following | None = None) -> None:
        folder = names.folder_name(podcast.id)
        with self._explained():
            before = self._content(f"{self._prefix}{folder}/{PODCAST_NAME}")
            if (record := changed_record(podcast, before, subscription)) is not None:
                self._put_record(folder, record)

    def note_found(self, found: StoredFile, description: Description) -> None:
        self._note_found(found.path, description)

    def described(self, path: str) -> Sidecar | None:
        folder, _, media = path.rpartition("/")
        with self._explained():
            sidecar = self._sidecar(path)
            if sidecar is None or not sidecar.beside:
                return sidecar
            told = beside_of(sidecar, media)
            return replace(sidecar, beside=[one for one in told if self._size(f"{folder}/{one.name}") == one.size])

    def amend(self, path: str, change: Callable[[Sidecar], Sidecar]) -> None:
        with self._explained():
            if sidecar := self._sidecar(path):
                self._put_sidecar(path, change(sidecar))

    def publish_beside(
        self,
        part: PartFile,
        path: str,
        told: BesideFile,
        is_held: Callable[[], bool],
        agent: Agent,  # noqa: ARG002 (a bucket has no events)
    ) -> BesideFile | None:
        """As for every store, but the former cover of a podcast is replaced if it has the same name."""
        part.seal()
        if not is_held():
            return None
        folder, _, media = path.rpartition("/")
        with self._explained(), part.content() as content:
            if media == PODCAST_NAME:
                return self._put_cover(folder, part, told, content)
            if (sidecar := self._sidecar(path)) is None:
                raise refused(self._uri, f"has lost the sidecar of {path}")
            name = free_name(sidecar, media, told, lambda name: self._is_free(f"{folder}/{name}", part))
            one = replace(told, name=name, size=part.received, sha256=part.sha256)
            self._put_sidecar(path, with_beside(sidecar, one))
            self._client.put_object(Bucket=self._bucket, Key=f"{self._prefix}{folder}/{name}", Body=content)
        return one

    def podcast_cover(self, podcast_id: str) -> BesideFile | None:
        folder = names.folder_name(podcast_id)
        with self._explained():
            cover = told_in(self._record(folder))
            return cover if cover and self._size(f"{folder}/{cover.name}") == cover.size else None

    def _put_cover(self, folder: str, part: PartFile, told: BesideFile, content: BinaryIO) -> BesideFile:
        if (record := self._record(folder)) is None:
            raise refused(self._uri, f"has lost the record of {folder}")
        former = told_in(record)
        cover = replace(told, name=f"cover.{told.name}", size=part.received, sha256=part.sha256)
        is_former = former is not None and former.name == cover.name
        if not is_former and not self._is_free(f"{folder}/{cover.name}", part):
            raise taken(cover.name)
        self._put_record(folder, dump_podcast(record.podcast, datetime.now(UTC), record.subscription, cover))
        self._client.put_object(Bucket=self._bucket, Key=f"{self._prefix}{folder}/{cover.name}", Body=content)
        return cover

    def _record(self, folder: str) -> PodcastRecord | None:
        try:
            return load_podcast(self._content(f"{self._prefix}{folder}/{PODCAST_NAME}"))
        except SidecarError:
            return None

    def _put_record(self, folder: str, record: bytes) -> None:
        self._client.put_object(Bucket=self._bucket, Key=f"{self._prefix}{folder}/{PODCAST_NAME}", Body=record)

    def _sidecar(self, path: str) -> Sidecar | None:
        try:
            return loads(self._content(self._prefix + sidecar_name(path)))
        except SidecarError:
            return None

    def _put_sidecar(self, path: str, sidecar: Sidecar) -> None:
        self._client.put_object(Bucket=self._bucket, Key=self._prefix + sidecar_name(path), Body=dumps(sidecar))

    def _is_free(self, path: str, part: PartFile) -> bool:
        """Whether no object has the name, or one with the bytes of the part."""
        size = self._size(path)
        if size != part.received:
            return size is None
        return hashlib.sha256(self._content(self._prefix + path)).hexdigest() == part.sha256

    def _size(self, path: str) -> int | None:
        """Bytes of an object; None if there is none."""
        target = {"Bucket": self._bucket, "Key": self._prefix + path}
        return int(self._client.head_object(**target)["ContentLength"]) if self._exists(target) else None

    def publish(
        self,
        part: PartFile,
        destination: Destination,
        is_held: Callable[[], bool],
        description: Description | None = None,
    ) -> Published | None:
        """As for every store. If the bucket refuses the file, it stays in the spool, and this raises MediaError
        (``store-error``)."""
        spooled = self._spool.publish(part, destination, is_held)
        if spooled is None:
            return None
        uploaded = self._upload(destination._replace(path=spooled.path), spooled.sha256)
        adopted = spooled.adopted or uploaded.adopted
        if description:
            self._note(uploaded.path, description, part, adopted=adopted)
        return uploaded._replace(adopted=adopted, sha256=None if adopted else uploaded.sha256)

    def _note(self, path: str, description: Description, part: PartFile, *, adopted: bool) -> None:
        """Put the sidecar of a file beside it."""
        if adopted:
            self._note_found(path, description, part.sha256)
            return
        notes = description.notes(path.rpartition("/")[2], part.received, part.sha256)
        with self._explained():
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + sidecar_name(path), Body=notes.sidecar)

    def _note_found(self, path: str, description: Description, came_sha256: str = "") -> None:
        """As ``description.note_found``."""
        key = self._prefix + path
        with self._explained():
            if self._exists({"Bucket": self._bucket, "Key": sidecar_name(key)}):
                return
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
            digest = hashlib.sha256()
            for piece in answer["Body"].iter_chunks(_PIECE):
                digest.update(piece)
            sha256 = digest.hexdigest()
            name = path.rpartition("/")[2]
            notes = description.notes(name, answer["ContentLength"], sha256, found=sha256 != came_sha256)
            self._client.put_object(Bucket=self._bucket, Key=sidecar_name(key), Body=notes.sidecar)

    def _content(self, key: str) -> bytes:
        """The bytes of a small object; none if there is no such object."""
        if not self._exists({"Bucket": self._bucket, "Key": key}):
            return b""
        return bytes(self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read())

    def _find_object(self, podcast_id: str, episode_id: str, version: int) -> StoredFile | None:
        folder = f"{self._prefix}{names.folder_name(podcast_id)}/"
        with self._explained():
            answer = self._client.list_objects_v2(Bucket=self._bucket, Prefix=f"{folder}{episode_id}.")
        sizes = {found["Key"].removeprefix(folder): found["Size"] for found in answer.get("Contents", ())}
        for name in names.of_version((name for name in sizes if "/" not in name), episode_id, version):
            if self._is_sound(f"{folder}{name}", sizes[name]):
                return StoredFile(f"{podcast_id}/{name}", sizes[name])
        return None

    def _upload(self, spooled: Destination, sha256: str | None) -> Published:
        """Bring a complete file of the spool to the bucket, and remove it from the spool."""
        try:
            with self._spool.open_file(spooled.path) as source:
                size = os.fstat(source.fileno()).st_size
                with self._explained():
                    published = self._put_or_adopt(source, size, spooled, sha256)
                    key = self._prefix + published.path
                    found = self._client.head_object(Bucket=self._bucket, Key=key)["ContentLength"]
            if not published.adopted and found != size:
                raise refused(self._uri, f"has {published.path} with {found} bytes, which is not what was sent")
            self._spool.remove_file(spooled.path)
        except OSError as error:
            raise disk_error(self._spool.root / spooled.path, error) from error
        return published._replace(size=found)

    def _put_or_adopt(self, source: BinaryIO, size: int, destination: Destination, sha256: str | None) -> Published:
        for candidate in (destination, destination.disambiguated()):
            if self._put(source, size, candidate.path):
                return Published(candidate.path, size, sha256)
            key = self._prefix + candidate.path
            found = self._client.head_object(Bucket=self._bucket, Key=key)["ContentLength"]
            # Any other name than the default may belong to another episode, but for the disambiguated one.
            is_ours = destination.is_default or (candidate is not destination and found == size)
            if is_ours and self._is_sound(key, found):
                return Published(candidate.path, found, None, adopted=True)
        raise refused(self._uri, "has broken files under the names of this one: remove them")

    def _put(self, source: BinaryIO, size: int, path: str) -> bool:
        """Upload the file, unless an object has the key; whether it was uploaded."""
        target = {"Bucket": self._bucket, "Key": self._prefix + path}
        for condition in ({"IfNoneMatch": "*"}, {}):
            if not condition and self._exists(target):
                return False
            try:
                self._send(source, size, target, condition)
                return True
            except ClientError as error:
                if code(error) in _TAKEN and condition:
                    return False
                if code(error) not in _NO_CONDITIONS or not condition:
                    raise
        raise AssertionError("the loop above returns or raises")

    def _send(self, source: BinaryIO, size: int, target: dict[str, str], condition: dict[str, str]) -> None:
        if size <= _PART_SIZE:
            source.seek(0)
            self._client.put_object(**target, **condition, Body=source)
            return
        upload = {**target, "UploadId": self._client.create_multipart_upload(**target)["UploadId"]}
        try:
            length = max(_PART_SIZE, -(-size // _MAX_PARTS))
            parts = []
            for number, start in enumerate(range(0, size, length), 1):
                # Reads while it sends, and closes what it read.
                piece = open(os.dup(source.fileno()), "rb")  # noqa: PTH123, SIM115
                piece.seek(start)
                with ReadFileChunk(piece, length, size) as body:
                    answer = self._client.upload_part(**upload, PartNumber=number, Body=body)
                parts.append({"PartNumber": number, "ETag": answer["ETag"]})
            self._client.complete_multipart_upload(**upload, **condition, MultipartUpload={"Parts": parts})
        except BaseException:
            with suppress(BotoCoreError, ClientError):
                self._client.abort_multipart_upload(**upload)
            raise

    def _exists(self, target: dict[str, str]) -> bool:
        try:
            self._client.head_object(**target)
        except ClientError as error:
            if code(error) in ("404", "NoSuchKey"):
                return False
            raise
        return True

    def _is_sound(self, key: str, size: int) -> bool:
        """Whether an object can be a media file, by its first bytes."""
        if not size:
            return False
        answer = self._client.get_object(Bucket=self._bucket, Key=key, Range=f"bytes=0-{sniff.MAX_HEAD - 1}")
        document = recognize(answer["Body"].read())
        return document is None or key.rpartition(".")[2] in document.extensions

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            with explained(self._uri):
                yield
        except OSError as error:
            raise disk_error(self._spool.root, error) from error
