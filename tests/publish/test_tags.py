"""``publish --tree --tags``: copies with tags, whose sound is that of the archive's files."""

import base64
import hashlib
import os
import struct
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mutagen
import pytest
from mutagen import id3
from mutagen.flac import FLAC, Picture
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4
from mutagen.ogg import OggPage

from podcrawler.details import Person
from podcrawler.items import Episode, Podcast
from podcrawler.publish.languages import three_letters
from podcrawler.publish.tags import Tags, tags_of
from podcrawler.store import sidecar
from podcrawler.store.sniff import is_sound
from tests.archives import put_beside, put_episode, put_podcast
from tests.builders import file_sha256
from tests.conftest import Commands, Result
from tests.disks import small_disk
from tests.publish.reading import SHOW

FILES = Path(__file__).parent.parent / "store" / "files"
TEMPLATE = "{title}.{ext}"
JPEG = b"\xff\xd8\xff\xe0 no more than the beginning of a picture"
TOLD: dict[str, Any] = {
    "description": "<p>What &amp; why</p>",
    "page": "https://example.org/頁?a=b",
    "season": 2,
    "episode": 7,
    "published": datetime(2026, 3, 4, 23, tzinfo=UTC),
}


@pytest.fixture
def archive(commands: Commands) -> Path:
    put_podcast(commands.archive, title="標題 Show", author="陳大文", language="zh-Hant")
    return commands.archive


def put(archive: Path, name: str, number: int = 1, **fields: Any) -> Path:
    """Put one of the files of the tests into the archive."""
    content = (FILES / name).read_bytes()
    path = put_episode(archive, content, number=number, **{"title": name.replace(".", " "), **TOLD, **fields})
    described = path.with_name(sidecar.sidecar_name(path.name))
    media = path.rename(path.with_suffix(Path(name).suffix))
    told = described.read_text().replace(path.name, media.name)
    described.unlink()
    media.with_name(sidecar.sidecar_name(media.name)).write_text(told)
    return media


def grow(commands: Commands, *words: str, status: int = 0) -> Result:
    ended = commands.run("publish", "--tree", TEMPLATE, "--to", "tree", *words)
    assert (ended.status, "Traceback" in ended.err) == (status, False), ended.out + ended.err
    return ended


def made(commands: Commands) -> dict[str, Path]:
    return {path.name: path for path in (commands.folder / "tree").iterdir() if not path.name.startswith(".")}


def sound(path: Path) -> str:
    """The hash of what is heard: of all but the tags."""
    content = path.read_bytes()
    if path.suffix == ".mp3":
        end = 0
        if content.startswith(b"ID3"):
            size = 0
            for byte in content[6:10]:
                size = size << 7 | byte
            end = 10 + size
        payload = content[end:].removesuffix(content[-128:] if content[-128:-125] == b"TAG" else b"")
    elif path.suffix == ".flac":
        payload = content[_flac_end(content) :]
    elif content.startswith(b"OggS"):
        payload = b"".join(_packets(path))
    else:
        payload = b"".join(_chunks(content))
    assert payload
    return hashlib.sha256(payload).hexdigest()


def _flac_end(content: bytes) -> int:
    at, is_last = 4, False
    while not is_last:
        is_last = bool(content[at] & 0x80)
        at += 4 + int.from_bytes(content[at + 1 : at + 4])
    return at


def _packets(path: Path) -> Iterator[bytes]:
    """What is in the pages behind those of the headers, with the places in time that they are of."""
    with path.open("rb") as file:
        pages = []
        while True:
            try:
                pages.append(OggPage(file))
            except EOFError:
                break
    for page in pages:
        if page.position > 0:
            yield struct.pack("<q", page.position) + b"".join(page.packets)


def _chunks(content: bytes) -> Iterator[bytes]:
    """What the table of chunks leads to, and the end of the media data (ISO/IEC 14496-12 §8.7.5)."""
    at = content.index(b"stco")
    (count,) = struct.unpack(">I", content[at + 8 : at + 12])
    for offset in struct.unpack(f">{count}I", content[at + 12 : at + 12 + 4 * count]):
        yield content[offset : offset + 200]
    start = content.index(b"mdat")
    yield content[start : start - 4 + int.from_bytes(content[start - 4 : start])]


