"""What a node leaves beside the media files that it archives."""

import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from podcrawler.store.sidecar import Sidecar, load_podcast, loads
from tests.archives import assert_described, events_of, manifest_of
from tests.builders import finished_episodes, seed, sha256
from tests.changing_web import AUDIO, changing_web, feed
from tests.conftest import Client, Commands, until
from tests.origin import RunningOrigin

#: Bytes of a file that the writer process writes, and of one that the node itself does.
SMALL, LARGE = 20_000, 2_000_000


def folder_of(fleet: Commands) -> Path:
    """The folder of the only podcast."""
    (folder,) = (path for path in fleet.archive.glob("[!.]*") if path.is_dir())
    return folder


def sidecar_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def told(path: Path) -> Sidecar:
    """What the sidecar of a media file tells."""
    return loads(sidecar_of(path).read_bytes())


def media(fleet: Commands) -> list[Path]:
    return sorted(fleet.archive / path for path in fleet.files())


def drain(fleet: Commands, redis: Client, address: str = "", *options: str) -> None:
    """Archive what is queued, and what is at the address."""
    if address:
        seed(redis, address)
    ended = fleet.drain("-s", "PODCRAWLER_RETRY_DELAY=0.01", *options)
    assert ended.status == 0, ended.err


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_node_tells_all_that_it_knows_of_a_file(
    fleet: Commands, redis: Client, origin: RunningOrigin, size: int
) -> None:
    drain(fleet, redis, f"{origin.address}/feed.xml?title=A+Show&episodes=2&size={size}")
    assert_described(fleet.archive)
    folder = folder_of(fleet)
    first, _ = media(fleet)
    found = told(first)
    digest = sha256(size, 1)
    assert (found.file.name, found.file.size, found.file.sha256) == (first.name, size, digest)
    assert found.file.verified is True
    assert found.episode.title
    assert found.episode.enclosure
    assert found.capture
    assert found.capture.url == found.episode.enclosure.url
    assert found.capture.redirects == [found.capture.url.partition("?")[0]]
    assert found.capture.headers["content-length"] == str(size)
    assert found.capture.program.startswith("podcrawler ")
    events = events_of(folder)
    assert [event["event"] for event in events] == ["captured"] * 2
    (event,) = (event for event in events if event["file"] == first.name)
    assert (event["episode"], event["sha256"]) == (found.key, digest)
    assert event["agent"] == f"{found.capture.program} on {found.capture.node}"
    assert load_podcast((folder / "podcast.json").read_bytes()).podcast.title == "A Show"
    assert "sha256sum -c" in (fleet.archive / "README.txt").read_text()
    assert list(fleet.archive.rglob("*.part")) == []


def test_it_tells_no_secret(fleet: Commands, redis: Client) -> None:
    """Of a private feed, whose address has a login, and whose files have a token for this listener."""
    with changing_web() as web:
        fleet.environment["http_proxy"] = web.address
        file = "http://media.example/one.mp3"
        signed = f"{file}?token=s3cr3t&part=1"
        enclosure = f'<enclosure url="{signed.replace("&", "&amp;")}" type="audio/mpeg" length="1"/>'
        link = "<link>http://ann:s3cr3t@show.example/one?auth=s3cr3t</link>"
        item = f"<item><title>One</title><guid>one</guid>{link}{enclosure}</item>"
        web.pages = {"http://show.example/feed.xml?auth=s3cr3t": feed("Show", more=item), signed: AUDIO}
        drain(fleet, redis, "http://ann:s3cr3t@show.example/feed.xml?auth=s3cr3t")
        (path,) = media(fleet)
        assert told(path).capture
        assert told(path).episode.enclosure
        assert (told(path).capture.url, told(path).episode.enclosure.url) == (f"{file}?part=1",) * 2  # type: ignore[union-attr]
        written = [one for one in fleet.archive.rglob("*") if one.is_file() and one != path]
        assert len([one for one in written if one.parent == path.parent]) == 4
        assert [one.name for one in written if b"s3cr3t" in one.read_bytes()] == []


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_file_whose_node_died_before_it_could_describe_it_is_described_by_the_next_one(
    fleet: Commands, redis: Client, origin: RunningOrigin, size: int
) -> None:
    drain(fleet, redis, f"{origin.address}/feed.xml?episodes=2&size={size}")
    first, second = media(fleet)
    kept = told(second)
    sidecar_of(first).unlink()
    # So Redis knows of neither, and of the first what is written last is missing.
    redis.flushall()
    drain(fleet, redis, f"{origin.address}/feed.xml?episodes=2&size={size}")
    assert_described(fleet.archive)
    assert told(second) == kept
    found = told(first)
    assert found.capture is None
    assert (found.file.sha256, found.file.verified, found.episode.title) == (sha256(size, 1), None, "Episode 1")
    assert [event["event"] for event in events_of(folder_of(fleet))] == ["captured", "captured", "adopted"]
    assert sum(count for path, count in origin.counts().items() if path.startswith("/bytes/")) == 2


