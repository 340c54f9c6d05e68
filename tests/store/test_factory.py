"""Which store ``FILES_STORE`` opens. That of buckets is in test_s3.py."""

from pathlib import Path

import pytest
from scrapy.settings import Settings

from podcrawler.exceptions import DiskFullError, StoreError
from podcrawler.store.factory import open_store
from podcrawler.store.local import LocalStore


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_folder_is_a_local_store(tmp_path: Path, scheme: str) -> None:
    store = open_store(Settings({"FILES_STORE": f"{scheme}{tmp_path}/archive"}))
    assert isinstance(store, LocalStore)
    assert store.root == tmp_path / "archive"


@pytest.mark.parametrize("uri", ["gs://archive", "ftp://example.com/archive"])
def test_a_kind_that_is_not_known_is_refused_with_what_to_set(uri: str) -> None:
    with pytest.raises(StoreError, match=r"of a kind that podcrawler does not know; set FILES_STORE"):
        open_store(Settings({"FILES_STORE": uri}))


async def test_what_shall_stay_free_holds_for_its_parts(tmp_path: Path) -> None:
    store = open_store(Settings({"FILES_STORE": str(tmp_path)}), min_free=2**60)
    part = store.new_part("show", "1", "token", "https://example.com/1.mp3")
    with pytest.raises(DiskFullError):
        await part.write([b"x"])
    await part.discard()
