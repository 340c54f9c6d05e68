"""The folder of a store, for commands that work on the files of an archive themselves, and not through a store."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from podcrawler.exceptions import StoreError


def store_folder(settings: Mapping[str, Any]) -> Path:
    """Where the files are. StoreError if the store is no folder."""
    uri = str(settings["FILES_STORE"])
    scheme, _, path = uri.rpartition("://")
    if scheme not in ("", "file"):
        raise StoreError(
            f"The store {uri} is no folder, and this command works on files: copy the archive to a disk, and set "
            "FILES_STORE to that folder."
        )
    return Path(path)
