"""Whether a media file ends where its container says.

Writers are inexact in ways that players take: sizes that count a header too much or were never filled in, tags and junk
behind the end. So a file is called cut off only if nothing that its container tells agrees with its length. Files are
hostile: each check makes a bounded number of small reads, and believes no length that leads nowhere.
"""

import os
import re
from collections.abc import Callable
from typing import BinaryIO, Literal, TypeAlias

_Order: TypeAlias = Literal["big", "little"]

#: Boxes, chunks, elements or blocks that are visited at most.
_MAX_STEPS = 5000
#: The sizes of a recorder that could not go back: as large as can be, or nearly.
_UNKNOWN_32 = range(0x7FFF0000, 1 << 32)

#: The top-level boxes of an MP4 (ISO/IEC 14496-12 §6.2.3, and QuickTime's).
_BOXES = frozenset(
    b"ftyp styp pdin moov moof mfra mdat free skip wide udta meta uuid sidx ssix prft emsg pnot PICT junk".split()
)
#: The longest page of an Ogg stream (RFC 3533 §6).
_OGG_PAGE = 65_307
#: Ogg's mark of a page, which is by chance in other data, too.
_MAX_MARKS = 100

_ID3 = re.compile(rb"ID3[\x02-\x04].(.)([\x00-\x7f]{4})", re.DOTALL)
#: RFC 8794 §11.3.1 and RFC 9559 §5.1: the header, and the element that holds everything else.
_EBML_HEADER, _SEGMENT = 0x1A45DFA3, 0x18538067
#: Advanced Systems Format §3.1, §3.2, §5.1: the GUIDs of objects.
_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")


def id3_end(head: bytes) -> int:
    """Where the ID3v2 tag at the beginning ends (ID3v2.4 §3.1); 0 if there is none."""
    if not (tag := _ID3.match(head)):
        return 0
    # The size has seven bits a byte, and counts neither the header nor the footer.
    size: int = sum(byte << shift for byte, shift in zip(tag[2], (21, 14, 7, 0), strict=True))
    return size + (20 if tag[1][0] & 0x10 else 10)


def is_whole(file: BinaryIO, extension: str | None, start: int = 0) -> bool | None:
    """Whether the file is complete. Its container begins at ``start``, and is the one that has this extension.

    False if its end is missing, or what it cannot be played without; None if the container does not say. Blocking.
    Raises OSError."""
    size = file.seek(0, os.SEEK_END)
    if start >= size:
        # The tag before it goes on to the end of the file, or beyond.
        return False
    check = _CHECKS.get(extension or "")
    return check(file, start, size) if check else None


def _read(file: BinaryIO, position: int, length: int) -> bytes:
    file.seek(position)
    return file.read(length)


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _whole_riff(file: BinaryIO, start: int, size: int) -> bool | None:
    """RIFF, RF64 and AIFF: chunks, each with its size, in one chunk that is as long as the file."""
    head = _read(file, start, 36)
    order: _Order = "big" if head[:4] == b"FORM" else "little"
    announced, sound = int.from_bytes(head[4:8], order), 0
    if head[:4] in (b"RF64", b"BW64") and head[12:16] == b"ds64":
        # EBU Tech 3306 §3.4: the sizes of the file and of its sound, 64 bits each.
        announced, sound = int.from_bytes(head[20:28], order), int.from_bytes(head[28:36], order)
    is_known = announced > 0 and announced not in _UNKNOWN_32
    end = start + 8 + announced
    if is_known and end <= size:
        return True
    fits = _sound_fits(file, start + 12, size, order, sound)
    # The header itself may be counted, and a byte that fills up the last chunk.
    if fits or not is_known or (fits is None and end <= size + 9):
        return True if fits and is_known else None
    return False


def _sound_fits(file: BinaryIO, position: int, size: int, order: _Order, sound: int) -> bool | None:
    """Whether the chunk with the sound or the pictures ends within the file; None if there is none, or its size is not
    told. ``sound`` is that of RF64."""
    for _ in range(_MAX_STEPS):
        head = _read(file, position, 12)
        kind, length = head[:4], int.from_bytes(head[4:8], order)
        if len(head) < 8 or not _is_word(kind):
            return None
        is_sound = kind in (b"data", b"SSND") or (kind == b"LIST" and head[8:12] == b"movi")
        if is_sound and sound and length in _UNKNOWN_32:
            length = sound
        if is_sound and (not length or length in _UNKNOWN_32):
            return None
        end = position + 8 + length
        if is_sound or end > size:
            return end <= size
        position = end + length % 2
    return None


def _is_word(kind: bytes) -> bool:
    """Whether these bytes can be the name of a chunk or box."""
    return len(kind) == 4 and all(0x20 <= byte < 0x7F for byte in kind)


