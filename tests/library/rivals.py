"""A show whose titles, lengths and guids make trouble, and what other programs left of it on disk: recorded by
record_rivals.py, one file of JSON in ``left`` for each program."""

import base64
import hashlib
import json
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

from tests.stand_in import Page

RECORDED = Path(__file__).parent / "left"
FEED = "http://feeds.example.net/show.xml"
TITLE = "Night: Ships / 夜航"
FIRST = datetime(2024, 3, 1, 18, tzinfo=UTC)


@dataclass(frozen=True)
class Told:
    """An episode of the show."""

    number: int
    title: str
    #: Frames of 417 bytes.
    frames: int
    guid: str = ""
    #: The length that the feed announces, if that is not the file's.
    announced: int | None = None
    #: The days since the first one.
    day: int = 0

    @property
    def url(self) -> str:
        return f"http://media.example.net/night/{self.number}.mp3"

    @property
    def body(self) -> bytes:
        """MPEG-1 layer III, whose bytes no other episode has."""
        return (b"\xff\xfb\x90\x00" + bytes([self.number]) * 413) * self.frames

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()

    def item(self) -> str:
        length = len(self.body) if self.announced is None else self.announced
        guid = f"<guid isPermaLink='false'>{self.guid}</guid>" if self.guid else ""
        return (
            f"<item><title>{escape(self.title)}</title>{guid}"
            f"<pubDate>{format_datetime(FIRST + timedelta(days=self.day))}</pubDate>"
            f"<enclosure url='{self.url}' type='audio/mpeg' length='{length}'/></item>"
        )


SHOW = [
    Told(1, "First light", 3, "ep-1", day=1),
    Told(2, "Ships / Harbours: what now?", 4, "ep-2", day=2),
    Told(3, "第一回：燈塔", 5, "ep-3", day=3),
    Told(4, "Same title", 6, "ep-4", day=4),
    Told(5, "Same title", 7, "ep-5", day=5),
    Told(6, "Two of one size: A", 8, "ep-6", day=6),
    Told(7, "Two of one size: B", 8, "ep-7", day=7),
    Told(8, "Without a guid", 9, day=8),
    Told(9, "A length that is wrong", 10, "ep-9", announced=1, day=9),
    Told(10, "A length that is unknown", 11, "ep-10", announced=0, day=10),
    Told(11, ' 100 % "done" ... ', 12, "ep-11", day=11),
    Told(12, "很長的標題" * 9, 13, "https://example.net/?p=12&x=1".replace("&", "&amp;"), day=12),
    Told(13, "Twice on one day", 14, "ep-13", day=13),
    Told(14, "Twice on one day", 15, "ep-14", day=13),
]


def pages() -> dict[str, Page]:
    """The show as the web has it, by address."""
    items = "".join(told.item() for told in reversed(SHOW))
    head = f"<rss version='2.0'><channel><title>{escape(TITLE)}</title><link>http://example.net/</link>"
    feed = Page(f"<?xml version='1.0' encoding='UTF-8'?>{head}{items}</channel></rss>", "application/rss+xml")
    return {FEED: feed, **{told.url: Page(told.body, "audio/mpeg") for told in SHOW}}


class Left(NamedTuple):
    """What a program left."""

    #: With its version.
    program: str
    #: By path: what is in each file.
    files: dict[str, bytes]

    @classmethod
    def load(cls, name: str) -> "Left":
        told = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
        return cls(told["program"], {path: _content(value) for path, value in told["files"].items()})

    def unpack(self, folder: Path) -> None:
        """Put the files into a folder."""
        for path, content in self.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)


def recorded(program: str, folder: Path) -> str:
    """The text of a record: of all files in a folder."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = {str(path.relative_to(folder)): _value(path.read_bytes()) for path in paths}
    return json.dumps({"program": program, "files": files}, indent=1, ensure_ascii=False) + "\n"


def _value(content: bytes) -> dict[str, Any]:
    """The content of a file: the number of the episode whose file it is, or a text, or bytes."""
    for told in SHOW:
        if content == told.body:
            return {"episode": told.number}
    try:
        return {"text": content.decode()}
    except UnicodeDecodeError:
        return {"zlib": base64.b64encode(zlib.compress(content, 9)).decode()}


def _content(value: dict[str, Any]) -> bytes:
    if "episode" in value:
        return next(told.body for told in SHOW if told.number == value["episode"])
    return value["text"].encode() if "text" in value else zlib.decompress(base64.b64decode(value["zlib"]))
