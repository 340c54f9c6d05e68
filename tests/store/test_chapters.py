"""The chapters that media files themselves have."""

import io
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcrawler.details import Chapter
from podcrawler.store.chapters import MOST_CHAPTERS, chapters_in
from tests.store.record_files import FILES

TOLD = [Chapter(0.0, "Beginning"), Chapter(0.1, "第二章"), Chapter(0.25, "End")]


@pytest.mark.parametrize("name", ["chapters.mp3", "chapters.m4a", "chapters.mov"])
def test_those_of_files_as_programs_write_them_are_read(name: str) -> None:
    with (FILES / name).open("rb") as file:
        assert chapters_in(file) == TOLD


@pytest.mark.parametrize("path", sorted(FILES.glob("[!c]*")), ids=lambda path: path.name)
def test_other_files_have_none(path: Path) -> None:
    with path.open("rb") as file:
        assert chapters_in(file) == []


def test_without_a_track_the_list_of_nero_counts() -> None:
    raw = (FILES / "chapters.m4a").read_bytes()
    assert chapters_in(io.BytesIO(raw.replace(b"tref", b"free"))) == TOLD
    assert chapters_in(io.BytesIO(raw.replace(b"chpl", b"free"))) == TOLD
    assert chapters_in(io.BytesIO(raw.replace(b"tref", b"free").replace(b"chpl", b"free"))) == []


def synchsafe(size: int) -> bytes:
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


def frame(name: bytes, content: bytes, flags: int = 0, version: int = 4) -> bytes:
    size = synchsafe(len(content)) if version == 4 else struct.pack(">I", len(content))
    return name + size + bytes((0, flags)) + content


def text(title: str, encoding: int = 3, version: int = 4) -> bytes:
    raw = title.encode(("latin-1", "utf-16", "utf-16-be", "utf-8")[encoding])
    return frame(b"TIT2", bytes([encoding]) + raw, version=version)


def chapter(name: str, start: int, *inner: bytes, version: int = 4, flags: int = 0) -> bytes:
    content = name.encode() + b"\0" + struct.pack(">IIII", start, start, 0xFFFFFFFF, 0xFFFFFFFF) + b"".join(inner)
    return frame(b"CHAP", content, flags, version)


def tag(*frames: bytes, version: int = 4, flags: int = 0, extended: bytes = b"") -> io.BytesIO:
    content = extended + b"".join(frames) + bytes(20)
    return io.BytesIO(b"ID3" + bytes((version, 0, flags)) + synchsafe(len(content)) + content + b"\xff\xfb\x90\0" * 20)


def address(url: str, description: bytes = b"\0\0") -> bytes:
    return frame(b"WXXX", description + url.encode())


def test_what_a_chapter_of_a_tag_may_have() -> None:
    picture = frame(b"APIC", b"\0image/png\0\0\0" + bytes(100_000))
    found = chapters_in(
        tag(
            frame(b"TALB", b"\3Album"),
            chapter("b", 2500, picture, text("Zwei"), address("https://example.org/b", b"\1\xff\xfea\0\0\0")),
            chapter("a", 0, text("Eins", 1)),
            chapter("c", 3000, text("Drei\0more", 0), address("javascript:alert(1)")),
            chapter("d", 4000, text("A\n\x1b[31mline", 2), address("https://[")),
            chapter("none", 0xFFFFFFFF, text("Of no time")),
            frame(b"CHAP", b"cut\0\0\0"),
        )
    )
    assert found == [
        Chapter(0.0, "Eins"),
        Chapter(2.5, "Zwei", "https://example.org/b"),
        Chapter(3.0, "Drei"),
        Chapter(4.0, "A [31mline"),
    ]


def test_those_that_the_table_of_contents_leaves_out_are_not_shown() -> None:
    frames = [chapter("a", 0, text("A")), chapter("b", 1000, text("B"))]
    assert [one.title for one in chapters_in(tag(*frames, frame(b"CTOC", b"toc\0\3\1a\0")))] == ["A"]
    assert [one.title for one in chapters_in(tag(*frames, frame(b"CTOC", b"toc\0\3\1x\0")))] == ["A", "B"]


