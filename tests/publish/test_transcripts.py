"""What publishers write as transcripts and chapters, and what becomes of it."""

import codecs
import json

import pytest

from podcrawler.details import Chapter
from podcrawler.publish.chapters import read_chapters
from podcrawler.publish.transcripts import Paragraph, read_transcript

VTT = """\ufeffWEBVTT - a title

STYLE
::cue { color: red }

NOTE nobody reads this

intro
00:00.500 --> 00:02.000 align:start
<v.loud Ann Lee>One &amp; <00:01.000><c>two</c>

01:00:04.000 --> 01:00:06.000
<v Ann Lee>three
lines

01:00:07.000 --> 01:00:08.000
<v Bob><script>alert(1)</script>
"""
SRT = (
    "1\r\n00:00:00,000 --> 00:00:01,000\r\n{\\an8}<i>第一回\r\n\r\n"
    "2\r\n00:00:02,000 --> 00:00:03,000\r\n燈塔。\r\n"
    "3\r\n00:00:04,000 --> 00:00:05,000\r\nabc\r\n"
)
HTML = """<!DOCTYPE html><html><head><title>no</title></head><body><cite>Kevin：</cite><time>0:05</time>
<p>Text <b onclick="x()">one</b><script>alert(1)</script>, two</p><p> </p><div>three<br>four &lt;</div>
<cite>Ann</cite><p>five</p><img src="https://evil.example/x.png"></body>"""


@pytest.mark.parametrize(
    ("extension", "text", "expected"),
    [
        (
            "vtt",
            VTT,
            [Paragraph("One & two three lines", 0.5, "Ann Lee"), Paragraph("alert(1)", 3607, "Bob")],
        ),
        ("srt", SRT, [Paragraph("第一回燈塔。 abc", 0)]),
        (
            "json",
            json.dumps(
                {
                    "segments": [
                        {"startTime": 1, "endTime": 2, "speaker": "Ann", "body": " I "},
                        {"startTime": "2", "speaker": "Ann", "body": "am"},
                        {"startTime": 3, "speaker": None, "body": None},
                        {"startTime": -1, "speaker": "Bob", "body": "<b>you"},
                    ]
                }
            ),
            [Paragraph("I am", 1, "Ann"), Paragraph("<b>you", None, "Bob")],
        ),
        (
            "html",
            HTML,
            [
                Paragraph("Text one, two", 5, "Kevin"),
                Paragraph("three"),
                Paragraph("four <"),
                Paragraph("five", None, "Ann"),
            ],
        ),
        ("txt", "one\r\ntwo\r\n \r\n\r\nthree", [Paragraph("one two"), Paragraph("three")]),
    ],
    ids=["vtt", "srt", "json", "html", "txt"],
)
def test_a_transcript_is_read_as_paragraphs(extension: str, text: str, expected: list[Paragraph]) -> None:
    assert read_transcript(extension, text.encode()) == expected
    if extension != "json":
        assert read_transcript(extension, codecs.BOM_UTF16_LE + text.encode("utf-16-le")) == expected


def test_short_cues_become_paragraphs_that_end_with_a_sentence() -> None:
    cues = "".join(f"00:{at // 60:02}:{at % 60:02}.000 --> 00:59:00.000\n{'word ' * 9}{at}.\n\n" for at in range(100))
    found = read_transcript("vtt", f"WEBVTT\n\n{cues}".encode())
    assert [one.start for one in found[:3]] == [0, 7, 14]
    assert all(300 <= len(one.text) < 400 and one.text.endswith(".") for one in found[:-1])
    endless = read_transcript("vtt", f"WEBVTT\n\n{cues.replace('.', ',')}".replace(",000", ".000").encode())
    assert all(700 <= len(one.text) < 800 for one in endless[:-1])


@pytest.mark.parametrize(
    ("extension", "raw", "problem"),
    [
        ("vtt", b"", "it has no text"),
        ("vtt", b"WEBVTT\n\n00:00.000 --> 00:01.000\n<i>\n", "it has no text"),
        ("srt", b"\xff\xfe\x00", "it is not in UTF-8"),
        ("srt", b"1\n00:00:00,000 --> x\n\xa4\xa4\n", "it is not in UTF-8"),
        ("json", b"[" * 100_000, "Invalid JSON: recursion limit exceeded"),
        ("json", b'{"segments": 1}', "segments: Input should be a valid"),
        ("json", b'{"segments": [{"body": 1}]}', "segments.0.body: Input should be"),
        ("html", b"", "it has no text"),
        ("html", b"<!-- -->", "it has no text"),
    ],
)
def test_what_is_no_transcript_is_refused(extension: str, raw: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_transcript(extension, raw)


@pytest.mark.parametrize(
    ("extension", "piece"),
    [
        ("vtt", "00:00.000 --> 00:01.000\n<v <v <v <i\n"),
        ("vtt", "00:00.000 --> 00:01.000\n"),
        ("vtt", "00:00.000 --> 00:01.000\na\n\n"),
        ("srt", "{\\{\\<<"),
        ("html", "<a href=1><b c=2><p>"),
        ("html", "<p>"),
        ("html", "<p> <time>0:00</time> "),
        ("html", " \n<br>"),
        ("html", "<cite>x"),
        ("txt", "\n \t"),
    ],
)
def test_hostile_transcripts_take_linear_time(extension: str, piece: str) -> None:
    """Within the limit of time that all tests have: quadratic time would be many minutes."""
    text = "WEBVTT\n\n00:00.000 --> 00:01.000\nx" + piece * (600_000 // len(piece))
    assert read_transcript(extension, text.encode())


def test_chapters_are_those_to_be_shown_in_their_order() -> None:
    told = {
        "version": "1.2.0",
        "chapters": [
            {"startTime": 12.5, "title": "Two", "url": "https://example.org/", "img": "https://example.org/i.png"},
            {"startTime": "0", "title": None},
            {"startTime": 5, "title": "hidden", "toc": False},
            {"startTime": 6, "toc": True, "endTime": "x"},
            {"title": "at no time"},
            {"startTime": -1},
            {"startTime": 1e300},
        ],
    }
    assert read_chapters(json.dumps(told).encode()) == [
        Chapter(0),
        Chapter(6),
        Chapter(12.5, "Two", "https://example.org/", "https://example.org/i.png"),
    ]
    many = {"chapters": [{"startTime": at} for at in range(100_000)]}
    assert len(read_chapters(json.dumps(many).encode())) == 1000


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"chapters": [1]}', b'{"chapters": ' + b"[" * 100_000, b"\xff"])
def test_what_are_no_chapters_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"Invalid JSON|should be an object|required"):
        read_chapters(raw)
