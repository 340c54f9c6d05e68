"""Files in place of a podcast: a media file is an archive of one, others are refused."""

import re

import pytest
from scrapy import Request
from scrapy.http import TextResponse

from podcrawler.exceptions import ListingError
from podcrawler.sites.base import Listing
from podcrawler.sites.direct import MEDIA_FILE, Direct
from podcrawler.sites.known import site_for

URL = "https://media.example/shows/The%20Well.mp3?token=1"


def file(body: bytes, *flags: str, url: str = URL, **headers: str) -> TextResponse:
    return TextResponse(url, body=body, flags=list(flags), headers={k.replace("_", "-"): v for k, v in headers.items()})


def test_a_media_file_is_an_archive_of_one() -> None:
    page = file(b"ID3\x04", MEDIA_FILE, Content_Type="Audio/MPEG; x=y")
    assert site_for(page).name == "direct"
    found = Direct().parse_list(page)
    assert isinstance(found, Listing)
    assert found.podcast.title == "The Well.mp3 (media.example)"
    assert found.podcast.id.startswith("media-example-the-well-mp3-")
    (one,) = found.episodes
    assert (one.title, one.podcast_id) == ("The Well", found.podcast.id)
    assert one.enclosure
    assert (one.enclosure.url, one.enclosure.type) == (URL, "audio/mpeg")


def test_a_file_behind_redirects_is_known_by_the_address_that_was_asked_for() -> None:
    page = file(b"ID3\x04", MEDIA_FILE, url="https://cdn.example/x/1?signature=abc")
    page.request = Request("https://cdn.example/x/1?signature=abc", meta={"redirect_urls": [URL, "https://t.example/"]})
    found = Direct().parse_list(page)
    assert found.podcast.address == URL
    assert found.episodes[0].enclosure
    assert found.episodes[0].enclosure.url == URL


@pytest.mark.parametrize(
    "url", ["https://media.example/", "https://media.example/get?file=7", "https://media.example/%2F"]
)
def test_a_file_without_a_name_has_that_of_its_host(url: str) -> None:
    found = Direct().parse_list(file(b"ID3\x04", MEDIA_FILE, url=url))
    assert found.podcast.title.endswith("(media.example)")
    assert found.episodes[0].title


@pytest.mark.parametrize(
    ("body", "headers", "what"),
    [
        (b"%PDF-1.7", {}, "a PDF document"),
        (b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/epub+zip", {}, "an e-book (EPUB)"),
        (b"PK\x03\x04" + bytes(26) + b"episode.mp3", {}, "a ZIP archive"),
        (b"\x89PNG\r\n\x1a\n", {}, "a picture (PNG)"),
        (b"\xff\xd8\xff\xe0", {}, "a picture (JPEG)"),
        (b"\0\0\0 ftypavif", {}, "a picture (AVIF)"),
        (b"d8:announce35:udp://t.example", {}, "a torrent"),
        (b"#EXTM3U\nhttp://m.example/1.mp3", {}, "a playlist (M3U)"),
        (b"\xef\xbb\xbf#EXTM3U\n", {}, "a playlist (M3U)"),
        (b"[playlist]\nFile1=http://m.example/1.mp3", {}, "a playlist (PLS)"),
        (b"http://m.example/1.mp3\n", {"Content_Type": "audio/x-mpegurl"}, "a playlist (M3U)"),
        (b'<?xml version="1.0"?><playlist version="1" xmlns="http://xspf.org/ns/0/">', {}, "a playlist (XSPF)"),
        (b"one\ntwo\n", {"Content_Type": "audio/x-mpegurl"}, "a playlist"),
        (b"#EXTM3U\n#EXT-X-VERSION:3\n", {}, "an HLS playlist (a stream that is cut into pieces, which podcrawler"),
        (b"MZ\x90\0\x03\0", {}, "a program (EXE)"),
        (bytes(10_000), {}, "nothing but zeros"),
        (b"WEBVTT\n\n00:00 --> 00:01", {}, "a file of subtitles"),
    ],
)
def test_other_files_are_refused_by_what_they_are(body: bytes, headers: dict[str, str], what: str) -> None:
    page = file(body, **headers)
    assert site_for(page).name == "direct"
    with pytest.raises(
        ListingError, match=f"is {re.escape(what)}.*, and neither a feed nor a web page; give"
    ) as refused:
        Direct().parse_list(page)
    assert refused.value.kind == "unknown-page"


def test_a_live_stream_is_refused() -> None:
    with pytest.raises(ListingError, match="is a live stream, which has no end"):
        Direct().parse_list(file(b"\xff\xfb\x90\x00", MEDIA_FILE, Icy_Name="Radio"))


@pytest.mark.parametrize(
    "body", [b"<rss><channel><title>x</title></channel></rss>", b"<html><audio src='/1'></html>", b"{}"]
)
def test_what_people_read_is_no_file_whatever_its_label(body: bytes) -> None:
    for label in ("audio/mpeg", "audio/x-mpegurl", "application/octet-stream"):
        assert not Direct().matches(file(body, Content_Type=label))
