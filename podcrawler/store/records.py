"""The record of a podcast (``podcast.json``) that a list page finds missing: the node that was to write it was killed,
or the files were archived before there were records. No bucket is looked at."""

import logging
from collections.abc import Mapping
from typing import Any

from podcrawler.config import SidecarConfig
from podcrawler.following import Following
from podcrawler.items import Podcast
from podcrawler.store.description import note_podcast
from podcrawler.store.folder import folder_of
from podcrawler.store.fs import open_below
from podcrawler.store.names import folder_name
from podcrawler.store.sidecar import PODCAST_NAME

logger = logging.getLogger(__name__)


def lacks_record(settings: Mapping[str, Any], podcast_id: str) -> bool:
    """Whether the folder at ``FILES_STORE`` has one of the podcast, without its record. Blocking."""
    root = folder_of(settings)
    if root is None or not SidecarConfig.read(settings).sidecars:
        return False
    try:
        with open_below(root, [folder_name(podcast_id)]) as folder:
            return folder.found(PODCAST_NAME) is None
    except OSError:
        return False


def write_record(settings: Mapping[str, Any], podcast: Podcast, subscription: Following | None) -> None:
    """Write the record of a podcast that ``lacks_record``. That it cannot be written is logged. Blocking."""
    if root := folder_of(settings):
        try:
            with open_below(root, [folder_name(podcast.id)]) as folder:
                note_podcast(folder, podcast, subscription)
        except OSError as error:
            logger.warning("The record of %s is not written: %s", podcast.id, error.strerror)
