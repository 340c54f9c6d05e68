import base64
import json
import re
from collections.abc import Container
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podcrawler.exceptions import MediaError
from podcrawler.items import Enclosure
from podcrawler.store.sniff import HEAD, MAX_HEAD, Examined, examine, is_media, is_sound, needs_more, refuse_document
from tests.conftest import Client, Commands
from tests.origin import RunningOrigin, content
from tests.store.record_files import FILES

PAGE = "<!DOCTYPE html>\n<html><head><title>Sorry</title></head><body>Gone fishing.</body></html>"
ERROR = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code></Error>'
DOCUMENTS = {
    "page": (PAGE.encode(), "a web page"),
    "page behind a mark and blanks": (b"\xef\xbb\xbf \r\n\t" + PAGE.encode(), "a web page"),
    "page behind a comment": (f"<!-- x -->\n{PAGE}".encode(), "a web page"),
    "page behind a long comment": (f"<!-- {'x' * 5000} -->{PAGE}".encode(), "a web page"),
    "page without a head": (b"<p>Not found</p>", "a web page"),
    "page with odd bytes": (PAGE.encode() + b"\0\1\2\3\xff" * 10, "a web page"),
    "page in UTF-16": (PAGE.encode("utf-16"), "a web page"),
    "page in UTF-16 without a mark": (PAGE.encode("utf-16-be"), "a web page"),
    "page in GBK": (PAGE.replace("fishing", "文件不存在").encode("gbk"), "a web page"),
    "XHTML": (b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>', "a web page"),
    "error in XML": (ERROR.encode(), "an XML document"),
    "feed": (b"<rss version='2.0'><channel/></rss>", "an XML document"),
    "JSON": (b' {"error": "expired"}', "a JSON document"),
    "playlist": (b"#EXTM3U\n#EXT-X-VERSION:3\n", "an HLS playlist"),
    "playlist of Winamp": (b"[Playlist]\nFile1=http://h.example/1.mp3\n", "a playlist (PLS)"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(range(256)), "a PDF document"),
    "e-book": (b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/epub+zip" + bytes(200), "an e-book (EPUB)"),
    "archive": (b"PK\x03\x04" + bytes(300), "a ZIP archive"),
    "PNG": (b"\x89PNG\r\n\x1a\n" + bytes(300), "a picture (PNG)"),
    "JPEG": (b"\xff\xd8\xff\xe0" + bytes(300), "a picture (JPEG)"),
    "GIF": (b"GIF89a" + bytes(300), "a picture (GIF)"),
    "WebP": (b"RIFF\x2c\x01\0\0WEBPVP8 " + bytes(300), "a picture (WebP)"),
    "torrent": (b"d8:announce35:http://tracker.example:6969/announce" + bytes(300), "a torrent"),
    "message": (b"Access denied\n", "text"),
    "message that is cut in a character": (("x" + "文件不存在" * 400).encode(), "text"),
    "message in GBK": (("文件不存在，请联系管理员。" * 10).encode("gbk"), "text"),
    "zeros": (bytes(5000), "nothing but zeros"),
    "page behind blanks": (b" \r\n" * 7000 + PAGE.encode(), "a web page"),
    "program": (b"MZ\x90\0\x03\0" + bytes(300), "a program (EXE)"),
}
#: What hosts send in place of a file: two tries.
STAND_INS = {name for name, (_, called) in DOCUMENTS.items() if called in ("text", "nothing but zeros")} | {
    name for name, (_, called) in DOCUMENTS.items() if called.endswith((" web page", " XML document", " JSON document"))
}


def looked_at(
    path: Path,
    *,
    content_type: str = "application/octet-stream",
    url: str = "https://media.example.com/1",
    announced: Enclosure | None = None,
    counted: bool = True,
    wanted: Container[str] = (),
    disposition: str = "",
) -> Examined:
    enclosure = announced or Enclosure("https://feeds.example.com/1")
    with path.open("rb") as file:
        return examine(
            file,
            url=url,
            content_type=content_type,
            enclosure=enclosure,
            counted=counted,
            wanted=wanted,
            disposition=disposition,
        )


@pytest.mark.parametrize(("name", "extension"), [("PDF", "pdf"), ("e-book", "epub"), ("JPEG", "jpg"), ("page", "html")])
def test_a_document_that_is_wanted_is_kept_under_its_own_extension(tmp_path: Path, name: str, extension: str) -> None:
    path = tmp_path / f"1.title.{extension}"
    path.write_bytes(DOCUMENTS[name][0])
    assert looked_at(path, content_type="audio/mpeg", wanted={"audio", extension}).extension == extension
    assert sound(path)
    with pytest.raises(MediaError):
        looked_at(path, content_type="audio/mpeg", wanted={"audio", "video"})


def sound(path: Path) -> bool:
    with path.open("rb") as file:
        return is_sound(file, path.name)


def cut(name: str, size: int, tmp_path: Path) -> Path:
    """The beginning of one of the files; without its last bytes, if ``size`` is below 0."""
    path = tmp_path / name
    path.write_bytes((FILES / name).read_bytes()[:size])
    return path


_NAMED = ["3gp", "aiff", "amr", "au", "avi", "caf", "flv", "mov", "mp2", "mpg", "rm", "ts", "tta", "w64", "wma", "wv"]


@pytest.mark.parametrize("content_type", ["audio/mpeg", "text/html", "audio/x-wav", ""])
@pytest.mark.parametrize(
    ("name", "extension"),
    [
        ("tagged.mp3", "mp3"),
        ("untagged.mp3", "mp3"),
        ("adts.aac", "aac"),
        ("tagged.aac", "aac"),
        ("audio.m4a", "m4a"),
        ("book.m4b", "m4b"),
        ("audio.mp4", "mp4"),
        ("fragmented.mp4", "mp4"),
        ("chapters.mp3", "mp3"),
        ("chapters.m4a", "m4a"),
        ("chapters.mov", "mov"),
        ("video.mp4", "mp4"),
        ("vorbis.ogg", "ogg"),
        ("audio.opus", "opus"),
        ("audio.flac", "flac"),
        ("audio.wav", "wav"),
        ("audio.webm", "webm"),
        ("video.webm", "webm"),
        ("audio.mkv", "mkv"),
        ("live.webm", "webm"),
        ("rf64.wav", "wav"),
        *((f"audio.{name}", name) for name in _NAMED),
    ],
)
def test_the_bytes_tell_whatever_the_server_says(name: str, extension: str, content_type: str) -> None:
    assert looked_at(FILES / name, content_type=content_type, url="https://h/a.mp3")[:2] == (extension, True)


def test_every_file_is_tried() -> None:
    assert len(list(FILES.iterdir())) == 37
    assert max(path.stat().st_size for path in FILES.iterdir()) < 6000


@pytest.mark.parametrize(
    ("name", "url", "announced", "content_type", "extension"),
    [
        ("audio.m4a", "https://h/a.m4b?sig=.mp3", Enclosure(""), "audio/mp4", "m4b"),
        ("audio.m4a", "https://cdn/1", Enclosure("https://h/a.m4b"), "audio/mp4", "m4b"),
        ("audio.mp4", "https://cdn/1", Enclosure("https://h/1", "audio/x-m4b"), "", "m4b"),
        ("audio.mp4", "https://cdn/1", Enclosure("https://h/1"), "audio/mp4", "m4a"),
        ("audio.mp4", "https://cdn/1", Enclosure("https://h/1", "audio/x-m4a"), "video/mp4", "m4a"),
        ("video.mp4", "https://cdn/1", Enclosure("https://h/1"), "video/mp4", "mp4"),
        ("audio.opus", "https://cdn/1.ogg", Enclosure("https://h/1"), "audio/ogg", "opus"),
        ("vorbis.ogg", "https://cdn/1.oga", Enclosure("https://h/1"), "audio/ogg", "oga"),
        ("audio.mkv", "https://cdn/1", Enclosure("https://h/1"), "audio/x-matroska", "mka"),
    ],
)
def test_the_address_and_the_type_tell_names_of_one_container_apart(
    name: str, url: str, announced: Enclosure, content_type: str, extension: str
) -> None:
    found = looked_at(FILES / name, url=url, announced=announced, content_type=content_type)
    assert found.extension == extension


@pytest.mark.parametrize(
    ("url", "announced", "content_type", "extension"),
    [
        ("https://h/a.wav", Enclosure("https://h/a.wav", "audio/x-m4a"), "audio/mpeg", "mp3"),
        ("https://h/a.wav", Enclosure("https://h/a.wav", "audio/x-m4a"), "application/octet-stream", "m4a"),
        ("https://h/a.wav?x=.mp3", Enclosure("https://h/a.mp3"), "", "wav"),
        ("https://h/1", Enclosure("https://h/a.mp3?x=.ogg"), "", "mp3"),
        ("https://h/1", Enclosure("https://h/1"), "", "bin"),
    ],
)
def test_of_bytes_that_tell_nothing_the_server_is_believed(
    tmp_path: Path, url: str, announced: Enclosure, content_type: str, extension: str
) -> None:
    path = tmp_path / "part"
    path.write_bytes(b"".join(content(100_000, seed=1)))
    assert looked_at(path, url=url, announced=announced, content_type=content_type)[:2] == (extension, True)


@pytest.mark.parametrize(
    ("disposition", "extension"),
    [
        ('attachment; filename="A show; 1.M4A"', "m4a"),
        ("attachment;FileName = a.ogg ; size=1", "ogg"),
        ("attachment; filename*=UTF-8''caf%C3%A9%2Eopus", "opus"),
        ('attachment; filename="a.php"; filename*=UTF-8a.mp3', "mp3"),
        ("attachment; filename=../../etc/passwd", "bin"),
        ("attachment", "bin"),
    ],
)
def test_of_bytes_that_tell_nothing_the_name_counts_last(tmp_path: Path, disposition: str, extension: str) -> None:
    path = tmp_path / "part"
    path.write_bytes(b"".join(content(100_000, seed=1)))
    assert looked_at(path, disposition=disposition).extension == extension
    assert looked_at(path, disposition=disposition, url="https://h/a.wav").extension == "wav"


@pytest.mark.parametrize("content_type", ["text/html; charset=utf-8", "Application/JSON", "application/atom+xml"])
def test_bytes_that_tell_nothing_are_refused_from_a_server_that_calls_them_a_document(
    tmp_path: Path, content_type: str
) -> None:
    path = tmp_path / "part"
    path.write_bytes(b"".join(content(100_000, seed=1)))
    with pytest.raises(MediaError, match="sent a document instead of audio") as caught:
        looked_at(path, content_type=content_type)
    assert caught.value.kind == "not-media"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_refused_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    body, called = DOCUMENTS[name]
    path = tmp_path / "part"
    path.write_bytes(body)
    url, words = "https://media.example.com/1.mp3", f"media.example.com sent {re.escape(called)}.* instead of audio"
    with pytest.raises(MediaError, match=words) as caught:
        looked_at(path, content_type="audio/mpeg", url=url)
    failure_class = "doubtful" if name in STAND_INS else "permanent"
    assert (caught.value.kind, caught.value.failure_class) == ("not-media", failure_class)
    with pytest.raises(MediaError) as early:
        refuse_document(body[: HEAD if not needs_more(body[:HEAD]) else MAX_HEAD], url=url, content_type="audio/mpeg")
    assert str(early.value) == str(caught.value)
    assert not is_media(body, "audio/mpeg")
    assert not sound(path)


def test_the_sentence_names_the_page_and_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "part"
    path.write_text(PAGE)
    with pytest.raises(MediaError) as caught:
        looked_at(path, url="https://media.example.com/1.mp3")
    assert str(caught.value) == (
        'media.example.com sent a web page instead of audio ("Sorry"); open the address in a browser to see what it '
        "says, and archive the podcast again once the file is there."
    )
    path.write_bytes(DOCUMENTS["PDF"][0])
    with pytest.raises(MediaError, match="name pdf in PODCRAWLER_MEDIA, else tell the publisher"):
        looked_at(path)


@pytest.mark.parametrize("path", sorted(FILES.iterdir()), ids=lambda path: path.name)
def test_media_is_not_refused_early(path: Path) -> None:
    head = path.read_bytes()[:HEAD]
    refuse_document(head, url="https://h/1", content_type="text/html")
    assert is_media(head, "text/html")


@pytest.mark.parametrize("blanks", [b"\0", b"\r\n"])
def test_a_stream_behind_blanks_is_known_by_its_frames(tmp_path: Path, blanks: bytes) -> None:
    path = tmp_path / "part"
    path.write_bytes(blanks * 5000 + (FILES / "untagged.mp3").read_bytes())
    assert needs_more(path.read_bytes()[:HEAD])
    refuse_document(path.read_bytes(), url="https://h/1", content_type="text/html")
    assert looked_at(path, content_type="text/html").extension == "mp3"
    assert sound(path)


@pytest.mark.parametrize("name", ["audio.m4a", "audio.mp4", "video.mp4", "audio.wav", "vorbis.ogg", "audio.opus"])
def test_a_container_tells_whether_the_file_is_whole(tmp_path: Path, name: str) -> None:
    assert looked_at(FILES / name, counted=False).verified
    for size in (-1, -100, 200):
        broken = cut(name, size, tmp_path)
        with pytest.raises(MediaError, match="breaks off in the middle; try again later") as caught:
            looked_at(broken, counted=False)
        assert (caught.value.kind, caught.value.failure_class) == ("incomplete", "passing")
        with pytest.raises(MediaError, match="has only a part of this file: it sent as many bytes as it") as caught:
            looked_at(broken, counted=True)
        assert (caught.value.kind, caught.value.failure_class) == ("incomplete", "doubtful")
        assert not sound(broken)


@pytest.mark.parametrize("name", ["tagged.mp3", "adts.aac", "audio.flac", "live.webm", "fragmented.mp4"])
def test_where_nothing_tells_a_file_is_taken_and_marked(name: str) -> None:
    assert not looked_at(FILES / name, counted=False).verified
    assert looked_at(FILES / name).verified


def test_a_file_in_the_store_is_sound_unless_it_shows_otherwise(tmp_path: Path) -> None:
    assert all(sound(path) for path in FILES.iterdir())
    assert not sound(cut("audio.m4a", -1, tmp_path))
    assert not sound(cut("audio.m4a", 0, tmp_path))
    page = tmp_path / "page"
    page.write_text(PAGE)
    assert not sound(page)
    page.write_bytes(b"".join(content(10, seed=1)))
    assert sound(page)


_BEGINNINGS = [path.read_bytes()[:600] for path in sorted(FILES.iterdir())] + [body for body, _ in DOCUMENTS.values()]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=500, deadline=None)
@given(
    beginning=st.sampled_from([b"", b"ID3\x04\0\x10", b"\0\0\0\x01ftyp", b"OggS", *_BEGINNINGS]),
    kept=st.integers(0, 600),
    rest=st.binary(max_size=300),
    content_type=st.text(),
    url=st.text(),
    counted=st.booleans(),
)
def test_nothing_upsets_it(
    tmp_path: Path, beginning: bytes, kept: int, rest: bytes, content_type: str, url: str, counted: bool
) -> None:
    path = tmp_path / "part"
    path.write_bytes(beginning[:kept] + rest)
    with suppress(MediaError):
        found = looked_at(path, content_type=content_type, announced=Enclosure(url, content_type), counted=counted)
        assert found.extension.isalnum()
    sound(path)


def test_what_a_node_archives_is_what_it_really_is(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    def push(title: str, body: bytes, **more: str) -> None:
        query = {"episodes": "1", "title": title, "body": base64.b64encode(body).decode(), **more}
        redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?{urlencode(query)}")

    m4a = (FILES / "audio.m4a").read_bytes()
    push("a page", PAGE.encode(), type="audio/mpeg")
    push("a cut file", m4a, no_length="1", truncate="1000")
    push("a whole file", m4a, no_length="1", type="text/html")
    push("a file that cannot tell", (FILES / "untagged.mp3").read_bytes(), no_length="1", type="audio/ogg")
    push("a counted file", (FILES / "audio.opus").read_bytes(), type="application/octet-stream")
    ended = fleet.drain("-s", "PODCRAWLER_MAX_TRIES=1", "-O", "episodes.jsonl")
    assert ended.status == 1
    found = {name.split("/")[0].rpartition("-")[0]: name.rpartition(".")[2] for name in fleet.files()}
    assert found == {"a-whole-file": "m4a", "a-file-that-cannot-tell": "mp3", "a-counted-file": "opus"}
    lines = (fleet.folder / "episodes.jsonl").read_text().splitlines()
    verified = {one["podcast_id"].rpartition("-")[0]: one["verified"] for one in map(json.loads, lines)}
    assert verified == {"a-whole-file": True, "a-file-that-cannot-tell": False, "a-counted-file": True}
    kinds = sorted(json.loads(failure)["kind"] for failure in redis.hvals("{podcrawler}:episodes:failed"))
    assert kinds == ["incomplete", "not-media"]
