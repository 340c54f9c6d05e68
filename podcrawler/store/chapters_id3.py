"""The chapters in an ID3 tag (ID3v2 Chapter Frame Addendum 1.0): a frame CHAP for each, and CTOC, which lists those
that are to be shown."""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from podcrawler.details import Chapter
from podcrawler.sites.reading import is_web_url
from podcrawler.store.containers import id3_end

#: Frames that are visited in a tag, those in frames included.
_MAX_FRAMES = 5000
#: Bytes of a text or an address, of the id of a chapter, and of a table of contents.
_MAX_TEXT, _MAX_ID, _MAX_CONTENTS = 4096, 256, 64 * 1024
#: Bytes of what was made safe for old players (unsynchronisation), which is read as a whole.
_MAX_UNSAFE = 4 * 1024 * 1024
#: Characters of an address.
_MAX_ADDRESS = 2000
#: ID3v2.4 §4: encodings of texts by their number, and what ends a text in each.
_ENCODINGS = (("latin-1", b"\0"), ("utf-16", b"\0\0"), ("utf-16-be", b"\0\0"), ("utf-8", b"\0"))
#: The flags of a frame that is compressed or encrypted, has a byte of its group, has four of its length, or is made
#: safe; by version (ID3v2.3 §3.3.1, ID3v2.4 §4.1).
_FLAGS = {3: (0xC0, 0x20, 0, 0), 4: (0x0C, 0x40, 0x01, 0x02)}


class _Frame(NamedTuple):
    """A frame: its content is between two places of a file."""

    name: bytes
    file: BinaryIO
    start: int
    end: int

    def read(self, start: int, most: int) -> bytes:
        self.file.seek(start)
        return self.file.read(min(most, self.end - start))


@dataclass(slots=True)
class _Tag:
    """A tag that is being read."""

    version: int
    frames_left: int = _MAX_FRAMES

    def frames(self, file: BinaryIO, start: int, end: int) -> Iterator[_Frame]:
        """The frames between two places of a file. Those that are compressed or encrypted are left out."""
        refused, grouped, measured, unsafe = _FLAGS[self.version]
        while end - start > 10 and self.frames_left:
            self.frames_left -= 1
            file.seek(start)
            name, raw_size, _, flags = struct.unpack(">4s4sBB", file.read(10).ljust(10, b"\0"))
            size = _size(raw_size, self.version)
            start += 10
            if not name.strip(b"\0") or size > end - start:
                # What fills the tag up, or no frame.
                return
            begin = start + (1 if flags & grouped else 0) + (4 if flags & measured else 0)
            start += size
            if flags & refused or begin > start:
                continue
            if flags & unsafe:
                if size <= _MAX_UNSAFE:
                    content = _undone(_Frame(name, file, begin, start).read(begin, size))
                    yield _Frame(name, io.BytesIO(content), 0, len(content))
            else:
                yield _Frame(name, file, begin, start)


def id3_chapters(file: BinaryIO) -> Iterator[Chapter]:
    """The chapters in the tag at the beginning of a file, in no order. Blocking. Raises OSError."""
    file.seek(0)
    head = file.read(14)
    end = min(id3_end(head[:10]), file.seek(0, io.SEEK_END))
    version, flags = (head[3], head[5]) if len(head) == 14 and end > 20 else (0, 0)
    if version not in _FLAGS:
        return
    start = 10
    if flags & 0x80 and version == 3:
        if end > _MAX_UNSAFE:
            return
        file.seek(start)
        content = _undone(file.read(end - start))
        file, start, end = io.BytesIO(content), 0, len(content)
        head = head[:10] + content[:4]
    if flags & 0x40:
        # Its size counts itself in one version, and does not in the other.
        start += _size(head[10:14], version) + (4 if version == 3 else 0)
    chapters: dict[bytes, Chapter] = {}
    listed: set[bytes] = set()
    tag = _Tag(version)
    for frame in tag.frames(file, start, end):
        if frame.name == b"CHAP":
            chapters.update(_chapter(tag, frame))
        elif frame.name == b"CTOC":
            listed.update(_contents(frame))
    # A table that lists none of them is about something else.
    shown = listed & chapters.keys() or chapters.keys()
    yield from (chapter for name, chapter in chapters.items() if name in shown)


def _chapter(tag: _Tag, frame: _Frame) -> dict[bytes, Chapter]:
    """The chapter of a frame by its id; none if it cannot be one."""
    name, mark, _ = frame.read(frame.start, _MAX_ID).partition(b"\0")
    start = frame.start + len(name) + 1
    times = frame.read(start, 16)
    if not mark or len(times) < 16:
        return {}
    begin = int.from_bytes(times[:4], "big")
    if begin == 0xFFFFFFFF:
        return {}
    title = href = ""
    for inner in tag.frames(frame.file, start + 16, frame.end):
        if inner.name == b"TIT2":
            title = title or _title(inner)
        elif inner.name == b"WXXX":
            href = href or _address(inner)
    return {name: Chapter(begin / 1000, title, href)}


def _contents(frame: _Frame) -> list[bytes]:
    """The ids that a table of contents lists."""
    _, _, rest = frame.read(frame.start, _MAX_CONTENTS).partition(b"\0")
    return rest[2:].split(b"\0")[: rest[1] if len(rest) > 1 else 0]


def _title(frame: _Frame) -> str:
    raw = frame.read(frame.start, _MAX_TEXT)
    return _text(raw[1:], raw[0] if raw else 0)[0]


def _address(frame: _Frame) -> str:
    """The address of a frame WXXX, which has a description first; empty if it is not on the web."""
    raw = frame.read(frame.start, _MAX_TEXT)
    _, rest = _text(raw[1:], raw[0] if raw else 0)
    url = rest.partition(b"\0")[0].decode("latin-1").strip()
    is_address = url.isprintable() and " " not in url and len(url) <= _MAX_ADDRESS
    return url if is_address and is_web_url(url) else ""


def _text(raw: bytes, encoding: int) -> tuple[str, bytes]:
    """A text up to its end, and the bytes behind that."""
    name, end = _ENCODINGS[encoding if encoding < len(_ENCODINGS) else 0]
    place = raw.find(end)
    while len(end) == 2 and place % 2 == 1 and place >= 0:
        place = raw.find(end, place + 1)
    text = raw if place < 0 else raw[:place]
    return text.decode(name, "replace"), b"" if place < 0 else raw[place + len(end) :]


def _size(raw: bytes, version: int) -> int:
    """A size: in one version of four bytes, in the other of seven bits in each."""
    if version == 3:
        return int.from_bytes(raw, "big")
    return sum((byte & 0x7F) << shift for byte, shift in zip(raw, (21, 14, 7, 0), strict=True))


def _undone(content: bytes) -> bytes:
    """The content without the zeros that keep old players from taking it for sound (ID3v2.4 §6.1)."""
    return content.replace(b"\xff\0", b"\xff")
