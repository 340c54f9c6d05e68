"""``import``: what was archived before is recorded as finished, and not downloaded again."""

import json

import pytest

from tests.archives import put_episode, put_podcast
from tests.builders import fill, media_requests
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
    assert "rthk-287: 1 media file" in result.out
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


@pytest.mark.parametrize("secret", ["", "&token=Zm9vYmFyYmF6cXV4"])
def test_an_archive_is_rebuilt_from_its_records(
    fleet: Commands, origin: RunningOrigin, redis: Client, secret: str
) -> None:
    address = f"{origin.address}/feed.xml?episodes=3&size=100&title=Show{secret}"
    assert fleet.run("archive", address).status == 0
    before = json.loads(fleet.run("podcasts", "--json").out)
    identities = redis.hgetall(f"{{podcrawler}}:identities:{before['id']}")
    assert len(identities) == 3
    redis.flushall()
    origin.reset()
    result = fleet.run("import", "archive")
    assert (result.status, "left out:" in result.out) == (0, False)
    after = json.loads(fleet.run("podcasts", "--json").out)
    told = ("id", "title", "episodes", "bytes")
    assert [after[name] for name in told] == [before[name] for name in told]
    assert after["address"] == address.removesuffix(secret)
    assert secret or redis.hgetall(f"{{podcrawler}}:identities:{before['id']}") == identities
    assert "all 3 episodes are already there" in fleet.run("archive", address).out
    assert media_requests(origin) == 0
    assert len(fleet.run("podcasts").out.splitlines()) == 1


def test_another_feed_does_not_become_a_podcast_that_was_restored(
    fleet: Commands, origin: RunningOrigin, redis: Client
) -> None:
    address = f"{origin.address}/feed.xml?episodes=2&size=100&title=Show"
    assert fleet.run("archive", address).status == 0
    redis.flushall()
    assert fleet.run("import", "archive").status == 0
    assert fleet.run("archive", address.replace("/feed.xml?", "/other/feed.xml?")).status == 0
    assert len(fleet.run("podcasts").out.splitlines()) == 2


def test_sidecars_tell_versions_and_sizes(fleet: Commands, redis: Client) -> None:
    put_podcast(fleet.archive)
    put_episode(fleet.archive, b"\0audio" * 10, number=1, version=3)
    put_episode(fleet.archive, b"\0audio" * 10, number=20002)
    cut = put_episode(fleet.archive, b"\0audio" * 10, number=2)
    cut.write_bytes(b"\0audio")
    broken = cut.with_name("podcast.json").read_text(encoding="utf-8")
    cut.with_name("podcast.json").write_text(broken.replace("show-0a1b2c3d", "other"), encoding="utf-8")
    result = fleet.run("import", "archive")
    assert result.status == 0
    assert f"left out: archive/show-0a1b2c3d/{cut.name} (it has another size than its sidecar tells" in result.out
    assert "podcast.json (no record of the podcast that its folder is named after)" in result.out
    recorded = redis.hgetall("{podcrawler}:finished:show-0a1b2c3d")
    assert {name: value.split()[2:] for name, value in recorded.items()} == {b"1": [b"3"], b"20002": []}
    # That may be the end of another id only where nothing tells the id.
    assert redis.hlen("{podcrawler}:imported:show-0a1b2c3d") == 0
    assert not redis.exists("{podcrawler}:podcasts")


def test_what_was_published_is_no_file_to_import(fleet: Commands) -> None:
    put_podcast(fleet.archive)
    put_episode(fleet.archive, b"\0audio" * 1000)
    fleet.run("publish", "--base-url", "https://example.org/", "--pages")
    assert (fleet.archive / "index.html").exists()
    assert "1 recorded as finished; 0 files left out." in fleet.run("import", "archive").out