@pytest.mark.parametrize(
    "names",
    [("tagged.mp3", "untagged.mp3", "audio.flac"), ("audio.m4a", "book.m4b", "audio.mp4", "audio.opus", "vorbis.ogg")],
    ids=["streams", "containers"],
)
def test_copies_have_tags_and_the_same_sound(commands: Commands, archive: Path, names: tuple[str, ...]) -> None:
    (archive / SHOW / "cover.jpg").write_bytes(JPEG)
    sources = [put(archive, name, number) for number, name in enumerate(names, 1)]
    before = [file_sha256(path) for path in sources]
    os.utime(sources[0], (1_000_000_000, 1_000_000_000))
    assert f"{len(names)} files made, 0 removed, 0 unchanged." in grow(commands, "--tags").out
    assert [file_sha256(path) for path in sources] == before, "the archive is as it was"
    for source, name in zip(sources, names, strict=True):
        copy = made(commands)[f"{name.replace('.', ' ')}{source.suffix}"]
        assert not copy.samefile(source)
        assert copy.stat().st_nlink == 1
        assert copy.stat().st_mtime_ns == source.stat().st_mtime_ns
        assert sound(copy) == sound(source)
        with copy.open("rb") as file:
            assert is_sound(file, copy.name)
        there, here = mutagen.File(source), mutagen.File(copy)
        assert here.info.length == pytest.approx(there.info.length)
        assert told_by(here) == {
            "title": name.replace(".", " "),
            "album": "標題 Show",
            "artist": "陳大文",
            "albumartist": "陳大文",
            "date": "2026-03-04",
            "track": "7",
            "disc": "2",
            "genre": "Podcast",
            "comment": "What & why",
            "language": "zho" if source.suffix == ".mp3" else "zh-Hant",
            "url": "https://example.org/%E9%A0%81?a=b" if source.suffix == ".mp3" else "https://example.org/頁?a=b",
            "cover": JPEG,
        }
    assert f"0 files made, 0 removed, {len(names)} unchanged." in grow(commands, "--tags").out


def told_by(file: Any) -> dict[str, Any]:
    """The tags that are of all files, by names of our own."""
    tags = file.tags
    found: list[Any]
    names: tuple[str, ...]
    if isinstance(file, MP3):
        assert tags.version == (2, 4, 0)
        names = ("TIT2", "TALB", "TPE1", "TPE2", "TDRC", "TRCK", "TPOS", "TCON")
        found = [str(tags[name].text[0]) for name in names]
        (comment,), (cover,) = tags.getall("COMM"), tags.getall("APIC")
        found += [comment.text[0], tags["TLAN"].text[0], tags["WOAF"].url, cover.data]
    elif isinstance(file, MP4):
        found = [tags[name][0] for name in ("\xa9nam", "\xa9alb", "\xa9ART", "aART", "\xa9day")]
        found += [str(tags["trkn"][0][0]), str(tags["disk"][0][0]), tags["\xa9gen"][0], tags["\xa9cmt"][0]]
        found += [bytes(tags[f"----:com.apple.iTunes:{name}"][0]).decode() for name in ("LANGUAGE", "URL")]
        found.append(bytes(tags["covr"][0]))
        assert tags["desc"] == tags["ldes"] == tags["\xa9cmt"]
    else:
        names = (
            *("title", "album", "artist", "albumartist", "date", "tracknumber", "discnumber", "genre", "comment"),
            *("language", "url"),
        )
        found = [tags[name][0] for name in names]
        assert tags["description"] == tags["comment"]
        if isinstance(file, FLAC):
            (picture,) = file.pictures
        else:
            picture = Picture(base64.b64decode(tags["metadata_block_picture"][0]))
        found.append(picture.data)
    ours = (
        *("title", "album", "artist", "albumartist", "date", "track", "disc", "genre", "comment", "language", "url"),
        "cover",
    )
    return dict(zip(ours, found, strict=True))


