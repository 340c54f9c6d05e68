"""``bag``: what the library of the Library of Congress says of the bags that it makes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.archives import put_episode, put_podcast
from tests.conftest import Commands
from tests.origin import RunningOrigin

SHOW = "show-0a1b2c3d"
#: Numbers of episodes, and their titles: one with what a name in a manifest could be misread by.
TITLES = {1: "Episode 1", 2: "燈塔", 3: "100 % sure", 4: "50%25 or 50%0A"}


@pytest.fixture
def media(commands: Commands) -> list[Path]:
    """The media files of a podcast."""
    put_podcast(commands.archive, title="A Show\nof two lines")
    paths = [
        put_episode(commands.archive, b"\0audio" * 1000 * number, number=number, title=title)
        for number, title in TITLES.items()
    ]
    paths[0].with_name("events.jsonl").write_text('{"event": "captured"}\n', encoding="utf-8")
    paths[0].with_name("5.token.part").write_bytes(b"x")
    return paths


def is_accepted(bag: Path) -> bool:
    validated = subprocess.run([sys.executable, "-m", "bagit", "--validate", bag], capture_output=True, text=True)
    print(validated.stderr)
    return validated.returncode == 0


def remove(path: Path) -> None:
    """Remove the one whose name the library does not decode, as RFC 8493 has it encoded."""
    path.unlink()
    path.with_name(f"{path.name}.json").unlink()


def test_a_bag_is_accepted_and_takes_no_room(commands: Commands, media: list[Path]) -> None:
    remove(media.pop())
    made = commands.run("bag", SHOW)
    assert made.status == 0, made.err
    bag = commands.folder / f"{SHOW}.bag"
    assert is_accepted(bag)
    names = {path.name for path in (bag / "data").iterdir()}
    assert {*(path.name for path in media), *(f"{path.name}.json" for path in media)} < names
    assert {"podcast.json", "events.jsonl"} < names
    assert "5.token.part" not in names
    assert [(bag / "data" / path.name).samefile(path) for path in media] == [True] * 3
    info = (bag / "bag-info.txt").read_text(encoding="utf-8")
    assert "External-Description: A Show of two lines\n" in info
    assert f"Internal-Sender-Identifier: {SHOW}\n" in info
    # What is added to the archive later is not added to the bag.
    with media[0].with_name("events.jsonl").open("a") as events:
        events.write("{}\n")
    assert is_accepted(bag)
    # Nor does the archive change with the bag.
    (bag / "data" / "events.jsonl").write_text("")
    assert media[0].with_name("events.jsonl").read_text(encoding="utf-8").endswith("{}\n")
    assert not is_accepted(bag)


def test_an_archive_of_a_thousand_episodes_is_accepted_by_foreign_tools(fleet: Commands, origin: RunningOrigin) -> None:
    archived = fleet.run("archive", f"{origin.address}/feed.xml?episodes=1000&size=1000")
    assert "1000 finished" in archived.out, archived.err
    (folder,) = fleet.archive.glob("[!.]*/")
    check = ["sha256sum", "--check", "--strict", "manifest-sha256.txt"]
    checked = subprocess.run(check, cwd=folder, capture_output=True, text=True)
    assert (checked.returncode, checked.stdout.count(": OK\n"), checked.stderr) == (0, 1000, "")
    assert fleet.run("bag", folder.name).status == 0
    bag = fleet.folder / f"{folder.name}.bag"
    assert is_accepted(bag)
    assert len(list(bag.glob("data/*.mp3"))) == len(list(bag.glob("data/*.mp3.json"))) == 1000


def test_names_are_written_as_the_specification_says(commands: Commands, media: list[Path]) -> None:
    assert commands.run("bag", SHOW, "--to", "bag").status == 0
    lines = (commands.folder / "bag" / "manifest-sha256.txt").read_text(encoding="utf-8").splitlines()
    listed = [line[66:] for line in lines]
    assert f"data/{media[2].name}" in listed
    assert "data/4.50%2525 or 50%250A.mp3" in listed


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="needs another disk")
def test_another_disk_gets_copies(commands: Commands, media: list[Path]) -> None:
    target = Path("/dev/shm") / f"podcrawler-{os.getpid()}"
    remove(media.pop())
    try:
        assert commands.run("bag", SHOW, "--to", str(target)).status == 0
        assert is_accepted(target)
        assert not (target / "data" / media[0].name).samefile(media[0])
    finally:
        subprocess.run(["rm", "-rf", target], check=True)


def test_no_bag_is_made_of_what_is_damaged_or_in_place_of_something(commands: Commands, media: list[Path]) -> None:
    manifest = media[0].with_name("manifest-sha256.txt")
    manifest.write_text(f"{'0' * 64}  {media[0].name}\n")
    damaged = commands.run("bag", SHOW)
    assert damaged.status == 1
    assert f"{SHOW}/{media[0].name} is not what the manifest says, and no bag is made of it" in damaged.err
    assert sorted(path.name for path in commands.folder.iterdir()) == ["archive"]
    manifest.unlink()
    (commands.folder / f"{SHOW}.bag").mkdir()
    there = commands.run("bag", SHOW)
    assert there.status == 1
    assert f"There is something at {commands.folder}/{SHOW}.bag already: give another place with --to" in there.err
    nowhere = commands.run("bag", SHOW, "--to", "no/such/folder")
    assert nowhere.status == 1
    assert "cannot be made (No such file or directory: " in nowhere.err
    assert "There is no podcast other in this archive" in commands.run("bag", "other").err
    assert "bag needs the id of a podcast" in commands.run("bag").err
    (commands.archive / "other").mkdir()
    assert "There are no media files of other in archive" in commands.run("bag", "other").err
