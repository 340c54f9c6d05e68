"""The time of change of media files: when they came, or when their episodes were published."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from podcrawler.items import Episode
from podcrawler.media.transfer import publication_time
from tests.archives import assert_described
from tests.builders import seed
from tests.changing_web import changing_web
from tests.conftest import Client, Commands
from tests.media.beside import feed_of, item
from tests.stand_in import Page

LONG_AGO = datetime(2019, 3, 4, 5, 6, 7, tzinfo=UTC)
TAIPEI = timezone(timedelta(hours=8))


@pytest.mark.parametrize(
    ("published", "is_taken"),
    [
        (LONG_AGO, True),
        (LONG_AGO.astimezone(TAIPEI), True),
        (LONG_AGO.replace(tzinfo=None), True),
        (datetime(1970, 1, 1, tzinfo=UTC), True),
        (datetime(1969, 12, 31, tzinfo=UTC), False),
        (datetime(1, 1, 1, tzinfo=TAIPEI), False),
        (datetime.now(UTC) + timedelta(days=1), False),
        (datetime(9999, 12, 31, tzinfo=UTC), False),
        (None, False),
    ],
)
def test_only_dates_that_can_be_are_taken(published: datetime | None, is_taken: bool) -> None:
    found = publication_time(Episode("1", "show", "One", published=published))
    assert (found is not None) == is_taken
    if published in (LONG_AGO, LONG_AGO.replace(tzinfo=None)):
        assert found == LONG_AGO.timestamp()


@pytest.mark.parametrize("setting", ["published", "now"])
def test_a_file_is_as_old_as_its_episode(fleet: Commands, redis: Client, setting: str) -> None:
    """Be it small or large; its sidecar is as old as it is."""
    begun = time.time()
    with changing_web() as web:
        sizes = {"small": 20_000, "large": 2_000_000, "undated": 20_000, "future": 2_000_000}
        dates = dict.fromkeys(("small", "large"), f"{LONG_AGO:%d %b %Y %H:%M:%S} GMT")
        dates["future"] = "01 Jan 2999 00:00:00 GMT"
        web.pages = {
            f"/{name}.mp3": Page(b"\xff\xfb\x90\x00" * (size // 4), "audio/mpeg") for name, size in sizes.items()
        }
        told = {name: f"<pubDate>{date}</pubDate>" for name, date in dates.items()}
        items = [item(name, f"{web.address}/{name}.mp3", told.get(name, "")) for name in sizes]
        web.pages["/feed.xml"] = feed_of(*items)
        seed(redis, f"{web.address}/feed.xml")
        ended = fleet.drain("-s", f"PODCRAWLER_MTIME={setting}")
        assert ended.status == 0, ended.err
    assert_described(fleet.archive)
    times = {path.name.partition(".")[0]: path.stat().st_mtime for path in fleet.archive.glob("[!.]*/*.mp3")}
    old = {"small", "large"} if setting == "published" else set()
    assert {name for name, changed in times.items() if changed == LONG_AGO.timestamp()} == old
    assert {name for name, changed in times.items() if changed >= begun - 2} == times.keys() - old
    assert all(path.stat().st_mtime >= begun - 2 for path in fleet.archive.glob("[!.]*/*.json"))
