"""Whether the store at ``FILES_STORE`` is a folder or a bucket; and that folder, for what works on the files of an
archive itself, and not through a store."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from podcrawler.exceptions import StoreError


def is_bucket(settings: Mapping[str, Any]) -> bool:
    return str(settings["FILES_STORE"]).startswith("s3://")


def folder_of(settings: Mapping[str, Any]) -> Path | None:
    """Where the files are; None if the store is no folder."""
    scheme, _, path = str(settings["FILES_STORE"]).rpartition("://")
    return Path(path) if scheme in ("", "file") else None


def store_folder(settings: Mapping[str, Any]) -> Path:
    """Where the files are. StoreError if the store is no folder."""
    if (folder := folder_of(settings)) is None:
        raise StoreError(
            f"The store {settings['FILES_STORE']} is no folder, and this command works on files: copy the archive to a "
            "disk, and set FILES_STORE to that folder."
        )
    return folder


def unknown_kind(settings: Mapping[str, Any]) -> StoreError:
    """The error for a store that is neither."""
    uri = settings["FILES_STORE"]
    return StoreError(
        f"The store {uri} is of a kind that podcrawler does not know; set FILES_STORE to a folder or s3://BUCKET."
    )
