"""Whether a file is complete, by what its container says: what is cut off is seen, and what is inexact is taken."""

import io
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from podcrawler.exceptions import MediaError
from podcrawler.items import Enclosure
from podcrawler.store.sniff import examine
from tests.store.record_files import FILES

BODIES = {path.name: path.read_bytes() for path in sorted(FILES.iterdir())}
#: Those that say where they end.
TELLING = [
    *("audio.m4a", "book.m4b", "audio.mp4", "video.mp4", "audio.mov", "audio.3gp", "fragmented.mp4"),
    *("audio.wav", "rf64.wav", "audio.avi", "audio.aiff", "audio.au"),
    *("vorbis.ogg", "audio.opus", "audio.webm", "video.webm", "audio.mkv", "audio.wma"),
]
SOUND = BODIES["audio.wav"]
M4A = BODIES["audio.m4a"]


class Counted(io.BytesIO):
    """A file that counts how often it is read."""

    reads = 0

    @override
    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        return super().read(size)


def whole(body: bytes) -> bool | None:
    """Whether a body of untold length is known to be complete; False if it is known to be cut off."""
    try:
        found = examine(
            io.BytesIO(body), url="https://h/1", content_type="", enclosure=Enclosure("https://h/1"), counted=False
        )
    except MediaError as error:
        return None if error.kind != "incomplete" else False
    return found.verified or None


def u32(number: int) -> bytes:
    return number.to_bytes(4, "little")


def b32(number: int) -> bytes:
    return number.to_bytes(4, "big")


def box(kind: bytes, content: bytes = b"", *, length: int | None = None) -> bytes:
    return b32(8 + len(content) if length is None else length) + kind + content


FTYP = box(b"ftyp", b"M4A \0\0\0\0")
MDAT, MOOV, MOOF = box(b"mdat", bytes(100)), box(b"moov", bytes(50)), box(b"moof", bytes(50))


@pytest.mark.parametrize("name", TELLING)
def test_a_container_tells_that_its_end_is_missing(name: str) -> None:
    body = BODIES[name]
    assert whole(body) is (None if name == "fragmented.mp4" else True)
    # Of an AVI the index at the end is no loss to a player.
    cuts = [200, len(body) * 3 // 5] if name in ("audio.avi", "video.webm") else [-1, -100, 200, len(body) // 2]
    assert [whole(body[:cut]) for cut in cuts] == [False] * len(cuts)


@pytest.mark.parametrize("name", sorted(BODIES))
def test_what_is_behind_the_end_is_no_harm(name: str) -> None:
    for behind in (b"TAG" + b"some title".ljust(125), bytes(4), bytes(1000), b"APETAGEX" + bytes(24), b"LYRICSBEGIN"):
        assert whole(BODIES[name] + behind) is not False


@pytest.mark.parametrize("name", ["audio.wav", "audio.flac", "audio.wma", "adts.aac", "audio.aiff", "audio.m4a"])
def test_a_tag_before_the_container_is_no_harm(name: str) -> None:
    assert whole(b"ID3\x04\0\0\0\0\x01\x48" + bytes(200) + BODIES[name]) is whole(BODIES[name])


@pytest.mark.parametrize("size", [b"\x7f\x7f\x7f\x7f", b"\0\0\x10\0", b"\0\0\0\x64"])
def test_a_tag_that_is_as_long_as_the_file_has_no_sound_behind_it(size: bytes) -> None:
    assert whole(b"ID3\x04\0\0" + size + bytes(100)) is False
    assert whole(b"ID3\x04\0\x10" + b"\0\0\0\x0a" + bytes(100)) is None


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        # A recorder that could not go back.
        (SOUND[:4] + b"\xff\xff\xff\xff" + SOUND[8:], None),
        (SOUND[:4] + bytes(4) + SOUND[8:], None),
        (SOUND[:40] + b"\xff\xff\xff\xff" + SOUND[44:], True),
        (SOUND[:4] + bytes(4) + SOUND[8:40] + bytes(4) + SOUND[44:], None),
        # The header is counted; the last byte that only fills up is missing.
        (SOUND[:4] + u32(len(SOUND)) + SOUND[8:], True),
        (SOUND[:4] + u32(len(SOUND) - 7) + SOUND[8:40] + u32(len(SOUND) - 44) + SOUND[44:], True),
        (SOUND[:4] + u32(len(SOUND)) + SOUND[8:40] + u32(0) + SOUND[44:], None),
        # The sound is all there, and a list of texts behind it is not.
        (SOUND[:4] + u32(len(SOUND) + 500) + SOUND[8:], True),
        (SOUND[:4] + u32(len(SOUND) + 500) + SOUND[8:40] + u32(len(SOUND)) + SOUND[44:], False),
        (SOUND[:12], False),
    ],
)
def test_sizes_of_riff_that_players_take(body: bytes, verdict: bool | None) -> None:
    assert whole(body) is verdict


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (FTYP + MDAT + MOOV, True),
        (MOOV + MDAT, True),
        (box(b"wide") + MDAT + MOOV, True),
        (FTYP + box(b"free", bytes(20)) + MOOV + MDAT, True),
        (FTYP + MOOV + box(b"beam", bytes(9)) + MDAT, True),
        # 64 bits.
        (FTYP + MOOV + b32(1) + b"mdat" + (116).to_bytes(8, "big") + bytes(100), True),
        (FTYP + MOOV + b32(1) + b"mdat" + (117).to_bytes(8, "big") + bytes(100), False),
        (FTYP + MOOV + b32(1) + b"mdat" + b"\xff" * 8 + bytes(100), False),
        # To the end of the file, wherever that is.
        (FTYP + MOOV + box(b"mdat", bytes(100), length=0), None),
        (FTYP + box(b"mdat", bytes(100), length=0), False),
        # No boxes.
        (FTYP + MDAT + MOOV + b"\0\0\0\x02mdat", None),
        (FTYP + MDAT + MOOV + bytes(3), None),
        (FTYP + MDAT + MOOV + b"TAGSome title that is long", None),
        # No index.
        (FTYP + MDAT, False),
        (FTYP + MDAT + bytes(100), False),
        (FTYP, False),
        (FTYP + MOOF + MDAT, None),
        (FTYP + MOOV + MOOF + MDAT + MOOF, None),
        (FTYP + MOOV + MOOF + MDAT[:-1], False),
    ],
)
def test_boxes(body: bytes, verdict: bool | None) -> None:
    assert whole(body) is verdict


