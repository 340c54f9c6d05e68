"""Which file of another program is which episode: never a guess."""

import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcrawler.exceptions import ImportFolderError
from podcrawler.items import Enclosure, Episode
from podcrawler.library import from_gpodder
from podcrawler.library.leavings import LeftFile
from podcrawler.library.matching import Matched, Unmatched, match
from tests.library.rivals import Left


def listed(name: str, title: str, size: int | None = None, guid: str = "", day: int = 1) -> Episode:
    enclosure = Enclosure(f"http://media.example/{name}.mp3", "audio/mpeg", size)
    published = datetime(2024, 3, day, 18, tzinfo=UTC)
    return Episode(name, "show", title, enclosure, guid=guid, published=published)


EPISODES = [
    listed("one", "One", 100, "guid-1"),
    listed("twin", "Twins", 200, "guid-2", day=2),
    listed("other-twin", "Twins", 300, "guid-2", day=2),
    listed("a", "Equal: A", 400, "guid-3"),
    listed("b", "Equal: B", 400, "guid-4"),
    listed("unknown", "No/Length", None, "guid-5", day=5),
    listed("daily-6", "Daily", None, day=6),
    listed("daily-7", "Daily", None, day=7),
    listed("wrong", "第一回：燈塔", 1, day=8),
]


@pytest.mark.parametrize(
    ("file", "answer"),
    [
        (LeftFile("x.mp3", 1, guid="guid-1"), "one"),
        (LeftFile("x.mp3", 1, guid="http://media.example/daily-6.mp3"), "daily-6"),
        (LeftFile("x.mp3", 1, url="http://media.example/daily-7.mp3"), "daily-7"),
        (LeftFile("x.mp3", 300, guid="guid-2", title="Twins"), "other-twin"),
        (LeftFile("x.mp3", 9, guid="guid-2", title="Twins"), "ambiguous"),
        (LeftFile("x.mp3", 9, "guid-2", "http://media.example/twin.mp3"), "twin"),
        (LeftFile("x.mp3", 100, guid="gone", title="ONE!"), "one"),
        (LeftFile("x.mp3", 100, guid="gone", title="Two"), "unlisted"),
        (LeftFile("x.mp3", 100), "one"),
        (LeftFile("x.mp3", 400), "ambiguous"),
        (LeftFile("Show/Equal_ B.mp3", 400), "b"),
        (LeftFile("Show/2024-03-05 - No-Length.mp3", 77), "unknown"),
        (LeftFile("Show/No-Length.mp3", 77), "unlisted"),
        (LeftFile("20240308-第一回_燈塔.mp3", 77), "wrong"),
        (LeftFile("Daily 20240306.mp3", 77), "daily-6"),
        # Its size is that of one episode, its name that of another.
        (LeftFile("20240305-No Length.mp3", 100), "ambiguous"),
        (LeftFile("2024-03-02 Twins.mp3", 77), "ambiguous"),
        (LeftFile("2024-03-02 Twins.mp3", 200), "twin"),
        (LeftFile("x.mp3", 1234), "unlisted"),
    ],
)
def test_a_file_is_an_episode_or_none(file: LeftFile, answer: str) -> None:
    (found,) = match([file], EPISODES)
    assert (found.episode.id if isinstance(found, Matched) else found.why) == answer


def test_names_in_local_time_may_be_of_the_day_before_or_after() -> None:
    files = [LeftFile("20240306-No Length.mp3", 77), LeftFile("20240307-Daily.mp3", 77)]
    found = [one.episode.id if isinstance(one, Matched) else one.why for one in match(files, EPISODES, slack=1)]
    assert found == ["unknown", "ambiguous"]


def test_two_files_are_not_one_episode() -> None:
    files = [LeftFile("x.mp3", 100), LeftFile("y.mp3", 50, guid="guid-1")]
    assert match(files, EPISODES) == [Unmatched(file, "shared") for file in files]


def test_a_database_that_never_ends_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "Database")) as database:
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) AS podcast_id FROM n"
        database.execute(f"CREATE VIEW episode AS {endless}")
        database.execute("CREATE TABLE podcast (id, url, download_folder)")
    with pytest.raises(ImportFolderError, match="not a database that this program is known to keep"):
        from_gpodder.read(tmp_path, None)


@given(st.lists(st.tuples(st.integers(0, 53247), st.binary(min_size=1, max_size=9)), max_size=9))
def test_a_damaged_database_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, bytes]]
) -> None:
    content = bytearray(Left.load("gpodder").files["Database"])
    for place, new in changes:
        content[place : place + len(new)] = new
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "Database").write_bytes(content)
    with suppress(ImportFolderError):
        assert from_gpodder.read(folder, None).files == []