def _whole_mp4(file: BinaryIO, start: int, size: int) -> bool | None:
    """ISO/IEC 14496-12 §4.2: the file is a row of boxes, each of which says how long it is. Without its index (moov) it
    cannot be played. Fragments, each of which has one, may be missing unnoticed."""
    kinds: set[bytes] = set()
    position = start
    for _ in range(_MAX_STEPS):
        head = _read(file, position, 16)
        length, kind = _number(head[:4]), head[4:8]
        if length == 1:
            length = _number(head[8:16])
        is_known = kind in _BOXES
        # A box of length 0 goes on to the end of the file. Other programs append tags, which are no boxes.
        is_last = not is_known or length < 8
        if is_known:
            kinds.add(kind)
            if length >= 8 and position + length > size:
                return False
        elif length >= 8 and _is_word(kind) and position + length <= size:
            is_last = False
        if is_last:
            break
        position += length
    else:
        return None
    if b"moof" in kinds:
        return None
    if b"moov" not in kinds:
        return False
    return True if position == size else None


def _whole_ogg(file: BinaryIO, _: int, size: int) -> bool | None:
    """RFC 3533 §6: the last page of a stream is marked."""
    tail = _read(file, max(0, size - 2 * _OGG_PAGE), 2 * _OGG_PAGE)
    last = len(tail)
    for _step in range(_MAX_MARKS):
        last = tail.rfind(b"OggS", 0, last)
        if last < 0:
            return None
        if tail[last + 4 : last + 5] in (b"", b"\0"):
            break
    page = tail[last:]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return False
    length = 27 + page[26] + sum(page[27 : 27 + page[26]])
    if len(page) < length:
        return False
    # Recordings of live streams often lack the mark, so that its absence proves nothing.
    return True if len(page) == length and page[5] & 4 else None


def _whole_matroska(file: BinaryIO, start: int, size: int) -> bool | None:
    """RFC 8794 §6: elements, each with its size, in a segment that has one, too, unless it was written live."""
    position = start
    for _ in range(_MAX_STEPS):
        kind, position, length = _element(file, position)
        if not kind:
            return None
        if kind == _SEGMENT:
            break
        # Only the header and what fills up may come before.
        position += length or 0
        if length is None or position > size:
            return False if length is not None and kind == _EBML_HEADER else None
    else:
        return None
    return None if length is None else position + length <= size


def _element(file: BinaryIO, position: int) -> tuple[int, int, int | None]:
    """The id of the element at this position (0 if there is none), where its data begins, and the length of that; None
    if the length is not told (RFC 8794 §4, §5, §6.2)."""
    head = _read(file, position, 12)
    id_length = _vint_length(head[:1])
    size_length = _vint_length(head[id_length : id_length + 1])
    if not 1 <= id_length <= 4 or not size_length or len(head) < id_length + size_length:
        return 0, position, None
    bits = 7 * size_length
    length = _number(head[id_length : id_length + size_length]) & ((1 << bits) - 1)
    unknown = length == (1 << bits) - 1
    return _number(head[:id_length]), position + id_length + size_length, None if unknown else length


def _vint_length(first: bytes) -> int:
    """How many bytes a number has that begins with this one; 0 if none does."""
    return 9 - first[0].bit_length() if first and first[0] else 0


def _whole_asf(file: BinaryIO, start: int, size: int) -> bool | None:
    head = _read(file, start, 30)
    if len(head) < 30 or not head.startswith(_ASF_HEADER):
        return None
    header_length, count = int.from_bytes(head[16:24], "little"), int.from_bytes(head[24:28], "little")
    if start + header_length > size:
        return False
    data = _read(file, start + header_length, 24)
    # Editors of tags change the header and forget one of the sizes.
    ends = []
    if data.startswith(_ASF_DATA):
        ends.append(start + header_length + int.from_bytes(data[16:24], "little"))
    position = start + 30
    for _ in range(min(count, _MAX_STEPS)):
        entry = _read(file, position, 104)
        length = int.from_bytes(entry[16:24], "little")
        # A broadcast is of unknown size, and says so in a flag.
        if entry.startswith(_ASF_FILE) and len(entry) >= 92 and not entry[88] & 1:
            ends.append(start + int.from_bytes(entry[40:48], "little"))
        if length < 24 or position + length > start + header_length:
            break
        position += length
    known = [end for end in ends if end > start + header_length]
    return any(end <= size for end in known) if known else None


def _whole_au(file: BinaryIO, start: int, size: int) -> bool | None:
    head = _read(file, start, 12)
    offset, length = _number(head[4:8]), _number(head[8:12])
    if len(head) < 12 or not length or length in _UNKNOWN_32:
        return None
    return start + offset + length <= size


def _whole_flac(file: BinaryIO, start: int, size: int) -> bool | None:
    """RFC 9639 §8.1: blocks of metadata, of which the last is marked. What follows does not say how long it is."""
    position = start + 4
    for _ in range(_MAX_STEPS):
        head = _read(file, position, 4)
        position += 4 + _number(head[1:4])
        if len(head) < 4 or position > size:
            return False
        if head[0] & 0x80:
            return None if position < size else False
    return None


_CHECKS: dict[str, Callable[[BinaryIO, int, int], bool | None]] = {
    **dict.fromkeys(("wav", "avi", "aiff"), _whole_riff),
    **dict.fromkeys(("m4a", "m4b", "m4v", "mp4", "mov", "3gp", "3g2"), _whole_mp4),
    **dict.fromkeys(("ogg", "opus", "spx", "ogv"), _whole_ogg),
    **dict.fromkeys(("mkv", "webm"), _whole_matroska),
    "wma": _whole_asf,
    "au": _whole_au,
    "flac": _whole_flac,
}
