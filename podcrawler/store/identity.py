"""Which store this is: what is recorded of a file names the store that has it, because another machine may hold that.

A folder has its id in a file, which stays with the others wherever the disk is mounted. A bucket is known by its
address.
"""

import hashlib
import os
import re
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

from podcrawler.store.folder import folder_of, is_bucket
from podcrawler.store.fs import Folder, open_below

NAME = ".podcrawler-store"
_ID = re.compile(r"[0-9a-f]{8}")


class StoreId(NamedTuple):
    """The id of a store."""

    #: Empty if it has none.
    id: str
    #: Whether it has just been made.
    is_new: bool = False


def store_id(settings: Mapping[str, Any], *, make: bool = False) -> StoreId:
    """The id of the store at ``FILES_STORE``. ``make``: a folder gets one if it has none, and it can be written. A
    folder that does not exist is not made. Blocking."""
    if is_bucket(settings):
        address = f"{settings.get('AWS_ENDPOINT_URL') or ''} {settings['FILES_STORE'].rstrip('/')}"
        return StoreId(hashlib.sha256(address.encode()).hexdigest()[:8])
    if (folder := folder_of(settings)) is None:
        return StoreId("")
    try:
        with open_below(folder, ()) as root:
            found = _read(root)
            return _make(root) if make and not found else StoreId(found)
    except OSError:
        return StoreId("")


def _read(root: Folder) -> str:
    try:
        with root.read(NAME) as file:
            found = file.read(100).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return ""
    return found if _ID.fullmatch(found) else ""


def _make(root: Folder) -> StoreId:
    """Raises OSError."""
    made = secrets.token_hex(4)
    temporary = f"{NAME}.{made}"
    file = root.new_file(temporary)
    try:
        os.write(file, f"{made}\n".encode())
        os.fsync(file)
        root.link(temporary, file, root, NAME)
    except FileExistsError:
        # Another node was first.
        return StoreId(_read(root))
    finally:
        os.close(file)
        root.remove(temporary)
    return StoreId(made, is_new=True)
