"""What commands do with the files beside media files: they are checked, handed on, and go where these go."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.archives import assert_described
from tests.builders import seed
from tests.changing_web import AUDIO, Web, changing_web
from tests.conftest import Client, Commands
from tests.media.beside import ALL, PICTURE, asked, beside, cover, everything, feed_of, item
from tests.stand_in import Page


@pytest.fixture
def web() -> Iterator[Web]:
    with changing_web() as web:
        yield web


@pytest.fixture
def podcast(fleet: Commands, redis: Client, web: Web) -> Path:
    """The folder of a podcast with one episode, which has all that there may be."""
    return archived(fleet, redis, web, everything(web))


def archived(fleet: Commands, redis: Client, web: Web, *items: str, name: str = "feed") -> Path:
    web.pages[f"/{name}.xml"] = feed_of(*items)
    before = set(fleet.archive.glob("[!.]*/"))
    seed(redis, address := f"{web.address}/{name}.xml")
    assert fleet.drain(*ALL, "-s", "PODCRAWLER_RETRY_DELAY=0.01").status == 0
    found = {path for path in fleet.archive.glob("[!.]*/") if path.is_dir()}
    return next(iter(found - before), fleet.archive / redis.hget("{podcrawler}:addresses", address).decode())


def test_verify_finds_what_is_damaged_or_missing_and_a_node_repairs_it(
    fleet: Commands, web: Web, podcast: Path
) -> None:
    right = beside(fleet)
    assert fleet.run("verify", "--deep").out == "7 files (19.0 kB), 7 of them read: all well.\n"
    (podcast / "one.One more.jpg").unlink()
    (podcast / "one.One more.srt").write_bytes(b"cut")
    same_size = bytearray(right["one.One more.zh-Hant.vtt"])
    same_size[-2] ^= 1
    (podcast / "one.One more.zh-Hant.vtt").write_bytes(same_size)
    manifest = podcast / "manifest-sha256.txt"
    lines = manifest.read_text(encoding="utf-8").splitlines(keepends=True)
    manifest.write_text("".join(line for line in lines if "chapters" not in line), encoding="utf-8")

    def found(*options: str) -> list[tuple[str, str]]:
        told = fleet.run("verify", "--json", *options)
        assert told.status == 1
        return [(one["finding"], one["file"]) for one in map(json.loads, told.out.splitlines())]

    shallow = [("manifest", "manifest-sha256.txt"), ("missing", "one.One more.jpg"), ("damaged", "one.One more.srt")]
    assert found() == shallow
    assert found("--deep") == [*shallow, ("damaged", "one.One more.zh-Hant.vtt")]
    repaired = fleet.run("verify", "--deep", "--repair").out
    assert repaired.count("queued again, for a node that fetches such files (PODCRAWLER_BESIDE)") == 3
    assert (podcast / "one.One more.srt.old").read_bytes() == b"cut"
    web.asked.clear()
    assert fleet.drain(*ALL).status == 0
    assert sorted(asked(web)) == ["/one.jpg", "/one.srt", "/zh.vtt"]
    assert {name: raw for name, raw in beside(fleet).items() if not name.endswith(".old")} == right
    assert_described(fleet.archive)
    assert fleet.run("verify", "--deep").status == 0


def test_a_damaged_media_file_comes_back_with_what_is_beside_it(fleet: Commands, web: Web, podcast: Path) -> None:
    right = beside(fleet)
    media = podcast / "one.One more.mp3"
    media.write_bytes(media.read_bytes()[:-1])
    assert fleet.run("verify", "--repair").status == 1
    web.asked.clear()
    assert fleet.drain(*ALL).status == 0
    assert asked(web) == ["/one.mp3"]
    (podcast / "one.One more.mp3.old").unlink()
    assert beside(fleet) == right
    assert_described(fleet.archive)


def test_no_name_in_a_sidecar_leads_elsewhere(fleet: Commands, redis: Client, web: Web) -> None:
    """Neither `verify` nor `keep` takes another file for one that is beside the media file."""
    old = everything(web).replace("<guid>", "<pubDate>01 Mar 2020 10:00:00 GMT</pubDate><guid>")
    podcast = archived(fleet, redis, web, old)
    names = ["../../x.jpg", "podcast.json", "one.One more.mp3", "two.Two.jpg", "/etc/hostname", "cover.jpg"]
    path = podcast / "one.One more.mp3.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    told["beside"] = [{**told["beside"][0], "name": name, "url": name} for name in names]
    path.write_text(json.dumps(told), encoding="utf-8")
    for name in ("two.Two.jpg", "cover.jpg"):
        (podcast / name).write_bytes(b"mine")
    assert fleet.run("verify", "--deep").status == 0
    kept = fleet.run("keep", podcast.name, "--keep", "30d")
    assert "1 file (" in kept.out, kept.err
    assert not path.exists()
    assert {"two.Two.jpg", "cover.jpg", "podcast.json"} <= {path.name for path in podcast.iterdir()}


def test_bags_have_them_and_imports_leave_them_alone(fleet: Commands, redis: Client, podcast: Path) -> None:
    made = fleet.run("bag", podcast.name, "--to", str(fleet.folder / "bag"))
    assert made.status == 0, made.err
    assert beside(fleet).keys() <= {path.name for path in (fleet.folder / "bag" / "data").iterdir()}
    redis.flushall()
    imported = fleet.run("import", "archive")
    assert "1 media file, 1 recorded as finished; 0 files left out." in imported.out


@pytest.mark.parametrize("trash", [".trash", ""])
def test_keep_moves_them_along(fleet: Commands, redis: Client, web: Web, trash: str) -> None:
    dated = [
        item(f"{name} day", f"{web.address}/{name}.mp3", cover(f"{web.address}/{name}.jpg")).replace(
            "<guid>", f"<pubDate>0{number} Mar 2026 10:00:00 GMT</pubDate><guid>"
        )
        for number, name in enumerate(("first", "second"), 1)
    ]
    for name in ("first", "second"):
        web.pages |= {f"/{name}.mp3": AUDIO, f"/{name}.jpg": Page(PICTURE, "image/jpeg")}
    podcast = archived(fleet, redis, web, *dated)
    kept = fleet.run("keep", podcast.name, "--keep", "1", "-s", f"PODCRAWLER_TRASH={trash}")
    assert kept.status == 0, kept.err
    assert {path.name for path in podcast.glob("first*")} == set()
    gone = {path.name for path in (fleet.archive / ".trash").rglob("*") if path.is_file()}
    assert gone == ({"first.first day.jpg", "first.first day.mp3", "first.first day.mp3.json"} if trash else set())
    assert_described(fleet.archive)
    assert fleet.run("verify", "--deep").status == 0


def test_merge_moves_them_along(fleet: Commands, redis: Client, web: Web, podcast: Path) -> None:
    right = beside(fleet)
    web.pages["/two.mp3"] = AUDIO
    other = archived(fleet, redis, web, item("Two", f"{web.address}/two.mp3", ""), name="other")
    merged = fleet.run("merge", podcast.name, other.name)
    assert "1 file moved" in merged.out, merged.err
    assert not podcast.exists()
    assert beside(fleet) == right
    assert_described(fleet.archive)
    assert fleet.run("verify", "--deep").status == 0
