"""A user's own pipeline: Scrapy's documented hook ``file_path`` names the files."""

import subprocess
from pathlib import Path
from textwrap import dedent

from podcrawler.store.sidecar import loads
from tests.conftest import Client, Commands
from tests.origin import RunningOrigin

PIPELINE = """
    from podcrawler.media.pipeline import EpisodeFilesPipeline


    class Mine(EpisodeFilesPipeline):
        def file_path(self, request, response=None, info=None, *, item=None):
            return f"FOLDER/{item.podcast_id} pilot.{response.extension}"
"""


def use_pipeline(fleet: Commands, folder: str) -> tuple[str, ...]:
    """Options for a node with a pipeline whose files all have the same name in ``folder``."""
    (fleet.folder / "mine.py").write_text(dedent(PIPELINE).replace("FOLDER", folder))
    fleet.environment["PYTHONPATH"] = str(fleet.folder)
    ours = "podcrawler.media.pipeline.EpisodeFilesPipeline"
    return ("-s", f'ITEM_PIPELINES={{"mine.Mine": 500, "{ours}": null}}')


def media(archive: Path) -> list[str]:
    found = (path for path in archive.rglob("*") if path.is_file() and not {".podcrawler", ".visits"} & {*path.parts})
    return sorted(str(path.relative_to(archive)) for path in found if path.suffix not in (".json", ".jsonl", ".txt"))


def test_files_get_the_names_that_it_chooses_and_none_replaces_another(
    fleet: Commands, redis: Client, origin: RunningOrigin
) -> None:
    options = use_pipeline(fleet, "by show/all")
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=3&size=1000")
    ended = fleet.drain(*options)
    assert ended.status == 0, ended.err
    names = media(fleet.archive)
    assert len(names) == 3
    assert all(name.startswith("by show/all/") and name.endswith(".mp3") for name in names)
    assert [("~" in name) for name in names].count(False) == 1
    assert {path.stat().st_size for path in fleet.archive.rglob("*.mp3")} == {1000}
    sidecars = [loads((fleet.archive / f"{name}.json").read_bytes()) for name in names]
    assert {one.file.name for one in sidecars} == {name.rpartition("/")[2] for name in names}
    assert len({one.key for one in sidecars}) == 3
    subprocess.run(["sha256sum", "-c", "manifest-sha256.txt"], cwd=fleet.archive / "by show/all", check=True)


def test_a_name_that_leads_outside_is_refused_in_a_sentence(
    fleet: Commands, redis: Client, origin: RunningOrigin
) -> None:
    options = use_pipeline(fleet, "../elsewhere")
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=1&size=1000")
    ended = fleet.drain(*options)
    assert ended.status == 1, ended.err
    assert "[file-path]: '../elsewhere/" in ended.err
    assert "correct file_path of Mine" in ended.err
    assert "Traceback" not in ended.err
    assert media(fleet.folder) == ["mine.py"]
