"""What earlier versions archived is known again, although they knew episodes by less (twins.py)."""

import json
from pathlib import Path

import pytest

from tests.conftest import Client, Commands
from tests.origin import RunningOrigin
from tests.upgrade.recording import Recording
from tests.upgrade.twins import ENTRIES, FOLDER, archive, rdf, rss

#: What no version before had archived, because it took it for another entry.
NEW = {path for title, _, path, _ in ENTRIES if title in ("First", "Query 1")}


@pytest.mark.parametrize("recorded", sorted(FOLDER.glob("*.json")), ids=lambda path: str(path.stem))
def test_nothing_that_was_archived_is_downloaded_again(
    recorded: Path, fleet: Commands, redis: Client, origin: RunningOrigin
) -> None:
    state = json.loads(recorded.read_text(encoding="utf-8"))
    Recording(state, {}, {}, []).load_redis(redis)
    fleet.environment["http_proxy"] = origin.address
    for _ in range(2):
        archive(fleet, [rss(), rdf()])
    asked = [request.target.partition(".example")[2] for request in origin.requests() if ".mp3" in request.target]
    assert sorted(asked) == sorted(NEW)
    finished = {key: redis.hlen(key) for key in redis.scan_iter("{podcrawler}:finished:*")}
    assert sorted(finished.values()) == [2, 5]