@pytest.mark.fresh
def test_the_record_that_a_killed_node_did_not_write_is_written_by_the_next_one(
    fleet: Commands, redis: Client, origin: RunningOrigin
) -> None:
    """A node may be killed when the first episode is there, and its list page is not read to its end."""
    seed(redis, f"{origin.address}/feed.xml?episodes=2&size={SMALL}&rate={2 * SMALL}")
    options = ("-s", "PODCRAWLER_CONCURRENT_EPISODES=1", "-s", "PODCRAWLER_LEASE_TIME=1")
    with fleet.start("crawl", "episodes", *options) as node:
        until(lambda: finished_episodes(redis) == 1)
        node.kill()
        node.wait()
    (folder_of(fleet) / "podcast.json").unlink(missing_ok=True)
    drain(fleet, redis)
    assert len(media(fleet)) == 2
    record = folder_of(fleet) / "podcast.json"
    assert load_podcast(record.read_bytes()).podcast.title == "A podcast of the origin"
    # As if the last episode of all had been the first one of its node.
    record.unlink()
    drain(fleet, redis, f"{origin.address}/feed.xml?episodes=2&size={SMALL}&rate={2 * SMALL}")
    assert load_podcast(record.read_bytes()).podcast.title == "A podcast of the origin"


def test_without_sidecars_there_are_none(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    """And what was archived so is described by a node that may, as soon as it comes across it."""
    address = f"{origin.address}/feed.xml?episodes=2&size={SMALL}"
    drain(fleet, redis, address, "-s", "PODCRAWLER_SIDECARS=0")
    paths = media(fleet)
    assert sorted(folder_of(fleet).iterdir()) == paths
    assert not (fleet.archive / "README.txt").exists()
    redis.flushall()
    (fleet.archive / "README.txt").write_text("mine")
    drain(fleet, redis, address)
    assert_described(fleet.archive)
    assert [told(path).capture for path in paths] == [None, None]
    assert (fleet.archive / "README.txt").read_text() == "mine"


def test_several_nodes_write_one_manifest(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    seed(redis, f"{origin.address}/feed.xml?title=Small&episodes=60&size={SMALL}")
    seed(redis, f"{origin.address}/feed.xml?title=Large&episodes=10&size={LARGE}")
    options = ("-s", "PODCRAWLER_EXIT_WHEN_DONE=1", "-s", "PODCRAWLER_HOST_CONNECTIONS=100")
    with ExitStack() as started:
        nodes = [started.enter_context(fleet.start("crawl", "episodes", *options)) for _ in range(3)]
        assert [node.wait(60) for node in nodes] == [0] * 3
    assert_described(fleet.archive)
    folders = [path for path in fleet.archive.glob("[!.]*") if path.is_dir()]
    assert sorted(len(manifest_of(folder)) for folder in folders) == [10, 60]
    assert sorted(len(events_of(folder)) for folder in folders) == [10, 60]
    assert all((folder / "podcast.json").exists() for folder in folders)


@pytest.mark.parametrize("sidecar_is_gone", [True, False])
def test_a_file_that_is_archived_again_has_one_line(
    fleet: Commands, redis: Client, origin: RunningOrigin, sidecar_is_gone: bool
) -> None:
    """Its bytes were others when it was archived before; the user has removed it."""
    address = f"{origin.address}/feed.xml?episodes=1&size={SMALL}"
    drain(fleet, redis, address)
    (path,) = media(fleet)
    broken = json.loads(sidecar_of(path).read_text())
    broken["file"]["sha256"] = "0" * 64
    sidecar_of(path).write_text(json.dumps(broken))
    manifest = path.parent / "manifest-sha256.txt"
    manifest.write_text(f"{'0' * 64}  {path.name}\n")
    path.unlink()
    if sidecar_is_gone:
        sidecar_of(path).unlink()
        done = fleet.run("archive", address, "-s", "PODCRAWLER_RETRY_DELAY=0.01")
        assert done.status == 0, done.err
    else:
        # Nobody has noticed that it is gone.
        redis.flushall()
        drain(fleet, redis, address)
    assert_described(fleet.archive)
    assert manifest_of(path.parent) == [f"{sha256(SMALL, 1)}  {path.name}"]
