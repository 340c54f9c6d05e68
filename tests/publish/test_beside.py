"""What ``publish`` makes of the files that lie beside the audio: covers, transcripts and chapters."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

import pytest
import requests
from lxml import html

from podcrawler.details import Chapter, ChapterFile, Transcript
from podcrawler.store import sidecar
from tests.archives import put_beside, put_episode, put_podcast
from tests.conftest import Commands
from tests.publish.reading import BASE, SHOW, attributes, channel, publish
from tests.publish.serving import serving

VTT = (
    b"WEBVTT\n\n00:00.000 --> 00:02.000\n<v Ann>One <script>alert(1)</script>\n\n01:00.000 --> 01:02.000\n<v Bob>Two\n"
)
CHAPTERS = {
    "version": "1.2.0",
    "chapters": [
        {"startTime": 0, "title": "</li><script>alert(1)</script>"},
        {"startTime": 72.5, "title": "Two", "url": "https://example.org/two", "img": "https://evil.example/x.png"},
        {"startTime": 80, "url": "javascript:alert(1)"},
    ],
}
JPEG = b"\xff\xd8\xff\xe0 no more than the beginning of a picture"
#: What its publisher has of the episode.
TOLD: dict[str, Any] = {
    "image": "https://example.org/1.jpg",
    "transcripts": [
        Transcript("https://example.org/1.vtt?token=secret", "text/vtt", "en", "captions"),
        Transcript("https://example.org/1.fr.srt", "application/srt", "fr"),
    ],
    "chapters_file": ChapterFile("https://example.org/1.json", "application/json+chapters"),
}


@pytest.fixture
def archive(commands: Commands) -> Path:
    put_podcast(commands.archive, image="https://example.org/cover.jpg")
    return commands.archive


@pytest.fixture
def media(archive: Path) -> Path:
    """An episode that has all that there can be, and whose podcast has a cover."""
    (archive / SHOW / "cover.jpg").write_bytes(JPEG)
    path = put_episode(archive, b"x", title="標題 1", **TOLD)
    put_beside(path, ".jpg", JPEG, "cover", url="https://example.org/1.jpg", type="image/jpeg")
    told = {"type": "text/vtt; charset=utf-8", "language": "en", "rel": "captions"}
    put_beside(path, ".en.vtt", VTT, "transcript", url="https://example.org/1.vtt", **told)
    put_beside(path, ".chapters.json", json.dumps(CHAPTERS).encode(), "chapters", url="https://example.org/1.json")
    return path


def feed(archive: Path) -> Any:
    return channel(archive / SHOW / "feed.xml")


def pages(commands: Commands, status: int = 0) -> str:
    ended = commands.run("publish", "--pages")
    assert (ended.status, "Traceback" in ended.err) == (status, False), ended.out + ended.err
    return ended.out


def episode_page(archive: Path, number: int = 1) -> Any:
    return html.fromstring((archive / SHOW / "pages" / f"{number}.html").read_bytes())


def moments(page: Any, path: str) -> list[tuple[str, str]]:
    """The buttons that jump, each with its moment."""
    return [
        (button.get("data-start"), " ".join(button.text_content().split())) for button in page.xpath(f"{path}//button")
    ]


def paragraphs(page: Any) -> list[str]:
    return [" ".join(one.text_content().split()) for one in page.xpath("//details//p")]


def test_a_feed_has_the_archives_own_addresses(commands: Commands, archive: Path, media: Path) -> None:
    publish(commands)
    here = f"{BASE}{SHOW}/"
    stem = quote(media.stem)
    found = feed(archive)
    assert attributes(found, "itunes:image") == [{"href": f"{here}cover.jpg"}]
    assert [one.text for one in found.findall("image/url")] == [f"{here}cover.jpg"]
    assert attributes(found, "item/itunes:image") == [{"href": f"{here}{stem}.jpg"}]
    assert attributes(found, "item/podcast:chapters") == [
        {"url": f"{here}{stem}.chapters.json", "type": "application/json+chapters"}
    ]
    assert attributes(found, "item/podcast:transcript") == [
        {"url": f"{here}{stem}.en.vtt", "type": "text/vtt", "language": "en", "rel": "captions"},
        {"url": "https://example.org/1.fr.srt", "type": "application/srt", "language": "fr"},
    ]


def test_a_feed_has_the_publishers_addresses_of_what_the_archive_has_not(commands: Commands, archive: Path) -> None:
    put_episode(archive, b"x", **TOLD)
    publish(commands)
    found = feed(archive)
    assert attributes(found, "itunes:image") == [{"href": "https://example.org/cover.jpg"}]
    assert attributes(found, "item/itunes:image") == [{"href": "https://example.org/1.jpg"}]
    assert [one["url"] for one in attributes(found, "item/podcast:chapters")] == ["https://example.org/1.json"]
    assert [one["url"] for one in attributes(found, "item/podcast:transcript")] == [
        one.url for one in TOLD["transcripts"]
    ]


def test_what_comes_and_goes_changes_feed_and_page(commands: Commands, archive: Path, media: Path) -> None:
    publish(commands)
    pages(commands)
    assert "0 files written" in publish(commands).out
    assert "0 files written" in pages(commands)
    transcript = media.with_name(f"{media.stem}.en.vtt")
    transcript.write_bytes(VTT.replace(b"Two", b"Another"))
    assert "1 file written" in pages(commands), "the page has its text"
    assert paragraphs(episode_page(archive))[-1] == "1:00 Bob: Another"
    transcript.unlink()
    (archive / SHOW / "cover.jpg").unlink()
    told = publish(commands, status=1).out
    gone = f"{transcript.name}: the sidecar of {media.name} names it, but there is no such file"
    assert f"left out: {SHOW}/{gone}\n" in told
    assert f"left out: {SHOW}/{gone}\n" in pages(commands, status=1)
    assert attributes(feed(archive), "itunes:image") == [{"href": "https://example.org/cover.jpg"}]
    urls = [one["url"] for one in attributes(feed(archive), "item/podcast:transcript")]
    assert urls == [one.url for one in TOLD["transcripts"]]
    assert not episode_page(archive).xpath("//details")
    transcript.write_bytes(VTT)
    (archive / SHOW / "cover.png").write_bytes(b"x")
    publish(commands)
    pages(commands)
    assert attributes(feed(archive), "itunes:image") == [{"href": f"{BASE}{SHOW}/cover.png"}]
    assert episode_page(archive).xpath("//details")


def test_a_page_has_cover_chapters_and_transcript_beside_the_player(
    commands: Commands, archive: Path, media: Path
) -> None:
    put_episode(archive, b"x", number=2)
    pages(commands)
    page = episode_page(archive)
    ((cover,), (player,)) = page.xpath("//img"), page.xpath("//audio")
    assert urljoin(f"{SHOW}/pages/1.html", cover.get("src")) == f"{SHOW}/{quote(media.stem)}.jpg"
    assert (cover.get("alt"), cover.get("width"), cover.get("height")) == ("Cover", "160", "160")
    assert moments(page, "//ol") == [
        ("0.000", "0:00 </li><script>alert(1)</script>"),
        ("72.500", "1:12 Two"),
        ("80.000", "1:20 Chapter"),
    ]
    assert [link.get("href") for link in page.xpath("//ol//a")] == ["https://example.org/two"]
    assert moments(page, "//details") == [("0.000", "0:00"), ("60.000", "1:00")]
    assert paragraphs(page) == ["0:00 Ann: One alert(1)", "1:00 Bob: Two"]
    (details,) = page.xpath("//details")
    assert (details.get("open") is not None, details.xpath("./div")[0].get("lang")) == (True, "en")
    assert not player.xpath("./track"), "a player without a picture shows no captions"
    text = (archive / SHOW / "pages" / "1.html").read_text()
    assert ("img-src &#39;self&#39;" in text, "evil.example" in text, "alert(1)</script>" in text) == (
        True,
        False,
        False,
    )
    # An episode without a cover shows that of its podcast.
    assert [one.get("src") for one in episode_page(archive, 2).xpath("//img")] == ["../cover.jpg"]
    podcast: Any = html.fromstring((archive / SHOW / "index.html").read_bytes())
    assert [one.get("src") for one in podcast.xpath("//img")] == ["cover.jpg"]


@pytest.mark.parametrize(
    ("inside", "of_the_feed", "expected"),
    [
        ([Chapter(2, "File")], [Chapter(1, "Feed")], [("2.000", "0:02 File")]),
        ([], [Chapter(3700, "B", "http://[", "x"), Chapter(1, "A")], [("1.000", "0:01 A"), ("3700.000", "1:01:40 B")]),
        ([Chapter(-1), Chapter(1e300)], [], []),
    ],
)
def test_chapters_of_the_file_itself_and_of_the_feed(
    commands: Commands, archive: Path, inside: list[Chapter], of_the_feed: list[Chapter], expected: list[Any]
) -> None:
    path = put_episode(archive, b"x", chapters=of_the_feed)
    described = path.with_name(sidecar.sidecar_name(path.name))
    told = sidecar.loads(described.read_bytes())
    described.write_bytes(sidecar.dumps(replace(told, chapters=inside)))
    pages(commands)
    assert moments(episode_page(archive), "//ol") == expected


def test_each_language_has_the_form_that_tells_most(commands: Commands, archive: Path) -> None:
    path = put_episode(archive, b"x", enclosure=None)
    video = path.rename(path.with_suffix(".mp4"))
    described = path.with_name(sidecar.sidecar_name(path.name))
    told = sidecar.loads(described.read_bytes())
    described.unlink()
    told = replace(told, file=replace(told.file, name=video.name))
    if told.capture:
        told = replace(told, capture=replace(told.capture, headers={"content-type": "video/mp4"}))
    video.with_name(sidecar.sidecar_name(video.name)).write_bytes(sidecar.dumps(told))
    put_beside(video, ".txt", b"no times", "transcript", language="en")
    put_beside(video, ".vtt", VTT, "transcript", language="en")
    put_beside(video, ".html.txt", f"<p>{'long ' * 400}</p>".encode(), "transcript", language="zh-Hant")
    put_beside(video, ".srt", b"1\n00:00:00,000 --> 00:00:01,000\nx\n", "transcript", language='"><b>')
    put_beside(video, ".pdf", b"%PDF", "transcript", language="de")
    pages(commands)
    page = episode_page(archive)
    summaries = [" ".join(one.text_content().split()) for one in page.xpath("//summary")]
    assert summaries == ["Transcript (en)", "Transcript", "Transcript (zh-Hant)"]
    assert [one.get("open") is not None for one in page.xpath("//details")] == [True, True, False], (
        "a long one is closed"
    )
    assert len(page.xpath("//a[@download]")) == 6
    publish(commands)
    types = [one.get("type") for one in attributes(feed(archive), "item/podcast:transcript")]
    assert types == ["text/plain", "text/vtt", "text/html", "application/x-subrip", None]
    (track,) = page.xpath("//video/track")
    assert (track.get("kind"), track.get("srclang"), track.get("src")) == (
        "subtitles",
        "en",
        f"../{quote(path.stem)}.vtt",
    )


def test_a_broken_file_is_left_out_with_a_sentence(commands: Commands, archive: Path) -> None:
    broken: list[tuple[str, Any, bytes, str]] = [
        (".vtt", "transcript", b"\xff", "a transcript (it is not in UTF-8)"),
        (".json", "transcript", b"[" * 100_000, "a transcript (Invalid JSON: recursion limit exceeded"),
        (".chapters.json", "chapters", b"{}", "chapters (chapters: Field required)"),
        (".chapters.json", "chapters", b" " * 2_000_001, "chapters (it has more than 2000000 bytes)"),
    ]
    sentences = []
    for number, (ending, kind, content, sentence) in enumerate(broken, 1):
        path = put_episode(archive, b"x", number=number, chapters=[Chapter(1, "Feed")])
        put_beside(path, ending, content, kind)
        sentences.append(f"left out: {SHOW}/{path.stem}{ending}: it cannot be read as {sentence}")
    for _ in range(2):
        told = pages(commands, status=1)
        assert [sentence for sentence in sentences if sentence not in told] == [], "it is told again"
    for number in range(1, len(broken) + 1):
        assert moments(episode_page(archive, number), "//ol") == [("1.000", "0:01 Feed")]
        assert not episode_page(archive, number).xpath("//details")


def test_a_transcript_that_is_too_large_is_linked(commands: Commands, archive: Path) -> None:
    path = put_episode(archive, b"x")
    put_beside(path, ".vtt", VTT + b"\n" * 2_000_000, "transcript")
    pages(commands)
    page = episode_page(archive)
    assert (len(page.xpath("//details")), len(page.xpath("//a[@download]"))) == (0, 2)


def test_a_sidecar_leads_to_no_file_elsewhere(commands: Commands, archive: Path) -> None:
    names = ["../../../etc/passwd", ".podcrawler", "/etc/passwd", "a\x00b", "x" * 300, "link.vtt", "folder", ""]
    path = put_episode(archive, b"x")
    (archive / SHOW / "link.vtt").symlink_to("/etc/passwd")
    (archive / SHOW / "folder").mkdir()
    (archive / SHOW / ".podcrawler").write_bytes(VTT)
    put_beside(path, ".vtt", VTT, "transcript")
    described = path.with_name(sidecar.sidecar_name(path.name))
    told = sidecar.loads(described.read_bytes())
    beside = [replace(told.beside[0], name=name) for name in names]
    described.write_bytes(sidecar.dumps(replace(told, beside=beside)))
    sentence = f"the sidecar of {path.name} names it, but there is no such file"
    assert pages(commands, status=1).count(sentence) == len(names)
    page = episode_page(archive)
    assert (len(page.xpath("//details")), len(page.xpath("//a[@download]"))) == (0, 1)


def test_a_server_gives_the_right_types_and_lets_no_publisher_run_a_script(commands: Commands, media: Path) -> None:
    evil = b"<script>alert(1)</script>"
    for ending in (".html", ".html.txt", ".svg", ".xml", ".srt", ".webp", ".m4a"):
        media.with_name(media.stem + ending).write_bytes(evil)
    with serving(commands, "127.0.0.1", "--pages") as address:

        def headers(path: str) -> tuple[str, str, bool]:
            answer = requests.get(address + path)
            assert answer.status_code == 200
            told = answer.headers
            policy = told.get("Content-Security-Policy", "")
            return (
                told["Content-Type"],
                told["X-Content-Type-Options"],
                policy.startswith("sandbox; default-src 'none'"),
            )

        stem = f"{SHOW}/{quote(media.stem)}"
        assert headers(f"{stem}.html") == ("text/html; charset=utf-8", "nosniff", True)
        assert headers(f"{stem}.svg") == ("image/svg+xml", "nosniff", True)
        assert headers(f"{stem}.xml")[1:] == ("nosniff", True)
        assert headers(f"{stem}.en.vtt") == ("text/vtt; charset=utf-8", "nosniff", True)
        assert headers(f"{stem}.html.txt") == ("text/plain; charset=utf-8", "nosniff", True)
        assert headers(f"{stem}.srt") == ("application/x-subrip", "nosniff", True)
        assert headers(f"{stem}.chapters.json") == ("application/json+chapters", "nosniff", True)
        assert headers(f"{stem}.webp") == ("image/webp", "nosniff", False)
        assert headers(f"{stem}.mp3") == ("audio/mpeg", "nosniff", False)
        assert headers(f"{stem}.m4a") == ("audio/mp4", "nosniff", False)
        for page in ("", "index.html", f"{SHOW}/", f"{SHOW}/pages/1.html"):
            assert headers(page) == ("text/html; charset=utf-8", "nosniff", False), page
        assert headers("_pages/script.js")[2] is False
        part = requests.get(f"{address}{stem}.mp3", headers={"Range": "bytes=0-0"})
        assert (part.status_code, part.headers["Content-Type"]) == (206, "audio/mpeg")
        tag = requests.get(f"{address}{stem}.html").headers["ETag"]
        unchanged = requests.get(f"{address}{stem}.html", headers={"If-None-Match": tag})
        assert (unchanged.status_code, "sandbox" in unchanged.headers["Content-Security-Policy"]) == (304, True)
