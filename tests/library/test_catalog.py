from pathlib import Path

import pytest

from podcrawler.library.catalog import Catalog
from podcrawler.store.sidecar import SidecarError
from tests.archives import CAPTURED, put_episode, put_podcast

SHOW = "show-0a1b2c3d"


def test_an_archive_tells_what_it_has(tmp_path: Path) -> None:
    podcast = put_podcast(tmp_path)
    paths = [put_episode(tmp_path, bytes([number]) * 100, number=number) for number in (1, 2)]
    catalog = Catalog(tmp_path)
    assert catalog.podcast_ids() == [SHOW]
    record = catalog.podcast(SHOW)
    assert record
    assert (record.podcast, record.time) == (podcast, CAPTURED)
    found = list(catalog.files(SHOW))
    assert [one.path for one in found] == paths
    assert [one.sidecar.key for one in found if one.sidecar] == [f"{SHOW}/1", f"{SHOW}/2"]


def test_what_is_missing_or_broken_is_told(tmp_path: Path) -> None:
    lonely, gone, broken = (put_episode(tmp_path, b"x", number=number) for number in (1, 2, 3))
    lonely.with_name(f"{lonely.name}.json").unlink()
    gone.unlink()
    broken.with_name(f"{broken.name}.json").write_text('{"format": "something else"}')
    (tmp_path / SHOW / "notes.json").touch()
    (tmp_path / SHOW / "4.title.token.part").touch()
    (tmp_path / "a folder of the user's").mkdir()
    found = {one.path: one for one in Catalog(tmp_path).files(SHOW)}
    assert Catalog(tmp_path).podcast(SHOW) is None
    assert found.keys() == {lonely, gone, broken}
    assert (found[lonely].sidecar, found[lonely].problem) == (None, "")
    assert found[gone].sidecar
    assert (found[broken].sidecar, found[broken].problem) == (None, "format: Input should be 'podcrawler sidecar 1'")


def test_a_broken_record_of_a_podcast_is_told(tmp_path: Path) -> None:
    put_podcast(tmp_path)
    (tmp_path / SHOW / "podcast.json").write_text("{")
    with pytest.raises(SidecarError, match="Invalid JSON"):
        Catalog(tmp_path).podcast(SHOW)
