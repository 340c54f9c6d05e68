"""The chapters in an MP4 or a QuickTime file: a track of texts that another one refers to (QuickTime File Format,
"Chapter Lists"), or Nero's list of them (``chpl``)."""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from podcrawler.details import Chapter

#: Boxes that are visited in a file, entries of a table, and samples of a track that are read.
_MAX_BOXES, _MAX_ENTRIES = 5000, 1000
#: Bytes of a sample, which is a title, and of ``chpl``.
_MAX_SAMPLE, _MAX_CHPL = 1024, 256 * 1024
#: Tracks: those of sound and pictures are few.
_MAX_TRACKS = 50
#: Those that have boxes in them which are looked at.
_OUTER = frozenset((b"moov", b"trak", b"mdia", b"minf", b"stbl", b"udta", b"tref"))
#: Those of a track whose content is, and how much of it.
_TABLES = {
    b"tkhd": 24,
    b"mdhd": 28,
    b"hdlr": 12,
    b"chap": 4 * 16,
    b"stts": 8 + 8 * _MAX_ENTRIES,
    b"stsc": 8 + 12 * _MAX_ENTRIES,
    b"stsz": 12 + 4 * _MAX_ENTRIES,
    b"stco": 8 + 4 * _MAX_ENTRIES,
    b"co64": 8 + 8 * _MAX_ENTRIES,
}


@dataclass(slots=True)
class _Movie:
    """What is read of a file."""

    #: The boxes of each track, by their kinds.
    tracks: list[dict[bytes, bytes]] = field(default_factory=list)
    chpl: bytes = b""
    boxes_left: int = _MAX_BOXES


def mp4_chapters(file: BinaryIO) -> Iterator[Chapter]:
    """The chapters of a file, in no order. Blocking. Raises OSError."""
    movie, size = _Movie(), file.seek(0, io.SEEK_END)
    _read_boxes(file, 0, size, movie, depth=0)
    referred = {number for track in movie.tracks for number in _numbers(track.get(b"chap", b""), 4)}
    for track in movie.tracks:
        is_of_text = track.get(b"hdlr", b"")[8:12] in (b"text", b"sbtl")
        if is_of_text and _track_id(track) in referred and (found := list(_of_track(file, size, track))):
            yield from found
            return
    yield from _of_chpl(movie.chpl)


def _read_boxes(file: BinaryIO, start: int, end: int, movie: _Movie, depth: int) -> None:
    """Read the boxes between two places (ISO/IEC 14496-12 §4.2)."""
    while end - start >= 8 and movie.boxes_left:
        movie.boxes_left -= 1
        file.seek(start)
        head = file.read(16)
        size, kind = int.from_bytes(head[:4], "big"), head[4:8]
        body = start + 8
        if size == 1:
            size, body = int.from_bytes(head[8:16], "big"), start + 16
        after = end if size == 0 else start + size
        if after < body or after > end:
            return
        if kind == b"trak":
            if len(movie.tracks) == _MAX_TRACKS:
                return
            movie.tracks.append({})
        if kind in _OUTER and depth < len(_OUTER):
            _read_boxes(file, body, after, movie, depth + 1)
        elif kind == b"chpl":
            movie.chpl = _read(file, body, min(after - body, _MAX_CHPL))
        elif kind in _TABLES and movie.tracks:
            movie.tracks[-1].setdefault(kind, _read(file, body, min(after - body, _TABLES[kind])))
        start = after


def _of_track(file: BinaryIO, end: int, track: dict[bytes, bytes]) -> Iterator[Chapter]:
    """The chapters of a track of texts: each sample is one, and begins when it is shown. ``end`` is the file's."""
    scale = _time_scale(track.get(b"mdhd", b""))
    if not scale:
        return
    for begin, (place, size) in zip(_begins(track.get(b"stts", b"")), _samples(track), strict=False):
        raw = _read(file, place, min(size, _MAX_SAMPLE)) if place < end else b""
        yield Chapter(begin / scale, _title(raw[2 : 2 + int.from_bytes(raw[:2], "big")]))


def _begins(stts: bytes) -> Iterator[int]:
    """When each sample begins, in units of the track's time scale."""
    begin = left = 0
    for count, length in _entries(stts, 8, ">II"):
        for _ in range(min(count, _MAX_ENTRIES)):
            if left == _MAX_ENTRIES:
                return
            left += 1
            yield begin
            begin += length


def _samples(track: dict[bytes, bytes]) -> Iterator[tuple[int, int]]:
    """Where each sample is, and how many bytes it has."""
    stsz = track.get(b"stsz", b"")
    common, count = int.from_bytes(stsz[4:8], "big"), int.from_bytes(stsz[8:12], "big")
    sizes = iter([common] * min(count, _MAX_ENTRIES) if common else _numbers(stsz[12:], 4))
    if b"co64" in track:
        chunks = [place for (place,) in _entries(track[b"co64"], 8, ">Q")]
    else:
        chunks = [place for (place,) in _entries(track.get(b"stco", b""), 8, ">I")]
    rows = list(_entries(track.get(b"stsc", b""), 8, ">III"))
    row = 0
    for number, place in enumerate(chunks, 1):
        while row + 1 < len(rows) and rows[row + 1][0] <= number:
            row += 1
        for _ in range(min(rows[row][1] if rows else 0, _MAX_ENTRIES)):
            if (size := next(sizes, None)) is None:
                return
            yield place, size
            place += size


def _of_chpl(chpl: bytes) -> Iterator[Chapter]:
    """Nero's list: for each its start in units of 100 ns, and its title."""
    place = 9 if chpl[:1] == b"\x01" else 5
    for _ in range(chpl[place - 1] if len(chpl) >= place else 0):
        if len(chpl) < place + 9:
            return
        begin, length = int.from_bytes(chpl[place : place + 8], "big"), chpl[place + 8]
        place += 9
        yield Chapter(begin / 10_000_000, _title(chpl[place : place + length]))
        place += length


def _time_scale(mdhd: bytes) -> int:
    place = 20 if mdhd[:1] == b"\x01" else 12
    return int.from_bytes(mdhd[place : place + 4], "big")


def _track_id(track: dict[bytes, bytes]) -> int:
    tkhd = track.get(b"tkhd", b"")
    place = 20 if tkhd[:1] == b"\x01" else 12
    return int.from_bytes(tkhd[place : place + 4], "big")


def _title(raw: bytes) -> str:
    is_utf16 = raw.startswith((b"\xfe\xff", b"\xff\xfe"))
    return raw.decode("utf-16" if is_utf16 else "utf-8", "replace").lstrip("\ufeff")


def _entries(table: bytes, head: int, form: str) -> Iterator[tuple[int, ...]]:
    """The entries of a table behind its head, as many as it has and says."""
    count = int.from_bytes(table[4:8], "big")
    size = struct.calcsize(form)
    for number in range(min(count, (len(table) - head) // size)):
        yield struct.unpack_from(form, table, head + number * size)


def _numbers(raw: bytes, size: int) -> Iterator[int]:
    for place in range(0, len(raw) - size + 1, size):
        yield int.from_bytes(raw[place : place + size], "big")


def _read(file: BinaryIO, place: int, size: int) -> bytes:
    file.seek(place)
    return file.read(size)
