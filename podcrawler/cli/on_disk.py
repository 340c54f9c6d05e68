"""What commands do alike that work on an archive's files, and need no Redis."""

from collections.abc import Collection, Sequence

from podcrawler.cli.nearest import did_you_mean
from podcrawler.exceptions import StoreError, UsageError
from podcrawler.library.catalog import Catalog
from podcrawler.namespace import AnySettings
from podcrawler.store.folder import store_folder


def opened_catalog(settings: AnySettings) -> tuple[Catalog, list[str]]:
    """The archive at ``FILES_STORE``, and the podcasts that have a folder there. Raises StoreError."""
    catalog = Catalog(store_folder(settings))
    try:
        return catalog, catalog.podcast_ids()
    except OSError as error:
        raise StoreError(
            f"There is no archive in {catalog.root} that can be read ({error.strerror}); set FILES_STORE to its folder."
        ) from None


def check_known(given: Sequence[str], known: Collection[str]) -> None:
    """Raise UsageError for the first podcast that is not known."""
    for podcast_id in given:
        if podcast_id not in known:
            meant = did_you_mean(podcast_id, known, "each podcast has a folder that is named after its id.")
            raise UsageError(f"There is no podcast {podcast_id} in this archive; {meant}")
