"""The present version continues what each recorded version left behind (record.py)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.builders import file_sha256, sha256
from tests.conftest import Client, Commands
from tests.origin import Request, RunningOrigin
from tests.upgrade.recording import FOLDER, Recording

DONE = ("-s", "PODCRAWLER_EXIT_WHEN_DONE=1", "-s", "PODCRAWLER_RETRY_DELAY=0.01")
#: Podcast (without the digest in its id) to its episodes and their size.
FINISHED = {
    "kept": (3, 1000),
    "late": (1, 1000),
    "cut": (1, 2_000_000),
    "stalled": (2, 20_000_000),
    "waiting": (3, 1000),
    "private": (2, 1000),
    "long": (6, 1000),
    "paged": (1, 1000),
    "seeded": (1, 1000),
}


@pytest.fixture(params=sorted(FOLDER.glob("*.json")), ids=lambda path: str(path.stem))
def recording(request: pytest.FixtureRequest, fleet: Commands, redis: Client, origin: RunningOrigin) -> Recording:
    """A recording, loaded into the fleet's Redis and store; its hosts are the origin."""
    recording = Recording.read(request.param)
    recording.load_redis(redis)
    recording.load_store(fleet.archive)
    fleet.environment["http_proxy"] = origin.address
    return recording


def podcast_ids(redis: Client) -> dict[str, str]:
    """Podcast ids by their name, which is what comes before the digest."""
    ids = [key.decode() for key in redis.hkeys("{podcrawler}:podcasts")]
    return {podcast_id.rpartition("-")[0]: podcast_id for podcast_id in ids}


def checkpoints(recording: Recording) -> Iterator[tuple[str, int]]:
    """Podcast and episode id of each part in the store, and how many of its bytes are on the disk for sure."""
    for path, file in recording.store.items():
        if "text" in file:
            yield (
                "/".join((path.partition("-")[0], Path(path).name.partition(".")[0])),
                json.loads(file["text"])["synced"],
            )


def media_requests(origin: RunningOrigin) -> list[Request]:
    return [request for request in origin.requests() if request.path.startswith("/bytes/") and ".mp3" in request.path]


def asked_for(origin: RunningOrigin, host: str, episode: int) -> list[Request]:
    return [
        request
        for request in media_requests(origin)
        if request.headers["host"] == host and request.query.number("seed") == episode
    ]


def as_far_as(before: Any, now: Any) -> Any:
    """What is shown now, without the fields that were not there before."""
    if isinstance(before, dict):
        return {name: as_far_as(value, now[name]) for name, value in before.items()}
    if isinstance(before, list):
        return [as_far_as(value, other) for value, other in zip(before, now, strict=True)]
    return now


def test_the_recorded_queue_is_shown_as_it_was(recording: Recording, fleet: Commands) -> None:
    status: dict[str, Any] = json.loads(fleet.run("status", "--json").out)
    shown, nodes = status.pop("nodes"), recording.status["nodes"]
    # Reports and failures have more fields by now.
    assert as_far_as(nodes, shown) == nodes
    status_before = {name: value for name, value in recording.status.items() if name != "nodes"}
    assert status == {**status_before, "accounts": {}, "hosts": [], "unreported": {}}
    failed = [json.loads(line) for line in fleet.run("failed", "--json").out.splitlines()]
    assert as_far_as(recording.failed, failed) == recording.failed


def test_the_recording_has_every_state(recording: Recording) -> None:
    for counts in (recording.status["queue"], recording.status["pages"]):
        assert all(counts[state] for state in ("leased", "delayed", "failed"))
    assert recording.status["queue"]["pending"]
    assert recording.status["queue"]["finished"] == 4
    assert recording.status["paused"]
    assert recording.status["nodes"]
    for key in ("logins", "addresses", "schema", "events"):
        assert recording.redis[f"{{podcrawler}}:{key}"]["value"]
    for queue in ("podcasts", "episodes"):
        assert recording.redis[f"{queue}:start_urls"]["value"]
    assert any(key.startswith("{podcrawler}:imported:") for key in recording.redis)
    assert all(synced >= 1_500_000 for _, synced in checkpoints(recording))


