"""``keep``: the newest files of a podcast stay, the older ones go, and are not fetched again."""

import json

import pytest

from tests.archives import assert_described, events_of
from tests.conftest import Client, Commands
from tests.spiders.test_listing import Publisher, archive, publisher

__all__ = ["publisher"]


@pytest.fixture
def podcast(fleet: Commands, redis: Client, publisher: Publisher) -> str:
    """A podcast of five episodes, the last of which has no date."""
    items = [publisher.item(f"Day {day}", day, f"/{day}.mp3", f"day-{day}") for day in (4, 3, 2, 1)]
    undated = publisher.item("Undated", 5, "/5.mp3", "day-5").replace("<pubDate>05 Mar 2026 10:00:00 GMT</pubDate>", "")
    publisher.publish(*items, undated)
    assert archive(fleet, publisher)[0] == 0
    return str(redis.hkeys("{podcrawler}:podcasts")[0].decode())


def files(fleet: Commands) -> list[str]:
    """The media files in the archive, the trash included, without the title; each has its sidecar."""
    assert_described(fleet.archive)
    paths = [path for path in fleet.archive.rglob("*.mp3*") if path.suffix != ".json"]
    assert {f"{path}.json" for path in paths} == {str(path) for path in fleet.archive.rglob("*.mp3*.json")}
    found = [path.relative_to(fleet.archive) for path in paths]
    return sorted(f"{path.parts[0]}/{path.name.partition('.')[0]}" for path in found)


def test_older_files_go_to_the_trash_and_are_not_fetched_again(
    fleet: Commands, publisher: Publisher, podcast: str
) -> None:
    before = files(fleet)
    dry = fleet.run("keep", podcast, "--keep", "2", "--dry-run")
    assert dry.out.splitlines()[-2:] == [
        "2 files (2.0 kB) would be moved to .trash; 3 stay.",
        "1 of those have no known date: the next visit of the podcast may tell it.",
    ]
    assert files(fleet) == before
    done = fleet.run("keep", podcast, "--keep", "2")
    assert (done.status, "2 files (2.0 kB) moved to .trash; 3 stay." in done.out) == (0, True)
    gone = [event for event in events_of(fleet.archive / podcast) if event["event"] == "removed"]
    assert {event["episode"] for event in gone} == {f"{podcast}/day-1", f"{podcast}/day-2"}
    assert all(event["file"] and event["sha256"] for event in gone)
    days = {f".trash/day-{day}" for day in (1, 2)} | {f"{podcast}/day-{day}" for day in (3, 4, 5)}
    assert files(fleet) == sorted(days)
    status, out = archive(fleet, publisher)
    assert (status, "gone" in out, len(publisher.asked)) == (0, False, 5)
    lines = [json.loads(line) for line in fleet.run("episodes", podcast, "--json").out.splitlines()]
    assert {line["id"] for line in lines if line["dropped"]} == {"day-1", "day-2"}
    assert all(line["state"] == "finished" and line["size"] == 1010 for line in lines)
    assert "0 files" in fleet.run("keep", podcast, "--keep", "2").out
    assert fleet.run("retry", "--finished", f"{podcast}/day-1").status == 0
    archive(fleet, publisher)
    assert publisher.asked[5:] == ["/1.mp3"]
    fleet.run("keep", podcast, "--keep", "2")
    assert files(fleet).count(".trash/day-1") == 2, "nothing in the trash is replaced"


def test_a_move_that_was_interrupted_is_finished(fleet: Commands, podcast: str) -> None:
    trash = fleet.archive / ".trash" / podcast
    trash.mkdir(parents=True)
    (file,) = (fleet.archive / podcast).glob("day-1.*.mp3")
    (trash / file.name).hardlink_to(file)
    assert fleet.run("keep", podcast, "--keep", "3").status == 0
    assert [one for one in files(fleet) if one.endswith("day-1")] == [".trash/day-1"]


def test_without_a_trash_files_are_removed(fleet: Commands, podcast: str) -> None:
    ended = fleet.run("keep", podcast, "--keep", "30d", "-s", "PODCRAWLER_TRASH=")
    assert "4 files (4.0 kB) removed; 1 stays." in ended.out
    assert files(fleet) == [f"{podcast}/day-5"]


def test_a_file_is_recorded_as_dropped_before_it_goes(
    fleet: Commands, redis: Client, publisher: Publisher, podcast: str
) -> None:
    """So what was interrupted is repeated, and nothing is missed."""
    (fleet.archive / ".trash").write_text("in the way")
    ended = fleet.run("keep", podcast, "--keep", "3")
    assert (ended.status, f"/.trash/{podcast} cannot be used (Not a directory)" in ended.err) == (1, True)
    assert f"{podcast}/day-1" in files(fleet)
    assert fleet.run("verify", podcast).status == 0
    assert redis.hget(f"{{podcrawler}}:finished:{podcast}", "day-1") == b"1010 dropped"
    archive(fleet, publisher)
    (fleet.archive / ".trash").unlink()
    assert "1 file (" in fleet.run("keep", podcast, "--keep", "3").out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("keep --keep 3", "keep needs a podcast, and what to keep of it"),
        ("keep nobody --keep 3", "There is no podcast nobody"),
        ("keep x --keep 0", '"0" is neither a number of episodes, such as 10, nor of days, such as 30d'),
    ],
)
def test_wrong_use_ends_in_a_sentence(fleet: Commands, words: str, sentence: str) -> None:
    ended = fleet.run(*words.split())
    assert (ended.status, sentence in ended.err, "Traceback" in ended.err) == (2, True, False)


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [("PODCRAWLER_TRASH=../x", "PODCRAWLER_TRASH cannot be"), ("FILES_STORE=s3://bucket/x", "is a bucket")],
)
def test_what_cannot_be_done_is_refused(fleet: Commands, podcast: str, setting: str, sentence: str) -> None:
    ended = fleet.run("keep", podcast, "--keep", "3", "-s", setting, AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b")
    assert (ended.status, sentence in ended.err, "Traceback" in ended.err) == (2, True, False), ended.err


def test_what_is_said_of_a_subscription_holds_for_archive_and_keep(
    fleet: Commands, publisher: Publisher, podcast: str
) -> None:
    assert fleet.run("subscribe", podcast, "--keep", "2").status == 0
    result = fleet.run("archive")
    assert result.status == 0, result.out + result.err
    assert "2 files (2.0 kB) moved to .trash; 3 stay." in result.out
    assert files(fleet).count(".trash/day-1") == 1
    assert "0 files" in fleet.run("keep").out
    assert fleet.run("keep", "--keep", "2").status == 2
    assert fleet.run("subscribe", podcast, "--keep", "all").status == 0
    assert "No subscription says what is kept" in fleet.run("keep").out
    assert len(publisher.asked) == 5