def test_other_sizes() -> None:
    au, ogg, flac, webm = (BODIES[name] for name in ("audio.au", "vorbis.ogg", "audio.flac", "audio.webm"))
    assert whole(au[:8] + b"\xff\xff\xff\xff" + au[12:]) is None
    assert whole(ogg[: ogg.rindex(b"OggS")]) is None, "a stream without its last page"
    assert whole(ogg + bytes(100) + b"OggS\x77") is None, "a mark by chance"
    assert whole(flac[:20]) is False, "a block of metadata that is cut"
    segment = webm.index(b"\x18\x53\x80\x67")
    assert whole(webm[: segment + 4] + b"\x01" + b"\xff" * 7 + webm[segment + 12 :]) is None, "written live"
    wma = BODIES["audio.wma"]
    told = wma.index(bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")) + 40
    assert whole(wma[:told] + (10**9).to_bytes(8, "little") + wma[told + 8 :]) is True, "the size of its data is right"
    data = wma.index(bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")) + 16
    open_end = wma[:told] + (10**9).to_bytes(8, "little") + wma[told + 8 : data] + bytes(8) + wma[data + 8 :]
    assert whole(open_end) is False
    assert whole(open_end[: told + 48] + b"\x01" + open_end[told + 49 :]) is None, "a broadcast"


@pytest.mark.parametrize(
    "body",
    [
        FTYP + box(b"free") * 100_000,
        FTYP + box(b"free", length=8) * 100_000 + MOOV,
        FTYP + (b32(1) + b"free" + (8).to_bytes(8, "big")) * 100_000,
        FTYP + b"".join(box(b"moov", length=length) for length in range(8, 800_000, 8)),
        b"ID3\x04\0\0\0\x01\0\0" * 100_000,
        b"RIFF\xff\xff\0\x7fWAVE" + b"junk\0\0\0\0" * 100_000,
        b"FORM\x7f\0\0\0AIFF" + b"junk\0\0\0\0" * 100_000,
        b"\x1aE\xdf\xa3\x84B\x82\x81webm" + b"\xec\x80" * 100_000,
        b"fLaC" + bytes(400_000),
        b"OggS" * 100_000,
        BODIES["audio.wma"][:24] + b"\xff" * 4 + bytes(400_000),
    ],
    ids=[
        "boxes",
        "boxes to an index",
        "long boxes of 8 bytes",
        "boxes in boxes",
        "tags",
        "RIFF",
        "AIFF",
        "Matroska",
        "FLAC",
        "Ogg",
        "ASF",
    ],
)
def test_a_hostile_file_is_read_a_bounded_number_of_times(body: bytes) -> None:
    file = Counted(body)
    enclosure = Enclosure("https://h/1")
    with suppress(MediaError):
        examine(file, url="https://h/1", content_type="", enclosure=enclosure, counted=True)
    assert file.reads < 6000


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(BODIES)), st.data())
def test_no_damage_upsets_it(name: str, data: st.DataObject) -> None:
    body = bytearray(BODIES[name][:1200])
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, min(len(body) - 1, 200)))
        body[at : at + 1] = data.draw(st.binary(max_size=9))
    with suppress(MediaError):
        examine(io.BytesIO(body), url="https://h/1", content_type="", enclosure=Enclosure("https://h/1"), counted=True)
