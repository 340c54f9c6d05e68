"""Notes in the events of a store that the publishers of episodes list them no more, as far as it has their files."""

import logging
from collections.abc import Collection, Mapping
from typing import Any

from podcrawler.agent import Agent
from podcrawler.config import SidecarConfig
from podcrawler.store import names
from podcrawler.store.folder import folder_of
from podcrawler.store.fs import open_folder
from podcrawler.store.journal import Event, append_events

logger = logging.getLogger(__name__)


def note_withdrawn(settings: Mapping[str, Any], podcast_id: str, episode_ids: Collection[str]) -> None:
    """Write an event for each of the episodes that the folder at ``FILES_STORE`` has a file of; none for a bucket. That
    it cannot be written is logged. Blocking."""
    root = folder_of(settings)
    if root is None or not SidecarConfig.read(settings).sidecars:
        return
    path = root / names.folder_name(podcast_id)
    agent = str(Agent.read(settings))
    try:
        with open_folder(path) as folder:
            # Of several versions of a file the last one.
            files = {names.episode_of(name): name for name in sorted(folder.names(), key=names.version_of)}
            events = [
                Event("withdrawn", agent, f"{podcast_id}/{one}", files[one]) for one in episode_ids if one in files
            ]
            if events:
                append_events(folder, *events)
    except FileNotFoundError:
        pass
    except OSError as error:
        logger.warning("That %s lists episodes no more is not written down: %s: %s", podcast_id, path, error.strerror)
