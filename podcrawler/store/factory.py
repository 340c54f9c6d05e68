"""Opens the store that ``FILES_STORE`` names. A module of its own, so that no store imports another."""

from pathlib import Path

from scrapy.settings import BaseSettings

from podcrawler.redis.connection import state_dir
from podcrawler.store.base import Store
from podcrawler.store.folder import folder_of, is_bucket, unknown_kind
from podcrawler.store.local import LocalStore


def open_store(settings: BaseSettings, *, min_free: int = 0) -> Store:
    """The store at ``FILES_STORE``, on whose disk ``min_free`` bytes stay free. StoreError if it cannot be made, or is
    of a kind that podcrawler does not support."""
    if is_bucket(settings):
        # Needs boto3, which is an extra.
        from podcrawler.store.s3 import BucketStore

        spool = Path(settings["PODCRAWLER_SPOOL_DIR"] or state_dir(settings) / "spool")
        return BucketStore.from_settings(settings, LocalStore(spool, min_free=min_free, keep_cached=True))
    if (folder := folder_of(settings)) is None:
        raise unknown_kind(settings)
    return LocalStore(folder, min_free=min_free)
