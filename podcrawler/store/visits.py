"""The pages and feeds that visits of a podcast read, as their hosts sent them, compressed: what a publisher has listed
at a time stays there to be read, whatever podcrawler made of it.

They are in a hidden folder of the store, for its owner alone: an answer may have tokens in it, where sidecars have
none. A bucket has none of them.
"""

import gzip
import hashlib
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scrapy.http import HtmlResponse, JsonResponse, Response, XmlResponse

from podcrawler.config import SidecarConfig
from podcrawler.store import names
from podcrawler.store.folder import folder_of
from podcrawler.store.fs import Folder, open_below
from podcrawler.store.journal import put

logger = logging.getLogger(__name__)

#: In the store; it has a folder for each podcast.
FOLDER = ".visits"
_DIGITS = 16
_NAME = re.compile(rf"\d{{8}}T\d{{6}}Z\.[0-9a-f]{{{_DIGITS}}}\.[a-z]+\.gz")


def keep_visit(settings: Mapping[str, Any], podcast_id: str, response: Response) -> None:
    """Keep what a page or feed was when it was read, unless the same bytes are there already; of what is kept of the
    podcast, the oldest goes when there are more than PODCRAWLER_VISITS_SIZE bytes. That it cannot be written is logged.
    Blocking."""
    config = SidecarConfig.read(settings)
    root = folder_of(settings)
    if root is None or not (config.sidecars and config.visits_size):
        return
    try:
        with _opened(root, podcast_id, create=True) as folder:
            _keep(folder, response, config.visits_size)
    except OSError as error:
        path = root / FOLDER / podcast_id
        logger.warning("What %s listed is not kept: %s: %s", podcast_id, path, error.strerror)


def move_visits(root: Path, gone: str, kept: str) -> None:
    """Move what is kept of one podcast to what is kept of another. Blocking. Raises OSError."""
    with suppress(FileNotFoundError), _opened(root, gone) as old, _opened(root, kept, create=True) as new:
        for name in old.names():
            if _NAME.fullmatch(name):
                os.rename(name, name, src_dir_fd=old.fd, dst_dir_fd=new.fd)
        new.sync()
        # What is left in it is not podcrawler's.
        with suppress(OSError):
            (root / FOLDER / gone).rmdir()


@contextmanager
def _opened(root: Path, podcast_id: str, *, create: bool = False) -> Iterator[Folder]:
    """The folder of a podcast, which is made if need be and ``create``. Raises OSError."""
    with open_below(root, [FOLDER], create=create) as folder:
        folder.restrict()
        with folder.inner(names.folder_name(podcast_id), create=create) as inner:
            yield inner


def _keep(folder: Folder, response: Response, room: int) -> None:
    """Raises OSError."""
    digest = hashlib.sha256(response.body).hexdigest()[:_DIGITS]
    kept = sorted(found[0] for found in map(_NAME.fullmatch, folder.names()) if found)
    if any(f".{digest}." in name for name in kept):
        return
    # The same bytes for the same page, on each machine.
    content = gzip.compress(response.body, mtime=0)
    if len(content) > room:
        return
    put(folder, f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.{digest}.{_extension(response)}.gz", content)
    for name in reversed(kept):
        if found := folder.found(name):
            room -= found.st_size
        if room < len(content):
            folder.remove(name)
    folder.sync()


def _extension(response: Response) -> str:
    match response:
        case HtmlResponse():
            return "html"
        case XmlResponse():
            return "xml"
        case JsonResponse():
            return "json"
    return "txt"