def test_tags_of_other_forms_are_read() -> None:
    old = chapter("a", 0, text("Old", version=3), version=3)
    assert chapters_in(tag(old, version=3)) == [Chapter(0.0, "Old")]
    safe = old.replace(b"\xff", b"\xff\0")
    assert chapters_in(tag(safe, version=3, flags=0x80)) == [Chapter(0.0, "Old")]
    extended = struct.pack(">IHI", 6, 0, 0)
    assert chapters_in(tag(old, version=3, flags=0x40, extended=extended)) == [Chapter(0.0, "Old")]
    inner = chapter("a", 0, text("New"))[10:].replace(b"\xff", b"\xff\0")
    assert chapters_in(tag(frame(b"CHAP", inner, 0x02))) == [Chapter(0.0, "New")]
    measured = frame(b"CHAP", b"\1" + synchsafe(40) + chapter("a", 0, text("New"))[10:], 0x41)
    assert chapters_in(tag(measured, flags=0x40, extended=synchsafe(6) + b"\1\0")) == [Chapter(0.0, "New")]
    assert chapters_in(tag(chapter("a", 0), version=2)) == []


def test_nothing_is_decompressed() -> None:
    bomb = frame(b"CHAP", synchsafe(1 << 27) + zlib.compress(bytes(1 << 24)), 0x09)
    assert chapters_in(tag(bomb, chapter("a", 0))) == [Chapter(0.0)]


def test_there_are_not_more_than_may_be() -> None:
    assert len(chapters_in(tag(*(chapter(str(number), number) for number in range(2000))))) == MOST_CHAPTERS


@given(st.data())
def test_no_bytes_are_more_than_chapters(data: st.DataObject) -> None:
    """Whatever somebody does to a file."""
    raw = bytearray((FILES / data.draw(st.sampled_from(["chapters.mp3", "chapters.m4a", "chapters.mov"]))).read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(raw) - 1))
        change = data.draw(st.binary(min_size=1, max_size=12))
        raw[place : place + len(change)] = change
    found = chapters_in(io.BytesIO(bytes(raw[: data.draw(st.integers(0, len(raw)))])))
    assert all(one.start >= 0 and one.title.isprintable() for one in found)


def box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I", 8 + len(body)) + kind + body


@pytest.mark.parametrize("each", [1, 0xFFFFFFFF])
@pytest.mark.parametrize("place", [1 << 40, 1 << 62, 1 << 63, (1 << 64) - 1])
def test_no_place_beyond_the_file_is_looked_at(tmp_path: Path, place: int, each: int) -> None:
    """Of a real file, whose system refuses some of them. Its tables say that there are as many as can be."""
    many = 0xFFFFFFFF
    tables = (
        box(b"stts", struct.pack(">IIII", 0, 1, many, 500)),
        box(b"stsc", struct.pack(">IIIII", 0, many, 1, each, 1)),
        box(b"stsz", struct.pack(">III", 0, many, many)),
        box(b"co64", struct.pack(">IIQQ", 0, 2, 20, place)),
    )
    texts = box(b"mdia", box(b"mdhd", bytes(12), struct.pack(">I", 1000)), box(b"hdlr", bytes(8), b"text"))
    texts = texts[:4] + b"mdia" + texts[8:] + box(b"minf", box(b"stbl", *tables))
    texts = struct.pack(">I", len(texts)) + texts[4:]
    sound = box(b"trak", box(b"tkhd", bytes(12), b"\0\0\0\1"), box(b"tref", box(b"chap", b"\0\0\0\2")))
    moov = box(b"moov", sound, box(b"trak", box(b"tkhd", bytes(12), b"\0\0\0\2"), texts))
    path = tmp_path / "file.m4a"
    path.write_bytes(box(b"ftyp", b"M4A \0\0\0\0") + moov)
    with path.open("rb") as file:
        found = chapters_in(file)
    assert len(found) == (MOST_CHAPTERS if each > 1 else 2)
    assert found[1].start == 0.5
