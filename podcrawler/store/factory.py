"""Opens the store that ``FILES_STORE`` names. Apart from the stores themselves, so that none of them knows another."""

from pathlib import Path

from scrapy.settings import BaseSettings

from podcrawler.exceptions import StoreError
from podcrawler.redis.connection import state_dir
from podcrawler.store.base import Store
from podcrawler.store.local import LocalStore


def open_store(settings: BaseSettings) -> Store:
    """The store at ``FILES_STORE``. StoreError if it cannot be made, or podcrawler has no code for its kind."""
    uri = str(settings["FILES_STORE"])
    scheme, separator, _ = uri.partition("://")
    if separator and scheme == "s3":
        # What it needs is not installed everywhere.
        from podcrawler.store.s3 import BucketStore

        spool = Path(settings["PODCRAWLER_SPOOL_DIR"] or state_dir(settings) / "spool")
        return BucketStore.from_settings(settings, spool)
    if separator and scheme != "file":
        raise StoreError(
            f"The store {uri} is of a kind that podcrawler does not know; set FILES_STORE to a folder or s3://BUCKET."
        )
    return LocalStore(uri)