def test_tags_that_are_not_replaced_stay(commands: Commands, archive: Path) -> None:
    put_podcast(archive, title="Show")
    path = put(archive, "untagged.mp3", season=None, episode=1.5, description="New", page="", published=None)
    tags = id3.ID3()
    tags.add(id3.TPE1(encoding=3, text=["the artist"]))
    tags.add(id3.TPE2(encoding=3, text=["the other"]))
    tags.add(id3.TRCK(encoding=3, text=["3/10"]))
    tags.add(id3.TYER(encoding=0, text=["1999"]))
    tags.add(id3.COMM(encoding=3, lang="eng", desc="iTunNORM", text=["00 01"]))
    tags.add(id3.COMM(encoding=3, lang="eng", desc="", text=["old"]))
    tags.add(id3.TXXX(encoding=3, desc="mood", text=["calm"]))
    tags.add(id3.APIC(encoding=3, mime="image/png", type=3, desc="front", data=b"front"))
    tags.add(id3.CHAP(element_id="c1", start_time=0, end_time=10, sub_frames=[id3.TIT2(encoding=3, text=["Intro"])]))
    tags.save(path, v2_version=3)
    grow(commands, "--tags")
    (copy,) = made(commands).values()
    found: Any = mutagen.File(copy).tags
    kept = ("TPE1", "TPE2", "TRCK", "TDRC", "COMM:iTunNORM:eng", "TXXX:mood")
    assert [str(found[name].text[0]) for name in kept] == ["the artist", "the other", "3/10", "1999", "00 01", "calm"]
    assert (found["TIT2"].text, found["TALB"].text, found["APIC:front"].data) == (["untagged mp3"], ["Show"], b"front")
    assert [one.text[0] for one in found.getall("COMM") if not one.desc] == ["New"]
    assert found["CHAP:c1"].sub_frames["TIT2"].text == ["Intro"]
    cover = put_beside(path, ".jpg", JPEG, "cover")
    assert "1 file made" in grow(commands, "--tags").out
    assert [one.data for one in mutagen.File(copy).tags.getall("APIC")] == [JPEG], "another front cover takes its place"
    cover.write_bytes(JPEG + b"!")
    assert "1 file made" in grow(commands, "--tags").out


def test_a_file_is_made_again_if_something_has_changed_that_it_is_made_of(commands: Commands, archive: Path) -> None:
    first, second = put(archive, "untagged.mp3"), put(archive, "tagged.mp3", 2)
    grow(commands, "--tags")
    times = {name: path.stat().st_ctime_ns for name, path in made(commands).items()}
    assert "0 files made, 0 removed, 2 unchanged." in grow(commands, "--tags").out
    described = first.with_name(sidecar.sidecar_name(first.name))
    described.write_text(described.read_text().replace("why", "how"))
    assert "1 file made, 0 removed, 1 unchanged." in grow(commands, "--tags").out
    changed = [name for name, path in made(commands).items() if path.stat().st_ctime_ns != times[name]]
    assert changed == ["untagged mp3.mp3"]
    assert told_comment(made(commands)["untagged mp3.mp3"]) == "What & how"
    second.write_bytes((FILES / "untagged.mp3").read_bytes())
    assert "1 file made, 0 removed, 1 unchanged." in grow(commands, "--tags").out
    content = second.read_bytes()
    second.write_bytes(content[:-1] + b"!")
    assert "1 file made, 0 removed, 1 unchanged." in grow(commands, "--tags").out
    put_podcast(archive, title="Another")
    assert "2 files made, 0 removed, 0 unchanged." in grow(commands, "--tags").out
    # Without tags they are links again, and with them none.
    assert "2 files made, 0 removed, 0 unchanged." in grow(commands).out
    assert made(commands)["untagged mp3.mp3"].samefile(first)
    assert "2 files made, 0 removed, 0 unchanged." in grow(commands, "--tags").out
    assert not made(commands)["untagged mp3.mp3"].samefile(first)
    (commands.folder / "tree" / ".podcrawler-tree.json").unlink()
    assert "0 files made, 0 removed, 2 unchanged." in grow(commands, "--tags").out, "what it made is known again"
    copy = made(commands)["untagged mp3.mp3"]
    copy.write_bytes(b"mine")
    assert "another file of that name, which is left alone" in grow(commands, "--tags", status=1).out
    assert copy.read_bytes() == b"mine"


def told_comment(path: Path) -> str:
    return str(mutagen.File(path).tags.getall("COMM")[0].text[0])


