"""Opens the store that ``FILES_STORE`` names. A module of its own, so that no store imports another."""

from pathlib import Path

from scrapy.settings import BaseSettings

from podcrawler.exceptions import StoreError
from podcrawler.redis.connection import state_dir
from podcrawler.store.base import Store
from podcrawler.store.local import LocalStore


def open_store(settings: BaseSettings, *, min_free: int = 0) -> Store:
    """The store at ``FILES_STORE``, on whose disk ``min_free`` bytes stay free. StoreError if it cannot be made, or is
    of a kind that podcrawler does not support."""
    uri = str(settings["FILES_STORE"])
    scheme, separator, _ = uri.partition("://")
    if separator and scheme == "s3":
        # Needs boto3, which is an extra.
        from podcrawler.store.s3 import BucketStore

        spool = Path(settings["PODCRAWLER_SPOOL_DIR"] or state_dir(settings) / "spool")
        return BucketStore.from_settings(settings, LocalStore(spool, min_free=min_free, keep_cached=True))
    if separator and scheme != "file":
        raise StoreError(
            f"The store {uri} is of a kind that podcrawler does not know; set FILES_STORE to a folder or s3://BUCKET."
        )
    return LocalStore(uri, min_free=min_free)