def test_recorded_work_is_continued_to_its_end(
    recording: Recording, fleet: Commands, redis: Client, origin: RunningOrigin
) -> None:
    origin.release()
    schema = redis.get("{podcrawler}:schema")
    addresses = redis.hgetall("{podcrawler}:addresses")
    failures = {queue: redis.hgetall(f"{{podcrawler}}:{queue}:failed") for queue in ("podcasts", "episodes")}
    assert fleet.run("resume").status == 0
    for spider in ("podcasts", "episodes"):
        ended = fleet.run("crawl", spider, *DONE)
        assert ended.status == 0, ended.err
        assert "Traceback" not in ended.err

    # Every entry is finished, but for those that had failed before.
    for queue, failed in failures.items():
        assert redis.hgetall(f"{{podcrawler}}:{queue}:failed") == failed
        assert redis.hgetall(f"{{podcrawler}}:{queue}:entries").keys() == failed.keys()
        assert not redis.exists(f"{{podcrawler}}:{queue}:leases", f"{{podcrawler}}:{queue}:delayed")
        assert not redis.exists(f"{queue}:start_urls")
    ids = podcast_ids(redis)
    records = {name: redis.hgetall(f"{{podcrawler}}:finished:{ids[name]}") for name in FINISHED}
    # By now the store that has the file is recorded, too.
    finished = {
        name: {episode: int(value.split()[0]) for episode, value in record.items()} for name, record in records.items()
    }
    assert finished == {
        name: {f"episode-{number}".encode(): size for number in range(1, count + 1)}
        for name, (count, size) in FINISHED.items()
    }

    # Every file is whole, and nothing is left in flight; imported episodes are in other folders.
    files = {f"{name}/{number}": size for name, (count, size) in FINISHED.items() for number in range(1, count + 1)}
    del files["kept/2"], files["long/1"]
    found = {_podcast_and_number(path): fleet.archive / path for path in fleet.files()}
    assert len(found) == len(fleet.files())
    assert found.keys() == files.keys()
    for name, file in found.items():
        assert file_sha256(file) == sha256(files[name], int(name.rpartition("/")[2]))

    # What was finished or imported is not downloaded again, although its podcast was seeded again.
    assert [request for request in origin.requests() if request.headers["host"] == "kept.example"]
    assert not [request for request in media_requests(origin) if request.headers["host"] == "kept.example"]
    assert not asked_for(origin, "long.example", 1)
    # Parts that are not proven, as those of versions before proofs, are fetched again.
    parts = dict(checkpoints(recording))
    assert parts.keys() == {"cut/episode-1", "stalled/episode-1", "stalled/episode-2"}
    for name in parts:
        requests = asked_for(origin, "cut.example", int(name[-1]))
        size = FINISHED[name.partition("/")[0]][1]
        first = next(request for request in requests if request.path == f"/bytes/{size}.mp3")
        assert "range" not in first.headers
    # The recorded login is still used, on its origin alone.
    behind_login = {request.headers["host"] for request in origin.requests() if "authorization" in request.headers}
    assert behind_login == {"private.example"}
    assert all("authorization" in request.headers for request in origin.requests() if "private" in request.target)
    # Podcasts are known again by their addresses, and the format is the same.
    assert addresses.items() <= redis.hgetall("{podcrawler}:addresses").items()
    assert redis.get("{podcrawler}:schema") == schema


def _podcast_and_number(path: str) -> str:
    """``<podcast's name>/<episode's number>`` of a media file."""
    file = Path(path)
    return f"{file.parent.name.rpartition('-')[0]}/{file.name.partition('.')[0].removeprefix('episode-')}"
