"""A store is known by an id of its own."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from podcrawler.store.identity import NAME, StoreId, store_id


def settings(folder: Path | str) -> dict[str, str]:
    return {"FILES_STORE": str(folder)}


def test_a_folder_gets_an_id_once_and_keeps_it(tmp_path: Path) -> None:
    assert store_id(settings(tmp_path)) == StoreId("")
    made = store_id(settings(tmp_path), make=True)
    assert (len(made.id), made.is_new) == (8, True)
    assert store_id(settings(tmp_path), make=True) == StoreId(made.id)
    moved = tmp_path.with_name("moved")
    tmp_path.rename(moved)
    assert store_id(settings(f"file://{moved}")) == StoreId(made.id)
    assert [path.name for path in moved.iterdir()] == [NAME]


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert store_id(settings(tmp_path / "none"), make=True) == StoreId("")
    assert not (tmp_path / "none").exists()


def test_nodes_that_start_at_once_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: store_id(settings(tmp_path), make=True), range(32)))
    assert len({each.id for each in made}) == 1
    assert sum(each.is_new for each in made) == 1


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"../../etc\n", b"12345678\n" * 100])
def test_what_is_no_id_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    assert store_id(settings(tmp_path), make=True) == StoreId("")
    assert (tmp_path / NAME).read_bytes() == content


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("12345678\n")
    (tmp_path / NAME).symlink_to(tmp_path / "other")
    assert store_id(settings(tmp_path), make=True) == StoreId("")


def test_a_bucket_is_known_by_its_address() -> None:
    one = store_id(settings("s3://bucket/a"))
    assert one == store_id(settings("s3://bucket/a/"), make=True)
    assert one.id != store_id(settings("s3://bucket/b")).id
    assert one.id != store_id({**settings("s3://bucket/a"), "AWS_ENDPOINT_URL": "http://minio:9000"}).id
