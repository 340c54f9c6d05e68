"""The covers of podcasts."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from podcrawler.store.sidecar import BesideFile, load_podcast
from tests.archives import assert_described, events_of
from tests.builders import seed
from tests.changing_web import AUDIO, Web, changing_web, feed
from tests.conftest import Client, Commands
from tests.media.beside import PICTURE, asked, cover
from tests.stand_in import Page

OTHER = b"\x89PNG\r\n\x1a\n" + PICTURE
COVERS = ("-s", "PODCRAWLER_BESIDE=cover", "-s", "PODCRAWLER_RETRY_DELAY=0.01")


@pytest.fixture
def web() -> Iterator[Web]:
    with changing_web() as web:
        web.pages = {"/show.jpg": Page(PICTURE, "image/jpeg"), "/other.png": Page(OTHER, "image/png")}
        web.pages |= {f"/{number}.mp3": AUDIO for number in range(4)}
        yield web


def archived(
    fleet: Commands, redis: Client, web: Web, *numbers: int, image: str = "/show.jpg", options: tuple[str, ...] = COVERS
) -> str:
    """Archive a podcast with this cover and these episodes; the log."""
    files = [f"{web.address}/{number}.mp3" for number in numbers]
    web.pages["/feed.xml"] = feed("Show", *files, more=cover(web.address + image) if image else "")
    seed(redis, f"{web.address}/feed.xml")
    ended = fleet.drain(*options)
    assert ended.status == 0, ended.err
    assert_described(fleet.archive)
    return ended.err


def folder_of(fleet: Commands) -> Path:
    (record,) = fleet.archive.glob("[!.]*/podcast.json")
    return record.parent


def told(fleet: Commands) -> BesideFile | None:
    return load_podcast((folder_of(fleet) / "podcast.json").read_bytes()).cover


def covers(fleet: Commands) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder_of(fleet).glob("cover.*")}


def test_a_podcast_has_its_cover_once(fleet: Commands, redis: Client, web: Web) -> None:
    archived(fleet, redis, web, 0, 1, 2)
    assert asked(web).count("/show.jpg") == 1
    assert covers(fleet) == {"cover.jpg": PICTURE}
    found = told(fleet)
    assert found
    assert (found.kind, found.name, found.size, found.type) == ("cover", "cover.jpg", len(PICTURE), "image/jpeg")
    assert found.url == f"{web.address}/show.jpg"
    events = [event for event in events_of(folder_of(fleet)) if event["file"] == "cover.jpg"]
    assert [(event["event"], event["sha256"]) for event in events] == [("captured", found.sha256)]
    web.asked.clear()
    archived(fleet, redis, web, 0, 1, 2, 3)
    assert asked(web) == ["/3.mp3"]
    assert told(fleet) == found
    assert fleet.run("verify", "--deep").status == 0
    assert "left out" not in fleet.run("import", "archive").out.replace("0 files left out", "")


def test_another_cover_takes_its_place_and_the_former_one_stays(fleet: Commands, redis: Client, web: Web) -> None:
    archived(fleet, redis, web, 0)
    archived(fleet, redis, web, 0, 1, image="/other.png")
    assert covers(fleet) == {"cover.jpg.old": PICTURE, "cover.png": OTHER}
    web.pages["/third.png"] = Page(OTHER + b"more", "image/png")
    archived(fleet, redis, web, 0, 1, 2, image="/third.png")
    assert covers(fleet) == {"cover.jpg.old": PICTURE, "cover.png.old": OTHER, "cover.png": OTHER + b"more"}
    # Its feed names none any more.
    archived(fleet, redis, web, 0, 1, 2, 3, image="")
    assert "cover.png" in covers(fleet)
    assert told(fleet)


def test_one_that_cannot_be_had_costs_a_line(fleet: Commands, redis: Client, web: Web) -> None:
    log = archived(fleet, redis, web, 0, 1, 2, image="/gone.jpg")
    assert log.count("is not archived: 127.0.0.1 answered 404") == asked(web).count("/gone.jpg") == 1
    assert covers(fleet) == {}
    assert "'podcrawler/finished': 3" in log


def test_one_of_somebody_else_stays(fleet: Commands, redis: Client, web: Web) -> None:
    archived(fleet, redis, web, 0, options=())
    (folder_of(fleet) / "cover.jpg").write_bytes(b"mine")
    log = archived(fleet, redis, web, 0, 1)
    assert "There is a file cover.jpg of somebody else" in log
    assert (covers(fleet), told(fleet)) == ({"cover.jpg": b"mine"}, None)


@pytest.mark.parametrize("is_told", [True, False])
def test_a_node_that_died_in_between_is_made_up_for(fleet: Commands, redis: Client, web: Web, is_told: bool) -> None:
    archived(fleet, redis, web, 0)
    folder, before = folder_of(fleet), told(fleet)
    if is_told:
        (folder / "cover.jpg").unlink()
    else:
        record = json.loads((folder / "podcast.json").read_text(encoding="utf-8"))
        del record["cover"]
        (folder / "podcast.json").write_text(json.dumps(record), encoding="utf-8")
    archived(fleet, redis, web, 0, 1)
    assert covers(fleet) == {"cover.jpg": PICTURE}
    assert told(fleet) == before


@pytest.mark.parametrize("damaged", [True, False])
def test_verify_looks_at_it(fleet: Commands, redis: Client, web: Web, damaged: bool) -> None:
    archived(fleet, redis, web, 0)
    path = folder_of(fleet) / "cover.jpg"
    if damaged:
        path.write_bytes(PICTURE[::-1])
    else:
        path.unlink()
    assert fleet.run("verify").status == (0 if damaged else 1)
    found = fleet.run("verify", "--deep", "--repair")
    assert f"{'damaged' if damaged else 'missing'}" in found.out
    assert "fetched again with the next episode" in found.out
    archived(fleet, redis, web, 0, 1)
    assert covers(fleet)["cover.jpg"] == PICTURE
    assert ("cover.jpg.old" in covers(fleet)) == damaged
    assert fleet.run("verify", "--deep").status == 0


def test_merge_keeps_that_of_the_podcast_that_stays(fleet: Commands, redis: Client, web: Web) -> None:
    archived(fleet, redis, web, 0)
    kept = folder_of(fleet)
    web.pages["/b.xml"] = feed("Other", f"{web.address}/1.mp3", more=cover(f"{web.address}/other.png"))
    seed(redis, f"{web.address}/b.xml")
    assert fleet.drain(*COVERS).status == 0
    (gone,) = (path.parent for path in fleet.archive.glob("*/cover.png"))
    assert fleet.run("merge", gone.name, kept.name).status == 0
    assert not gone.exists()
    assert covers(fleet) == {"cover.jpg": PICTURE}
    assert fleet.run("verify", "--deep").status == 0
