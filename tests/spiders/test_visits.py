"""What a visit read is kept beside the files of its podcast, as it came: the feed of each visit that found a change."""

import gzip
import shutil
from pathlib import Path

from tests.conftest import Commands
from tests.spiders.test_listing import Publisher, archive, publisher

__all__ = ["publisher"]


def kept(fleet: Commands) -> list[Path]:
    """Oldest first. Those of one second are in any order."""
    return sorted(fleet.archive.glob(".visits/*/*"))


def texts(fleet: Commands) -> set[str]:
    return {gzip.decompress(path.read_bytes()).decode() for path in kept(fleet)}


def test_each_state_of_a_feed_is_kept_once(fleet: Commands, publisher: Publisher) -> None:
    states = []
    for days in ((1,), (1,), (1, 2), (1,)):
        publisher.publish(*(publisher.item(f"Day {day}", day, f"/{day}.mp3", f"day-{day}") for day in days))
        states.append(publisher.feed)
        assert archive(fleet, publisher)[0] == 0
    assert texts(fleet) == set(states)
    assert [path.name.split(".")[2:] for path in kept(fleet)] == [["xml", "gz"]] * 2
    # They may have a listener's token in them.
    assert (fleet.archive / ".visits").stat().st_mode & 0o777 == 0o700
    assert fleet.run("verify", "--deep").status == 0


def test_the_oldest_goes_when_there_is_no_more_room(fleet: Commands, publisher: Publisher) -> None:
    for size in (100, 300, 200):
        # Nothing that compresses: the sizes of the files are those of the comments.
        noise = "".join(chr(0x4E00 + number * number % 20_000) for number in range(size))
        publisher.publish(f"<!-- {noise} -->", publisher.item("One", 1, "/1.mp3", "one"))
        archive(fleet, publisher)
    sizes = [path.stat().st_size for path in kept(fleet)]
    assert len(sizes) == 3
    publisher.publish(publisher.item("Two", 2, "/2.mp3", "two"))
    archive(fleet, publisher, "-s", f"PODCRAWLER_VISITS_SIZE={sum(sizes)}")
    assert len(kept(fleet)) == 3
    assert publisher.feed in texts(fleet)
    publisher.publish(publisher.item("Three", 3, "/3.mp3", "three"))
    archive(fleet, publisher, "-s", "PODCRAWLER_VISITS_SIZE=10")
    assert publisher.feed not in texts(fleet)


def test_whoever_wants_none_has_none(fleet: Commands, publisher: Publisher) -> None:
    publisher.publish(publisher.item("One", 1, "/1.mp3", "one"))
    for option in ("PODCRAWLER_VISITS_SIZE=0", "PODCRAWLER_SIDECARS=0"):
        assert archive(fleet, publisher, "-s", option)[0] == 0
        assert kept(fleet) == []


def test_no_link_leads_out_of_the_store(fleet: Commands, publisher: Publisher, tmp_path: Path) -> None:
    publisher.publish(publisher.item("One", 1, "/1.mp3", "one"))
    archive(fleet, publisher)
    folder = fleet.archive / ".visits"
    shutil.rmtree(folder)
    folder.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    publisher.publish(publisher.item("Two", 2, "/2.mp3", "two"))
    status, out = archive(fleet, publisher)
    assert status == 0
    assert "is not kept" in (out + "".join(log.read_text() for log in fleet.folder.rglob("*.log")))
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_merged_podcasts_have_the_visits_of_both(fleet: Commands, publisher: Publisher) -> None:
    publisher.publish(publisher.item("One", 1, "/1.mp3", "one"))
    archive(fleet, publisher)
    publisher.feed = publisher.feed.replace("c1f2a3b4", "d1f2a3b4").replace("one", "other")
    archive(fleet, publisher, path="/other.xml")
    first, second = (path.parent.name for path in kept(fleet))
    assert first != second
    before = texts(fleet)
    assert fleet.run("merge", first, second).status == 0
    assert {path.parent.name for path in kept(fleet)} == {second}
    assert not (fleet.archive / first).exists()
    assert texts(fleet) == before
