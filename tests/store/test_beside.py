"""What files beside media files are called, and what they may be."""

import asyncio
import hashlib
import io
import os
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from podcrawler.agent import Agent
from podcrawler.exceptions import MediaError
from podcrawler.store.beside import candidates, is_beside, stems_in
from podcrawler.store.beside_content import MEDIA_TYPES, check, ending
from podcrawler.store.journal import manifest_line
from podcrawler.store.local import LocalStore
from podcrawler.store.names import episode_of, file_name
from podcrawler.store.sidecar import PODCAST_NAME, BesideFile, BesideKind, is_about
from tests.archives import manifest_of, put_episode, put_podcast

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


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("at", [("rename", 1), ("link", 1), ("unlink", 1), ("unlink", 2)])
@pytest.mark.parametrize("is_cover", [False, True])
async def test_whenever_a_node_dies_the_next_one_makes_up_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: tuple[str, int], is_cover: bool
) -> None:
    """A file that is there lacks nothing, and in the end there is one, with one line."""
    put_podcast(tmp_path)
    media = put_episode(tmp_path, b"\0udio")
    folder = media.parent
    (folder / "manifest-sha256.txt").write_bytes(manifest_line(media.name, "0" * 64))
    store = LocalStore(tmp_path)
    told = BesideFile("cover", "jpg", 0, "", "https://media.example/x.jpg", "image/jpeg")
    path = f"{folder.name}/{PODCAST_NAME if is_cover else media.name}"
    name = "cover.jpg" if is_cover else f"{media.stem}.jpg"
    picture = b"\xff\xd8\xff picture"

    def is_told() -> bool:
        sidecar = store.described(path) if not is_cover else None
        return bool(store.podcast_cover(folder.name) if is_cover else sidecar and sidecar.beside)

    async def publish(token: str) -> None:
        part = store.new_part(folder.name, "1", token, told.url)
        part.buffer([picture])
        try:
            await asyncio.to_thread(store.publish_beside, part, path, told, lambda: True, Agent("test", "node"))
        finally:
            await part.discard()

    function, number = at
    calls = iter(range(1, 100))
    original = getattr(os, function)

    def call(*arguments: Any, **options: Any) -> Any:
        if next(calls) == number:
            raise Killed
        return original(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, function, call)
        with suppress(Killed):
            await publish("a")
    line = f"{hashlib.sha256(picture).hexdigest()}  {name}"
    if (folder / name).exists():
        assert line in manifest_of(folder)
    assert is_told() == (folder / name).exists()
    await publish("b")
    assert (folder / name).read_bytes() == picture
    assert manifest_of(folder) == [f"{'0' * 64}  {media.name}", line]
    assert is_told()
    assert [one.name for one in folder.glob("*.jpg*")] == [name]
