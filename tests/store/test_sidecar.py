from dataclasses import replace
from datetime import UTC, datetime

from podcrawler.items import Enclosure, Episode
from podcrawler.store.sidecar import Capture, FileFacts, describe, dumps, loads

EPISODE = Episode(
    id="1",
    podcast_id="show-0a1b2c3d",
    title="標題",
    enclosure=Enclosure("https://ann:secret@media.example.org/1.mp3?part=1&X-Amz-Signature=abc#t=1", "audio/mpeg", 3),
    page="https://ann:secret@example.org/1",
    published=datetime(2026, 11, 1, tzinfo=UTC),
    file="show-0a1b2c3d/1.標題.mp3",
    size=3,
    sha256="ab" * 32,
)
FILE = FileFacts("1.標題.mp3", 3, "ab" * 32, verified=True)
CAPTURE = Capture(
    datetime(2026, 11, 2, tzinfo=UTC), "node-1", "podcrawler 0.1", "https://ann:secret@m.example.org/1?sig=1"
)


def test_a_sidecar_tells_what_was_known_but_no_secret() -> None:
    headers = {"etag": '"1"', "content-type": "audio/mpeg", "set-cookie": "secret", "x-powered-by": "secret"}
    raw = dumps(describe(EPISODE, FILE, CAPTURE, headers))
    assert b"secret" not in raw
    assert b"abc" not in raw
    assert "標題".encode() in raw
    read = loads(raw)
    assert read.file == FILE
    assert read.capture
    assert read.capture.url == "https://m.example.org/1"
    assert read.capture.headers == {"content-type": "audio/mpeg", "etag": '"1"'}
    assert read.episode.enclosure == Enclosure("https://media.example.org/1.mp3?part=1#t=1", "audio/mpeg", 3)
    told = replace(EPISODE, enclosure=None, page="", file=None, size=None, sha256=None)
    assert replace(read.episode, enclosure=None, page="") == told
