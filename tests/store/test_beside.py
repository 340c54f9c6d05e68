"""What files beside media files are called, and what they may be."""

import io
from itertools import islice

import pytest

from podcrawler.exceptions import MediaError
from podcrawler.store.beside import candidates, is_beside, stems_in
from podcrawler.store.beside_content import MEDIA_TYPES, check, ending
from podcrawler.store.names import episode_of, file_name
from podcrawler.store.sidecar import BesideKind, is_about

LONGEST = file_name("a" * 40, "長" * 300, "ts")
MEDIA = ("1.One.mp3", "1.One.v2.mp3", "1.One~0a1b.mp3", "1.My song.mp3.mp3", "cover.Live.mp3", LONGEST)


@pytest.mark.parametrize(
    "language", ["", "zh-Hant", "rm", "mp3", "chapters", "old", "../x", "x" * 300, "..", "a.b", "\0"]
)
@pytest.mark.parametrize("media", MEDIA)
def test_names_are_those_of_no_other_file(media: str, language: str) -> None:
    for one in MEDIA_TYPES:
        found = list(islice(candidates(media, one, language), 2))
        # None has more than one list of chapters.
        assert len(found) == 2 or (media == LONGEST and one == "chapters.json" and found)
        for name in found:
            assert name.startswith(media.rpartition(".")[0] + ".")
            assert name.endswith(f".{one}")
            assert len(f"{name}.old".encode()) <= 255
            assert "/" not in name
            assert "\0" not in name
            assert episode_of(name) == ""
            assert not is_about(name)
            assert is_beside(name, stems_in([media, name]))
            assert not is_beside(name, stems_in(["2.One.mp3"]))


@pytest.mark.parametrize(
    ("media", "one", "language", "name"),
    [
        ("1.One.mp3", "vtt", "zh-Hant", "1.One.zh-Hant.vtt"),
        ("1.One.v2.mp3", "jpg", "", "1.One.v2.jpg"),
        ("1.One.mp3", "chapters.json", "", "1.One.chapters.json"),
        ("1.One.mp3", "html.txt", "en", "1.One.en.html.txt"),
        ("1.One.mp3", "json", "rm", "1.One.rm.2.json"),
        ("1.My song.mp3.mp3", "json", "", "1.My song.mp3.2.json"),
        ("1.One.mp3", "vtt", "no language", "1.One.vtt"),
    ],
)
def test_a_name_says_what_it_is(media: str, one: str, language: str, name: str) -> None:
    assert next(candidates(media, one, language)) == name


@pytest.mark.parametrize(
    "name",
    [
        "1.One.mp3",
        "1.One.mp3.json",
        "1.One.mp3.old.json",
        "podcast.json",
        "1.One.pdf",
        "1.jpg",
        "1.One.a.b.c.d.jpg",
        "x/1.One.jpg",
    ],
)
def test_other_files_are_none_beside_it(name: str) -> None:
    assert not is_beside(name, stems_in(["1.One.mp3"]))


VTT, SRT = b"\xef\xbb\xbfWEBVTT\n\n", b"1\r\n00:00:00,000 --> 00:00:02,000\r\nHello\r\n"
TEXT, JSON, PAGE = b"[Music] Hello there.", b'{"version": "1.0", "segments": []}', b"<!doctype html><p>Hello"


@pytest.mark.parametrize(
    ("kind", "head", "told", "found"),
    [
        ("cover", b"\xff\xd8\xff\xe0", "", "jpg"),
        ("cover", b"\x89PNG\r\n\x1a\n", "image/jpeg", "png"),
        ("cover", b"RIFF\0\0\0\0WEBPVP8 ", "", "webp"),
        ("cover", b"GIF89a", "", "gif"),
        ("cover", b"\0\0\0\x20ftypavif\0\0\0\0", "", "avif"),
        ("cover", b"\x8aMNG\r\n\x1a\n", "image/png", ""),
        ("cover", b'<svg xmlns="http://www.w3.org/2000/svg">', "image/svg+xml", ""),
        ("cover", PAGE, "image/jpeg", ""),
        ("cover", b"", "image/jpeg", ""),
        ("cover", b"\xff\xfb\x90\x00" * 100, "image/jpeg", ""),
        ("transcript", VTT, "text/vtt", "vtt"),
        ("transcript", SRT, "text/vtt", "srt"),
        ("transcript", SRT, "Application/SRT; charset=utf-8", "srt"),
        ("transcript", JSON, "application/json", "json"),
        ("transcript", b'[{"a": 1}]', "application/json", "json"),
        ("transcript", TEXT, "text/plain", "txt"),
        ("transcript", TEXT, "", "txt"),
        ("transcript", TEXT, "text/vtt", ""),
        ("transcript", PAGE, "text/html", "html.txt"),
        ("transcript", PAGE, "", "html.txt"),
        ("transcript", PAGE, "text/vtt", ""),
        ("transcript", b"<?xml version='1.0'?><rss/>", "", ""),
        ("transcript", b"%PDF-1.7", "", ""),
        ("chapters", JSON, "", "chapters.json"),
        ("chapters", PAGE, "", ""),
    ],
)
def test_bytes_show_what_it_is(kind: BesideKind, head: bytes, told: str, found: str) -> None:
    if found:
        assert ending(kind, told, head, "https://media.example/x") == found
        return
    with pytest.raises(MediaError, match=r"^media\.example sent .+ instead of ") as raised:
        ending(kind, told, head, "https://media.example/x")
    assert (raised.value.kind, raised.value.failure_class) == ("not-media", "permanent")


@pytest.mark.parametrize(
    ("raw", "is_right"),
    [
        (b'{"chapters": []}', True),
        (b'\xef\xbb\xbf{"chapters": [{"startTime": 1}]}', True),
        (b'{"chapters": {}}', False),
        (b'{"chapters": [', False),
        (b"[" * 500_000, False),
        (b'{"chapters": []}' + b" " * 1_100_000, False),
        (b"\xff{}", False),
    ],
)
def test_chapters_are_a_list_of_them(raw: bytes, is_right: bool) -> None:
    if is_right:
        check("chapters", io.BytesIO(raw), "https://media.example/x")
    else:
        with pytest.raises(MediaError, match="another JSON document"):
            check("chapters", io.BytesIO(raw), "https://media.example/x")
