"""Whether a podcast that a user names by its id is one that Redis knows."""

from podcrawler.calling import called
from podcrawler.cli.nearest import did_you_mean
from podcrawler.exceptions import UsageError
from podcrawler.queue.inventory import Inventory


def check_podcast(inventory: Inventory, podcast_id: str) -> None:
    """Raise UsageError, with the id that was meant if one is near, unless it is known."""
    if podcast_id not in (known := inventory.podcast_ids()):
        meant = did_you_mean(podcast_id, known, f"`{called()} podcasts` lists those there are.")
        raise UsageError(f"There is no podcast {podcast_id}; {meant}")