def test_files_that_cannot_have_tags_are_copied_as_they_are(commands: Commands, archive: Path) -> None:
    wav, fake, mpeg = (
        put(archive, "audio.wav"),
        put(archive, "untagged.mp3", 2, title="fake"),
        put(archive, "audio.m4a", 3),
    )
    fake.write_bytes(b"no media at all")
    mpeg.write_bytes((FILES / "audio.m4a").read_bytes()[:-200])
    told = grow(commands, "--tags").out
    assert "Without new tags, because podcrawler writes none into such files: 1 wav." in told
    assert (
        "fake.mp3: tags cannot be written into it (can't sync to MPEG frame); it is a copy of the file as it is" in told
    )
    assert "3 files made, 0 removed, 0 unchanged." in told
    copies = made(commands)
    for source, name in ((wav, "audio wav.wav"), (fake, "fake.mp3"), (mpeg, "audio m4a.m4a")):
        assert copies[name].read_bytes() == source.read_bytes()
        assert not copies[name].samefile(source)
    assert "0 files made, 0 removed, 3 unchanged." in grow(commands, "--tags").out
    assert "3 files made" in grow(commands).out
    assert made(commands)["audio wav.wav"].samefile(wav)


def test_a_tag_that_grows_without_end_is_left_alone(commands: Commands, archive: Path) -> None:
    """A megabyte that becomes a gigabyte, in a frame that is compressed (ID3v2.3 §3.3.1)."""
    pieces = zlib.compressobj(9)
    first, other = (pieces.compress(bytes(1 << 20)) + pieces.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    data = struct.pack(">I", 100) + first + other * 1023
    frame = b"TXXX" + struct.pack(">I", len(data)) + b"\0\x80" + data
    size = bytes(len(frame) >> bits & 0x7F for bits in (21, 14, 7, 0))
    path = put(archive, "untagged.mp3")
    path.write_bytes(b"ID3\3\0\0" + size + frame + (FILES / "untagged.mp3").read_bytes())
    told = grow(commands, "--tags").out
    assert "untagged mp3.mp3: its tags need too much memory; it is a copy of the file as it is" in told
    assert made(commands)["untagged mp3.mp3"].read_bytes() == path.read_bytes()


def test_a_full_disk_keeps_what_is_there(commands: Commands, archive: Path) -> None:
    path = put(archive, "untagged.mp3")
    with small_disk(commands.folder / "tree", 100_000):
        grow(commands, "--tags")
        before = made(commands)["untagged mp3.mp3"].read_bytes()
        content = (FILES / "untagged.mp3").read_bytes()
        path.write_bytes(content * (99_000 // len(content)))
        assert "its disk is full; free some space" in grow(commands, "--tags", status=2).err
        path.write_bytes(content)
        # There is room for the copy, and none for its tags.
        put_beside(path, ".jpg", JPEG + bytes(150_000), "cover")
        assert "its disk is full; free some space" in grow(commands, "--tags", status=2).err
        assert made(commands)["untagged mp3.mp3"].read_bytes() == before
        assert sorted(one.name for one in (commands.folder / "tree").iterdir()) == [
            ".podcrawler-tree.json",
            "untagged mp3.mp3",
        ]


@pytest.mark.fresh
def test_without_mutagen_a_sentence_says_how_to_get_it(commands: Commands, archive: Path, tmp_path: Path) -> None:
    put(archive, "untagged.mp3")
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "mutagen.py").write_text("raise ImportError('not here', name='mutagen')")
    words = ("publish", "--tree", TEMPLATE, "--to", "tree", "--tags")
    with commands.start(*words, PYTHONPATH=str(tmp_path / "hidden")) as process:
        _, told = process.communicate(timeout=60)
    sentence = "Tags need mutagen, which is not installed here (mutagen): pip install 'podcrawler[tags]'."
    assert (process.returncode, told) == (2, f"podcrawler: {sentence}\n")
    assert not (commands.folder / "tree").exists()


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("en", "eng"), ("zh-Hant", "zho"), ("pt_BR", "por"), ("DE", "deu"), ("yue", ""), ("fra", "fra"), ("", ""),
        ("x\0", ""),
    ],
)  # fmt: skip
def test_languages(told: str, expected: str) -> None:
    assert three_letters(told) == expected


def test_what_makes_no_tag_is_left_out() -> None:
    podcast = Podcast("show", "", "https://example.org/", authors=[Person(""), Person("Ann")])
    episode = Episode("1", "show", "a\0b\ud800 ", season=70_000, episode=0, description="x\0y")
    assert tags_of(podcast, episode, None) == Tags(title="ab?", album="show", artist="Ann", comment="xy")
