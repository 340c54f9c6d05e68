"""A store that strangers may write in: nothing outside of it is touched, and nothing that they wrote is spliced."""

import json
from pathlib import Path

import pytest

from tests.builders import AT_ONCE, file_sha256, sha256
from tests.conftest import Client, Commands, until
from tests.origin import RunningOrigin

SIZE = 6_000_000
SECRET = b"\0 file of the operator"


def seed(redis: Client, origin: RunningOrigin, **more: object) -> None:
    query = "".join(f"&{name}={value}" for name, value in more.items())
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?title=Show&episodes=1&size={SIZE}{query}")


def left_by_a_stopped_node(fleet: Commands, redis: Client, origin: RunningOrigin) -> Path:
    """The part of a transfer that is half done."""
    seed(redis, origin, stall_after=SIZE // 2, only_first=1)
    with fleet.start("crawl", "episodes", *AT_ONCE) as node:
        until(lambda: list(fleet.archive.glob("*/*.json.part")))
        node.terminate()
        node.wait(60)
    (part,) = [path for path in fleet.archive.glob("*/*.part") if not path.name.endswith(".json.part")]
    return part


def assert_whole(fleet: Commands) -> None:
    (file,) = [path for path in fleet.archive.glob("*/*.mp3") if not path.is_symlink()]
    assert file_sha256(file) == sha256(SIZE, 1)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """What is outside of the store."""
    folder = tmp_path / "operator"
    folder.mkdir()
    (folder / "secret").write_bytes(SECRET)
    return folder / "secret"


def is_untouched(secret: Path) -> bool:
    return [path.name for path in secret.parent.iterdir()] == ["secret"] and secret.read_bytes() == SECRET


def test_a_part_with_other_bytes_is_fetched_again(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    part = left_by_a_stopped_node(fleet, redis, origin)
    size = part.stat().st_size
    with part.open("r+b") as file:
        file.seek(1000)
        file.write(b"a stranger's")
    assert part.stat().st_size == size
    assert fleet.drain().status == 0
    assert_whole(fleet)


@pytest.mark.parametrize("place", ["part", "checkpoint", "unfinished checkpoint"])
def test_a_link_in_place_of_a_part_leads_nowhere(
    fleet: Commands, redis: Client, origin: RunningOrigin, secret: Path, place: str
) -> None:
    part = left_by_a_stopped_node(fleet, redis, origin)
    ending = {"part": ".part", "checkpoint": ".json.part", "unfinished checkpoint": ".new.json.part"}[place]
    link = part.with_name(part.name.removesuffix(".part") + ending)
    link.unlink(missing_ok=True)
    link.symlink_to(secret)
    assert fleet.drain().status == 0
    assert_whole(fleet)
    assert is_untouched(secret)


def test_a_link_in_place_of_a_podcast_ends_in_a_sentence(
    fleet: Commands, redis: Client, origin: RunningOrigin, secret: Path
) -> None:
    seed(redis, origin)
    assert fleet.drain().status == 0
    (folder,) = fleet.archive.glob("[!.]*/")
    folder.rename(fleet.folder / "aside")
    folder.symlink_to(secret.parent)
    redis.flushall()
    seed(redis, origin)
    assert fleet.drain("-s", "PODCRAWLER_MAX_TRIES=1").status == 1
    (failure,) = redis.hvals("{podcrawler}:episodes:failed")
    assert f"{folder.name} is a symbolic link, and podcrawler follows none" in json.loads(failure)["reason"]
    assert is_untouched(secret)


@pytest.mark.parametrize("size", [1000, SIZE])
def test_a_link_in_place_of_a_file_is_no_file(
    fleet: Commands, redis: Client, origin: RunningOrigin, secret: Path, size: int
) -> None:
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?title=Show&episodes=1&size={size}")
    assert fleet.drain().status == 0
    (file,) = fleet.archive.glob("*/*.mp3")
    file.unlink()
    file.symlink_to(secret)
    redis.flushall()
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?title=Show&episodes=1&size={size}")
    assert fleet.drain().status == 0
    (other,) = [path for path in fleet.archive.glob("*/*.mp3") if path != file]
    assert file_sha256(other) == sha256(size, 1)
    assert file.is_symlink()
    assert is_untouched(secret)


@pytest.mark.fresh
def test_nothing_is_imported_from_the_working_folder(commands: Commands, origin: RunningOrigin) -> None:
    for name in ("scrapy", "redis", "aiohttp", "aiodns", "pathlib"):
        path = commands.folder / f"{name}.py"
        path.write_text(f"open({str(commands.folder / 'imported')!r}, 'a').write(__name__)\nraise SystemExit(99)\n")
    (commands.folder / "scrapy.cfg").write_text("[settings]\ndefault = aiodns\n")
    ended = commands.run("archive", f"{origin.address}/feed.xml?episodes=2&size=1000")
    assert ended.status == 0, ended.err
    assert not (commands.folder / "imported").exists()
