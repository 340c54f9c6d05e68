"""``import``: what was archived before is recorded as finished, and not downloaded again."""

import pytest

from tests.builders import fill
from tests.conftest import Client, Commands
from tests.origin import RunningOrigin


def test_the_folders_of_a_store_name_its_podcasts(commands: Commands, origin: RunningOrigin) -> None:
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
