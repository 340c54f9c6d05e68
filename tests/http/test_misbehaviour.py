"""Every misbehaviour of the origin, and what becomes of an episode that meets it: a whole file, or a clear failure."""

import base64
import hashlib
import json
import re
from pathlib import Path
from urllib.parse import quote, urlencode

from tests.conftest import Client, Commands
from tests.http.misbehaviours import (
    FAST,
    MAX_SIZE,
    MIN_SIZE,
    SIZE,
    SLOW,
    TRIES,
    Failed,
    Parameters,
    Rows,
    Whole,
)
from tests.origin import RunningOrigin, content, running


def test_every_misbehaviour_ends_in_a_whole_file_or_a_clear_failure(
    fleet: Commands, redis: Client, origin: RunningOrigin, certificate: Path
) -> None:
    with running("--certificate", str(certificate)) as unsafe:
        refused = Failed("tls", "permanent", "cannot be spoken to safely", 1)
        rows: Rows = {**FAST, "unsafe": ({"location": f"{unsafe.address}/bytes/{SIZE}.mp3"}, refused)}
        drain(fleet, redis, origin, rows)
    drain(fleet, redis, origin, SLOW, CONNECT_TIMEOUT=2, IDLE_TIMEOUT=2, MIN_RATE=10_000)
    outcomes = Outcomes(fleet, redis, origin)
    ends = {name: end for name, (_, end) in {**rows, **SLOW}.items()}
    assert {name: problem for name, end in ends.items() if (problem := outcomes.problem(name, end))} == {}


def drain(fleet: Commands, redis: Client, origin: RunningOrigin, rows: Rows, **settings: float) -> None:
    """Run a node until the episodes of these rows have ended."""
    for name, (parameters, _) in rows.items():
        query = urlencode({"title": name, "episodes": 1, "size": SIZE, **parameters}, quote_via=quote)
        redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?{query}")
    settings |= {"MAX_TRIES": TRIES, "RETRY_DELAY": 0.01, "CONCURRENT_EPISODES": 60}
    settings |= {"MIN_SIZE": MIN_SIZE, "MAX_SIZE": MAX_SIZE}
    ended = fleet.drain(*(word for name, value in settings.items() for word in ("-s", f"PODCRAWLER_{name}={value}")))
    assert ended.status == 1
    assert "Traceback" not in ended.err


class Outcomes:
    """What became of the episodes, each of a podcast that is named after its row."""

    def __init__(self, fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
        self._archive = fleet.archive
        self._files = fleet.files()
        self._failed = {
            _row(key.decode()): json.loads(failure)
            for key, failure in redis.hgetall("{podcrawler}:episodes:failed").items()
        }
        self._sent = origin.sent()

    def problem(self, name: str, end: Whole | Failed) -> str:
        """What is not as it should be, empty if nothing is."""
        parameters, _ = {**FAST, **SLOW}.get(name, ({}, None))
        files = [path for path in self._files if _row(path) == name]
        media = [path for path in files if not path.endswith(".part")]
        failed = self._failed.get(name)
        if isinstance(end, Failed):
            if media or failed is None:
                return f"did not fail, but left {files}"
            outcome = (failed["kind"], failed["class"], failed["tries"])
            if outcome != (end.kind, end.failure_class, end.tries) or end.words not in failed["reason"]:
                return f"failed otherwise: {outcome} {failed['reason']}"
            return f"left {files}" if end.failure_class == "permanent" and files else ""
        if failed or files != media or len(media) != 1:
            return f"is no whole file: {files} {failed}"
        with (self._archive / media[0]).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        given = base64.b64decode(str(parameters.get("body", "")))
        size = int(str(parameters.get("size", SIZE)))
        if found != (hashlib.sha256(given).hexdigest() if given else _sha256(size, end.seed)):
            return "is another file"
        sent = sum(count for path, count in self._sent.items() if _asked_for(path, parameters))
        return f"took {sent} bytes" if end.sent not in (None, sent) else ""


def _row(path: str) -> str:
    """The row of a path or a key: both begin with the podcast's id, its title and eight hex digits."""
    found = re.match(r"([a-z0-9-]+)-[0-9a-f]{8}/", path)
    assert found
    return found[1].replace("-", " ")


def _asked_for(path: str, parameters: Parameters) -> bool:
    """Whether a path is the enclosure with these parameters, be it after its redirects."""
    query = urlencode({"seed": 1, **{k: v for k, v in parameters.items() if k not in ("size", "redirect")}})
    asked = re.sub(r"&redirect=\d+", "", path)
    return asked == f"/bytes/{parameters.get('size', SIZE)}.mp3?{query}"


def _sha256(size: int, seed: int) -> str:
    digest = hashlib.sha256()
    for block in content(size, seed):
        digest.update(block)
    return digest.hexdigest()
