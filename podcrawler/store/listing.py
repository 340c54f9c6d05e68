"""The media files that a store has of a podcast, as it lists them: their names and sizes, and nothing of their bytes.

Apart from the stores themselves, because commands that only look at files open no store for transfers, and do without
Scrapy.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from podcrawler.store import names
from podcrawler.store.folder import folder_of, is_bucket, unknown_kind
from podcrawler.store.fs import Folder, open_folder
from podcrawler.store.fs_errors import disk_error
from podcrawler.store.journal import SIDECAR_SUFFIX, correct_manifest, read_manifest


class ListedFile(NamedTuple):
    """A media file."""

    episode_id: str
    #: In the podcast's folder.
    name: str
    #: Bytes.
    size: int


class Listing(Protocol):
    """What lists the files of one store. Blocking."""

    def files(self, podcast_id: str) -> Iterator[ListedFile] | None:
        """The podcast's media files, in no order; None if the store has no folder for the podcast. Raises MediaError if
        they cannot be listed."""

    def place(self, podcast_id: str) -> str:
        """The podcast's folder, for people."""

    def forget_missing(self, podcast_id: str) -> None:
        """Have the manifest tell nothing of files that are gone: other bytes may come in their place. Raises
        MediaError."""

    def set_aside(self, podcast_id: str, name: str) -> str:
        """Give a file another name, by which it is no media file any more, and its sidecar one that fits; that name.
        Raises MediaError."""


def open_listing(settings: Mapping[str, Any]) -> Listing:
    """What lists the store at ``FILES_STORE``. StoreError if it is of a kind that podcrawler does not know."""
    if is_bucket(settings):
        return BucketListing(settings)
    if (folder := folder_of(settings)) is None:
        raise unknown_kind(settings)
    return FolderListing(folder)


class FolderListing:
    """A store in a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def files(self, podcast_id: str) -> Iterator[ListedFile] | None:
        path = self._root / names.folder_name(podcast_id)
        try:
            return _listed(open_folder(path), path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise disk_error(path, error) from error

    def place(self, podcast_id: str) -> str:
        return str(self._root / podcast_id)

    def forget_missing(self, podcast_id: str) -> None:
        path = self._root / names.folder_name(podcast_id)
        try:
            with open_folder(path) as folder:
                present = set(folder.names())
                correct_manifest(folder, {name: None for name in read_manifest(folder) if name not in present})
        except OSError as error:
            raise disk_error(path, error) from error

    def set_aside(self, podcast_id: str, name: str) -> str:
        path = self._root / names.folder_name(podcast_id)
        try:
            with open_folder(path) as folder:
                aside = next(other for other in names.aside(name) if folder.found(other) is None)
                folder.rename(name, aside)
                correct_manifest(folder, {name: None})
                with suppress(FileNotFoundError):
                    folder.rename(name + SIDECAR_SUFFIX, aside + SIDECAR_SUFFIX)
                return aside
        except OSError as error:
            raise disk_error(path / name, error) from error


def _listed(folder: Folder, path: Path) -> Iterator[ListedFile]:
    try:
        with folder, os.scandir(folder.fd) as entries:
            for entry in entries:
                if (episode_id := names.episode_of(entry.name)) and (found := folder.found_file(entry.name)):
                    yield ListedFile(episode_id, entry.name, found.st_size)
    except OSError as error:
        raise disk_error(path, error) from error


class BucketListing:
    """A store in a bucket. A folder without objects does not exist there."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        # Needs boto3, which is an extra.
        from podcrawler.store.bucket import Place, explained, open_client

        self._place = Place.of(settings["FILES_STORE"])
        self._client = open_client(settings)
        self._explained = explained

    def files(self, podcast_id: str) -> Iterator[ListedFile] | None:
        folder = f"{self._place.prefix}{names.folder_name(podcast_id)}/"
        objects = self._objects(folder)
        first = next(objects, None)
        return None if first is None else self._listed(chain([first], objects), len(folder))

    def place(self, podcast_id: str) -> str:
        return f"{self._place.uri}{podcast_id}/"

    def forget_missing(self, podcast_id: str) -> None:
        """Nothing: a bucket has no manifests."""

    def set_aside(self, podcast_id: str, name: str) -> str:
        bucket, folder = self._place.bucket, f"{self._place.prefix}{names.folder_name(podcast_id)}/"
        sizes = {found["Key"][len(folder) :]: found["Size"] for found in self._objects(f"{folder}{name}")}
        # Another one of that size is this one's copy, whose original could not be deleted.
        aside = next(other for other in names.aside(name) if sizes.get(other) in (None, sizes.get(name)))
        with self._explained(self._place.uri):
            for old, new in ((name + SIDECAR_SUFFIX, aside + SIDECAR_SUFFIX), (name, aside)):
                if old in sizes and new not in sizes:
                    self._client.copy({"Bucket": bucket, "Key": f"{folder}{old}"}, bucket, f"{folder}{new}")
                if old in sizes:
                    self._client.delete_object(Bucket=bucket, Key=f"{folder}{old}")
        return aside

    def _objects(self, prefix: str) -> Iterator[dict[str, Any]]:
        with self._explained(self._place.uri):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._place.bucket, Prefix=prefix)
            for page in pages:
                yield from page.get("Contents", ())

    @staticmethod
    def _listed(objects: Iterable[dict[str, Any]], start: int) -> Iterator[ListedFile]:
        for found in objects:
            name = found["Key"][start:]
            if "/" not in name and (episode_id := names.episode_of(name)):
                yield ListedFile(episode_id, name, found["Size"])
