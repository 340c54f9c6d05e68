"""``import``: what was archived before is recorded, told apart from what was not, and not downloaded again."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcrawler.items import Episode
from podcrawler.library.importing import Refused, find_media
from podcrawler.queue.broker import Broker
from podcrawler.queue.legacy_ids import Imported, Imports
from tests.builders import episode, fail, finish, lease_one, make_broker, retry
from tests.conftest import Client, Commands
from tests.origin import RunningOrigin


@pytest.fixture
def queue(redis: Client) -> Broker:
    return make_broker(redis)


def fill(folder: Path, **files: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, size in files.items():
        (folder / name).write_bytes(b"x" * size)


def test_only_named_and_whole_media_files_are_imported(tmp_path: Path) -> None:
    good = {"20001.第一回：燈塔.mp3": 3, "20002.a.b.c.M4A": 4, "x_-Y.title.wav": 5}
    bad = {
        "20003.title.mp3.part": "part",
        "20004.empty.mp3": "empty",
        "20005.mp3": "no-id",
        "no id.title.mp3": "no-id",
        "notes.title.txt": "no-media",
        "cover.jpg": "no-id",
        "20006": "no-id",
        f"{'a' * 41}.title.mp3": "no-id",
    }
    fill(tmp_path / "old", **good, **{name: 0 if why == "empty" else 9 for name, why in bad.items()})
    fill(tmp_path / "old" / ".podcrawler", **{"20007.hidden.mp3": 9})
    (tmp_path / "old" / "20008.link.mp3").symlink_to(tmp_path / "old" / "20001.第一回：燈塔.mp3")
    found = list(find_media(tmp_path / "old", "rthk-287"))
    imported = {file.id: file for file in found if isinstance(file, Imported)}
    assert imported["20001"] == Imported("rthk-287", "20001", "第一回：燈塔", 3)
    assert imported["20002"].title == "a.b.c"
    assert {(file.id, file.size) for file in imported.values()} == {("20001", 3), ("20002", 4), ("x_-Y", 5)}
    refused = {file.path.name: file.why for file in found if isinstance(file, Refused)}
    assert refused == bad | {"20008.link.mp3": "empty"}


def test_a_store_tells_its_podcasts(commands: Commands, origin: RunningOrigin) -> None:
    address = f"{origin.address}/feed.xml?episodes=3&size=100"
    assert commands.run("archive", address).status == 0
    (commands.archive / ".podcrawler").rename(commands.folder / "lost")
    result = commands.run("import", "archive")
    assert result.status == 0
    assert "3 media files, 3 recorded as finished; 0 files left out." in result.out
    origin.reset()
    assert "all 3 episodes are already there" in commands.run("archive", address).out
    assert "3 media files, 0 recorded as finished" in commands.run("import", "archive").out


def test_a_dry_run_records_nothing(fleet: Commands, redis: Client) -> None:
    fill(fleet.folder / "old", **{"20001.title.mp3": 3, "other.txt": 1})
    result = fleet.run("import", "old", "--podcast", "rthk-287", "--dry-run")
    assert result.status == 0
    assert "rthk-287: 1 media files" in result.out
    assert "left out: old/other.txt (not named id.title.ext)" in result.out
    assert redis.dbsize() == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "import needs the folder"),
        (("missing",), "is no folder that can be read"),
        (("Old",), "say which one its files are of, such as --podcast rthk-287"),
        (("Old", "--podcast", "../x"), "is not the id of a podcast"),
    ],
)
def test_what_a_user_gets_wrong_ends_in_a_sentence(fleet: Commands, arguments: tuple[str, ...], sentence: str) -> None:
    fill(fleet.folder / "Old", **{"20001.title.mp3": 3})
    result = fleet.run("import", *arguments)
    assert result.status == 2
    assert sentence in result.err
    assert "Traceback" not in result.err


def test_what_is_recorded_is_in_no_other_state(queue: Broker, redis: Client) -> None:
    queue.push_many(episode(number) for number in range(4))
    fail(queue, lease_one(queue), "http-404", "Not there.")
    retry(queue, lease_one(queue), "timeout", "Slow.")
    leased = lease_one(queue)
    files = [Imported("show", str(number), "title", 7) for number in range(5)]
    assert Imports(queue).record(files) == 4
    counts = queue.counts(["show"])
    assert (counts.pending, counts.leased, counts.delayed, counts.failed, counts.finished) == (0, 1, 0, 0, 4)
    assert queue.open_entries(["show"]) == 1
    assert finish(queue, leased, size=1, path="x")
    assert {key for key in redis.scan_iter() if b"episodes:" in key} == {b"{podcrawler}:episodes:order"}


def listed(number: str, title: str) -> Episode:
    return Episode(id=number, podcast_id="rthk-287", title=title, page=f"http://x/{number}")


def test_a_longer_id_is_found_by_its_ending_and_its_title(queue: Broker, redis: Client) -> None:
    imports = Imports(queue)
    imports.record([Imported("rthk-287", "23456", "A： B-C", 7), Imported("rthk-287", "34567", "Other", 8)])
    episodes = [listed("123456", "A: B/C"), listed("134567", "Not the other"), listed("199999", "New")]
    assert imports.claim("rthk-287", episodes) == 1
    assert redis.hgetall("{podcrawler}:finished:rthk-287") == {b"123456": b"7", b"34567": b"8"}
    assert imports.claim("rthk-287", episodes) == 0


def test_an_id_of_five_digits_keeps_its_file(queue: Broker, redis: Client) -> None:
    imports = Imports(queue)
    imports.record([Imported("rthk-287", "23456", "A", 7)])
    assert imports.claim("rthk-287", [listed("23456", "A"), listed("123456", "A")]) == 0
    assert redis.hgetall("{podcrawler}:finished:rthk-287") == {b"23456": b"7"}


@given(st.lists(st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=60), max_size=8))
def test_no_name_of_a_file_stops_the_walk(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    folder = tmp_path_factory.mktemp("any")
    fill(folder, **{name: 1 for name in names if name not in (".", "..")})
    assert len(list(find_media(folder, "show"))) == len(list(folder.iterdir()))
