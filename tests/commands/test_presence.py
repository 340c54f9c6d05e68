"""Files of finished episodes that are gone, or not what they were: what ``archive`` and ``import`` do about them."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders import AT_ONCE, fill, media_requests, seed
from tests.conftest import Client, Commands, Result, until
from tests.origin import RunningOrigin
from tests.store.buckets import CREDENTIALS, RunningBuckets
from tests.store.buckets import running as running_buckets

SIZE = 1000


@pytest.fixture
def address(origin: RunningOrigin) -> str:
    return f"{origin.address}/feed.xml?episodes=3&size={SIZE}&title=Show"


@pytest.fixture
def podcast(fleet: Commands, address: str, origin: RunningOrigin) -> str:
    """The id of a podcast of which all three episodes are archived."""
    assert fleet.run("archive", address).status == 0
    origin.reset()
    (line,) = fleet.run("podcasts", "--json").out.splitlines()
    return str(json.loads(line)["id"])


def folder(fleet: Commands, podcast: str) -> Path:
    return fleet.archive / podcast


def file(fleet: Commands, podcast: str, number: int) -> Path:
    return folder(fleet, podcast) / f"episode-{number}.Episode {number}.mp3"


def nothing_is_fetched(archived: Result, origin: RunningOrigin) -> bool:
    assert archived.status == 0, archived.err
    return media_requests(origin) == 0


def states(fleet: Commands, podcast: str) -> dict[str, str]:
    lines = map(json.loads, fleet.run("episodes", podcast, "--json").out.splitlines())
    return {line["id"]: line["state"] for line in lines}


def test_what_is_gone_is_downloaded_again(fleet: Commands, podcast: str, address: str, origin: RunningOrigin) -> None:
    file(fleet, podcast, 2).unlink()
    again = fleet.run("archive", address)
    assert again.status == 0
    assert f"{podcast}: 1 file is gone, and downloaded again" in again.err
    assert "1 finished (1.0 kB), 2 already there, 0 failed" in again.out
    assert media_requests(origin) == 1
    assert len(fleet.files()) == 3
    once_more = fleet.run("archive", address)
    assert "all 3 episodes are already there" in once_more.out
    assert "gone" not in once_more.err


def test_the_state_of_one_machine_tells_it_too(commands: Commands, address: str, origin: RunningOrigin) -> None:
    assert commands.run("archive", address).status == 0
    origin.reset()
    next(commands.archive.glob("*/episode-2.*.mp3")).unlink()
    assert "1 finished" in commands.run("archive", address).out
    assert media_requests(origin) == 1


@pytest.mark.parametrize("size", [0, 10, SIZE + 1])
def test_what_has_another_size_is_downloaded_again_and_kept(
    fleet: Commands, podcast: str, address: str, origin: RunningOrigin, size: int
) -> None:
    path = file(fleet, podcast, 2)
    whole = path.read_bytes()
    other = (whole + b"x")[:size]
    path.write_bytes(other)
    again = fleet.run("archive", address)
    assert (
        f"{path.name} has {size} bytes, and had {SIZE} when it was archived: it is kept as {path.name}.old" in again.err
    )
    assert media_requests(origin) == 1
    assert path.read_bytes() == whole
    assert path.with_name(f"{path.name}.old").read_bytes() == other
    assert len(fleet.files()) == 4


def test_what_was_removed_on_purpose_stays_away(
    fleet: Commands, podcast: str, address: str, origin: RunningOrigin
) -> None:
    file(fleet, podcast, 2).unlink()
    first = fleet.run("archive", "--keep-deleted", address)
    assert nothing_is_fetched(first, origin)
    assert "1 file is gone, which is taken as on purpose: not downloaded again." in first.err
    second = fleet.run("archive", address)
    assert nothing_is_fetched(second, origin)
    assert "all 2 episodes are already there, and 1 not wanted" in second.out
    assert states(fleet, podcast)["episode-2"] == "removed"
    assert "2 finished (2.0 kB), 1 removed" in fleet.run("podcasts").out

    # Until it is wanted again.
    wanted = fleet.run("retry", f"{podcast}/episode-2")
    assert (wanted.status, "is wanted again" in wanted.out) == (0, True)
    assert "1 finished" in fleet.run("archive", address).out
    assert set(states(fleet, podcast).values()) == {"finished"}


def test_what_is_forgotten_is_not_downloaded(
    fleet: Commands, podcast: str, address: str, origin: RunningOrigin
) -> None:
    file(fleet, podcast, 1).unlink()
    forgotten = fleet.run("forget", f"{podcast}/episode-1", f"{podcast}/episode-2")
    assert forgotten.status == 0
    assert forgotten.out == "2 forgotten: not downloaded again. What there is of their files stays.\n"
    assert nothing_is_fetched(fleet.run("archive", address), origin)
    assert len(fleet.files()) == 2
    assert fleet.run("forget", f"{podcast}/episode-1").status == 0
    # What is imported is wanted.
    assert fleet.run("import", "archive").status == 0
    assert states(fleet, podcast) == {"episode-1": "removed", "episode-2": "finished", "episode-3": "finished"}


def test_an_episode_is_forgotten_in_any_state_but_while_it_is_leased(
    fleet: Commands, redis: Client, origin: RunningOrigin
) -> None:
    seed(redis, f"{origin.address}/feed.xml?episodes=2&size=10&status=404&title=Failing")
    assert fleet.drain().status == 1
    failed = [json.loads(line)["key"] for line in fleet.run("failed", "--json").out.splitlines()]
    assert fleet.run("forget", *failed).status == 0
    assert fleet.run("failed").out == "Nothing has failed.\n"
    seed(redis, f"{origin.address}/feed.xml?episodes=3&size=1000000&stall_after=1000&title=Stalling")
    with fleet.start("crawl", "episodes", "-s", "PODCRAWLER_CONCURRENT_EPISODES=1", *AT_ONCE):
        until(lambda: media_requests(origin) == 3)
        (podcast,) = {key.decode().partition("/")[0] for key in redis.hkeys("{podcrawler}:episodes:entries")}
        by_state = {state: name for name, state in states(fleet, podcast).items()}
        assert by_state.keys() == {"leased", "pending"}
        busy = fleet.run("forget", f"{podcast}/{by_state['leased']}", f"{podcast}/{by_state['pending']}")
        assert busy.status == 2
        assert busy.out.startswith("1 forgotten")
        assert f"{podcast}/{by_state['leased']} is being worked on" in busy.err
        assert states(fleet, podcast)[by_state["pending"]] == "removed"
        assert redis.hvals("{podcrawler}:episodes:open") == [b"2"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["forget"], "forget needs ids of episodes: PODCAST/EPISODE"),
        (["forget", "show"], "show is not the id of an episode; write PODCAST/EPISODE."),
        (["forget", "../x"], "../x is not the id of an episode"),
        (
            ["forget", "show/1"],
            "There is no episode show/1; `python -m podcrawler episodes show` lists those there are.",
        ),
        (["retry", "--finished"], "retry needs ids"),
        (["retry", "--finished", "--all"], "retry --finished needs ids of episodes"),
    ],
    ids=str,
)
def test_wrong_ids_end_in_a_sentence(fleet: Commands, redis: Client, words: list[str], sentence: str) -> None:
    ended = fleet.run(*words)
    assert (ended.status, sentence in ended.err) == (2, True)
    assert redis.dbsize() == 0


def test_retry_of_a_finished_episode_says_how(
    fleet: Commands, podcast: str, address: str, origin: RunningOrigin
) -> None:
    key = f"{podcast}/episode-2"
    told = fleet.run("retry", key)
    assert told.status == 2
    assert f"{key} is finished (1.0 kB). To download it again, remove its file, then: " in told.out
    assert f"retry --finished {key} && python -m podcrawler archive '{address}'\n" in told.out
    file(fleet, podcast, 2).unlink()
    assert fleet.run("retry", "--finished", key).status == 0
    assert "1 finished" in fleet.run("archive", address).out
    assert media_requests(origin) == 1


def test_where_a_whole_folder_is_missing_nothing_is_concluded(
    fleet: Commands, podcast: str, address: str, origin: RunningOrigin
) -> None:
    shutil.rmtree(folder(fleet, podcast))
    for words in ([], ["--keep-deleted"]):
        archived = fleet.run("archive", *words, address)
        assert nothing_is_fetched(archived, origin)
        assert archived.err.count("is not there, where 3 files are archived: see that its disk is mounted") == 1
        assert set(states(fleet, podcast).values()) == {"finished"}
    folder(fleet, podcast).mkdir()
    assert "3 finished" in fleet.run("archive", address).out


def test_what_another_store_has_is_not_missed(
    fleet: Commands, podcast: str, address: str, origin: RunningOrigin
) -> None:
    other = fleet.folder / "other"
    first = fleet.run("archive", address, FILES_STORE=str(other))
    assert nothing_is_fetched(first, origin)
    assert "3 files are recorded in another store than" in first.err
    # A new episode goes there, and the folder of the podcast with it.
    more = address.replace("episodes=3", "episodes=4").replace("title=Show", "title=Other")
    assert fleet.run("archive", more, FILES_STORE=str(other)).status == 0
    (theirs,) = [path.name for path in other.glob("[!.]*/")]
    (other / podcast).mkdir()
    origin.reset()
    second = fleet.run("archive", address, FILES_STORE=str(other))
    assert nothing_is_fetched(second, origin)
    assert "gone" not in second.err
    assert "another store" not in second.err
    # Each misses its own.
    next((other / theirs).glob("episode-4.*.mp3")).unlink()
    assert nothing_is_fetched(fleet.run("archive", more), origin)
    assert "1 finished" in fleet.run("archive", more, FILES_STORE=str(other)).out


def test_a_disk_that_is_not_mounted_is_not_an_empty_archive(
    fleet: Commands, podcast: str, address: str, origin: RunningOrigin
) -> None:
    fleet.archive.rename(fleet.folder / "unmounted")
    archived = fleet.run("archive", address)
    assert nothing_is_fetched(archived, origin)
    assert "3 files are recorded in another store than" in archived.err
    shutil.rmtree(fleet.archive)
    (fleet.folder / "unmounted").rename(fleet.archive)
    file(fleet, podcast, 1).unlink()
    assert "1 finished" in fleet.run("archive", address).out


def test_what_was_imported_from_elsewhere_is_not_missed(
    fleet: Commands, podcast: str, address: str, redis: Client, origin: RunningOrigin
) -> None:
    fill(fleet.folder / "old", **{"episode-2.Episode 2.mp3": SIZE})
    redis.hdel(f"{{podcrawler}}:finished:{podcast}", "episode-2")
    file(fleet, podcast, 2).unlink()
    assert "1 recorded as finished" in fleet.run("import", "old", "--podcast", podcast).out
    archived = fleet.run("archive", address)
    assert nothing_is_fetched(archived, origin)
    assert "gone" not in archived.err


def test_records_of_earlier_releases_are_compared_once_their_files_were_seen(
    fleet: Commands, podcast: str, address: str, redis: Client, origin: RunningOrigin
) -> None:
    redis.hset(f"{{podcrawler}}:finished:{podcast}", mapping={f"episode-{number}": SIZE for number in (1, 2, 3)})
    file(fleet, podcast, 1).unlink()
    assert nothing_is_fetched(fleet.run("archive", address), origin)
    file(fleet, podcast, 2).unlink()
    assert "1 finished" in fleet.run("archive", address).out
    assert not file(fleet, podcast, 1).exists()
    assert file(fleet, podcast, 2).exists()


def test_what_is_gone_and_not_listed_any_more_is_told(
    fleet: Commands, podcast: str, address: str, origin: RunningOrigin, redis: Client
) -> None:
    store = redis.hget(f"{{podcrawler}}:finished:{podcast}", "episode-1").decode().split()[1]
    redis.hset(f"{{podcrawler}}:finished:{podcast}", "episode-0", f"5 {store}")
    archived = fleet.run("archive", address)
    assert archived.status == 1
    assert (
        f"left out: {podcast}: the podcast does not list these any more, whose files are gone: episode-0"
        in archived.out
    )
    assert media_requests(origin) == 0
    assert fleet.run("archive", address).status == 0


def test_a_podcast_that_was_not_known_before_its_list_was_read(
    fleet: Commands, podcast: str, address: str, origin: RunningOrigin, redis: Client
) -> None:
    redis.delete("{podcrawler}:addresses", f"{{podcrawler}}:visit:{address}")
    redis.hset("{podcrawler}:addresses", "http://elsewhere.example/", podcast)
    redis.hset("{podcrawler}:named", podcast, address)
    file(fleet, podcast, 2).unlink()
    archived = fleet.run("archive", address)
    assert archived.status == 0, archived.err
    assert "1 finished" in archived.out
    assert media_requests(origin) == 1


def test_changed_tags_are_no_damage(fleet: Commands, origin: RunningOrigin) -> None:
    address = f"{origin.address}/feed.xml?episodes=12&size={SIZE}&title=Tagged"
    assert fleet.run("archive", address).status == 0
    origin.reset()
    for path in fleet.archive.glob("*/*.mp3"):
        with path.open("ab") as opened:
            opened.write(b"TAG")
    archived = fleet.run("archive", address)
    assert nothing_is_fetched(archived, origin)
    assert "12 of 12 files have other sizes than when they were archived" in archived.err
    assert set(fleet.files().values()) == {SIZE + 3}
    assert "12 files are recorded with the sizes they have now." in fleet.run("import", "archive", "--keep-changed").out
    archived = fleet.run("archive", address)
    assert nothing_is_fetched(archived, origin)
    assert "sizes" not in archived.err


def test_an_import_of_the_store_misses_what_is_gone(
    fleet: Commands, podcast: str, redis: Client, origin: RunningOrigin, address: str
) -> None:
    file(fleet, podcast, 2).unlink()
    imported = fleet.run("import", "archive")
    assert imported.status == 0
    assert f"{podcast}: 1 file is gone, and downloaded again where the podcast still lists the episode" in imported.out
    assert set(states(fleet, podcast)) == {"episode-1", "episode-3"}
    # Any node downloads it then.
    seed(redis, address)
    assert fleet.drain().status == 0
    assert media_requests(origin) == 1
    file(fleet, podcast, 2).unlink()
    assert "taken as on purpose" in fleet.run("import", "archive", "--keep-deleted").out
    assert states(fleet, podcast)["episode-2"] == "removed"


def test_an_import_makes_the_files_those_of_this_store(fleet: Commands, podcast: str, address: str) -> None:
    (fleet.archive / ".podcrawler-store").unlink()
    assert fleet.run("import", "archive").status == 0
    file(fleet, podcast, 2).unlink()
    assert "1 finished" in fleet.run("archive", address).out


def test_a_folder_that_cannot_be_listed_is_said(
    fleet: Commands, podcast: str, address: str, origin: RunningOrigin
) -> None:
    shutil.move(folder(fleet, podcast), fleet.folder / "moved")
    folder(fleet, podcast).symlink_to(fleet.folder / "moved")
    archived = fleet.run("archive", address)
    assert nothing_is_fetched(archived, origin)
    assert f"{podcast}: whether its files are still there is unknown: " in archived.err


# Buckets


@pytest.fixture(scope="module")
def buckets() -> Iterator[RunningBuckets]:
    with running_buckets() as buckets:
        yield buckets


def test_objects_that_are_gone_or_have_another_size(
    fleet: Commands,
    buckets: RunningBuckets,
    address: str,
    origin: RunningOrigin,
) -> None:
    client = buckets.client
    client.create_bucket(Bucket="podcasts")
    fleet.environment |= {"FILES_STORE": "s3://podcasts/all", "AWS_ENDPOINT_URL": buckets.address, **CREDENTIALS}
    assert fleet.run("archive", address).status == 0

    def objects() -> dict[str, int]:
        found = client.list_objects_v2(Bucket="podcasts").get("Contents", ())
        return {item["Key"].rpartition("/")[2]: item["Size"] for item in found}

    def sidecars() -> set[str]:
        return {name for name in objects() if name.endswith(".json")} - {"podcast.json"}

    keys = (item["Key"] for item in client.list_objects_v2(Bucket="podcasts")["Contents"])
    first, second, _ = sorted(key for key in keys if key.endswith(".mp3"))
    podcast = first.split("/")[1]
    origin.reset()
    client.delete_object(Bucket="podcasts", Key=first)
    client.put_object(Bucket="podcasts", Key=second, Body=b"ID3")
    assert "2 finished" in fleet.run("archive", address).out
    assert media_requests(origin) == 2
    files = {name: size for name, size in objects().items() if not name.endswith(".json")}
    assert sidecars() == {f"{name}.json" for name in files}
    assert files == {
        "episode-1.Episode 1.mp3": SIZE,
        "episode-2.Episode 2.mp3": SIZE,
        "episode-2.Episode 2.mp3.old": 3,
        "episode-3.Episode 3.mp3": SIZE,
    }
    assert '"file": "' in fleet.run("episodes", podcast, "--json").out
    for item in client.list_objects_v2(Bucket="podcasts")["Contents"]:
        client.delete_object(Bucket="podcasts", Key=item["Key"])
    origin.reset()
    archived = fleet.run("archive", address)
    assert nothing_is_fetched(archived, origin)
    assert f"s3://podcasts/all/{podcast}/ is not there, where 3 files are archived" in archived.err
