"""Every misbehaviour of tests/origin.py, a row for each, and how an episode ends that meets it."""

import base64
import zlib
from dataclasses import dataclass

from tests.origin import content
from tests.store.record_files import FILES

Parameters = dict[str, object]

SIZE = 3_000_000
HALF = SIZE // 2
MIN_SIZE, MAX_SIZE = 100, 10_000_000
TRIES = 3

#: No validators, so that nothing can be gone on with.
BLIND: Parameters = {"etag": "", "modified": ""}
#: The first answer breaks off in the middle.
DROP: Parameters = {"truncate": HALF, "only_first": 1}


@dataclass(frozen=True)
class Whole:
    """The episode ends as a file."""

    #: Of the bytes.
    seed: int = 1
    #: Bytes that the server sent for it in all; None where that is of no account.
    sent: int | None = SIZE


@dataclass(frozen=True)
class Failed:
    """The episode fails."""

    kind: str
    failure_class: str
    #: Part of the sentence.
    words: str
    tries: int = TRIES


AFRESH = Whole(sent=HALF + SIZE)
Rows = dict[str, tuple[Parameters, Whole | Failed]]

#: By name: the parameters of the enclosure (and its ``size``), and how it ends.
ROWS: Rows = {
    "plain": ({}, Whole()),
    "chunked": ({"chunked": 1}, Whole()),
    "without length": ({"no_length": 1}, Whole()),
    "redirected": ({"redirect": 3, "seed": 11}, Whole(seed=11)),
    "smallest": ({"size": MIN_SIZE}, Whole(sent=MIN_SIZE)),
    # What breaks off.
    "dropped": (DROP, Whole()),
    "dropped twice": ({"truncate": 1_100_000, "only_first": 2}, Whole()),
    "dropped chunked": ({**DROP, "chunked": 1}, Whole()),
    "dropped after a redirect": ({**DROP, "redirect": 1, "seed": 12}, Whole(seed=12)),
    "dropped dated": ({**DROP, "etag": ""}, Whole()),
    "dropped weak": ({**DROP, "etag": 'W/"1"'}, AFRESH),
    "dropped blind": ({**DROP, **BLIND}, AFRESH),
    "reset": ({**DROP, "reset": 1}, Whole(sent=None)),
    "reset without length": ({**DROP, "reset": 1, "no_length": 1}, Whole(sent=None)),
    "dropped without ranges": ({**DROP, "no_ranges": 1}, AFRESH),
    # The answer to the range is given up, and the third request finds another file again.
    "dropped and changed": ({**DROP, "changes": 1}, Whole(seed=3, sent=None)),
    "dropped and changed unsaid": ({**DROP, "changes": 1, "ignore_if_range": 1}, Whole(seed=3, sent=None)),
    "dropped and refused 412": ({**DROP, "refuse_ranges": 412}, AFRESH),
    "dropped and refused 416": ({**DROP, "refuse_ranges": 416}, AFRESH),
    "wrong range": ({**DROP, "range_shift": 1}, Whole(sent=None)),
    "wrong total": ({**DROP, "range_total": SIZE + 1}, Whole(sent=None)),
    # What came for the range is no part of the file, and nothing of it may be gone on with.
    "whole as range": ({**DROP, "range_whole": 1}, Whole(sent=None)),
    "short": (
        {"truncate": HALF, **BLIND},
        Failed("length-mismatch", "passing", f"announced {SIZE} bytes and sent {HALF}; try again later."),
    ),
    "short chunked": ({"truncate": HALF, "chunked": 1, **BLIND}, Failed("incomplete", "passing", "broke off")),
    # What has the wrong size.
    "long": ({"surplus": 1000}, Whole(sent=None)),
    "empty": ({"size": 0}, Failed("empty", "passing", "sent an empty file; try again later.")),
    "too small": ({"size": MIN_SIZE - 1}, Failed("too-small", "passing", "(100, PODCRAWLER_MIN_SIZE)")),
    "too large": ({"size": MAX_SIZE + 1}, Failed("too-large", "permanent", "raise PODCRAWLER_MAX_SIZE", 1)),
    "endless": ({"endless": 1}, Failed("too-large", "permanent", "more than 10000000 bytes", 1)),
    # What is compressed.
    "gzip": ({"gzip": 1}, Whole(sent=None)),
    "dropped gzip": ({**DROP, "gzip": 1}, Whole(sent=None)),
    "bomb": ({"size": 10 * MAX_SIZE, "silence": 1, "gzip": 1}, Failed("too-large", "permanent", "more than", 1)),
    # Other successes than 200.
    **{f"status {status}": ({"status": status}, Whole()) for status in (201, 203, 208, 226, 299)},
    "accepted at first": ({"status": 202, "only_first": 1}, Whole(sent=None)),
    "accepted": ({"status": 202}, Failed("http-202", "passing", "does not have the file ready yet; try again later")),
    # What is no file.
    "gone": ({"status": 404}, Failed("http-404", "permanent", "answered 404 Not Found", 1)),
    "forbidden": ({"status": 403}, Failed("http-403", "blocked", "answered 403 Forbidden", 2)),
    "unasked range": ({"status": 206}, Failed("contradiction", "passing", "a part of the file that its headers")),
    "busy": ({"fail_first": 2, "retry_after": 1}, Whole()),
    "too busy": ({"status": 503, "retry_after": 1}, Failed("http-503", "busy", "answered 503 Service Unavailable")),
    "page": ({"html": 1}, Failed("not-media", "doubtful", "sent a web page instead of audio", 2)),
    "in circles": ({"redirect_loop": 1}, Failed("redirects", "doubtful", "without end", 2)),
}


def raw(*lines: bytes, status: bytes = b"HTTP/1.1 200 OK", tail: bytes = b"") -> Parameters:
    """The parameters for a head of these lines, and for bytes after the body."""
    head = b"".join(line + b"\r\n" for line in (status, *lines, b""))
    return {"head": base64.b64encode(head).decode(), "tail": base64.b64encode(tail).decode()}


COUNTED = b"Content-Length: %d" % SIZE

#: What is not quite HTTP, and what is compressed, or not, whatever the head says.
HEADS: Rows = {
    "without phrase": (raw(COUNTED, status=b"HTTP/1.1 200"), Whole(sent=None)),
    "icy": (raw(status=b"ICY 200 OK"), Whole(sent=None)),
    "icy with a length": (raw(b"icy-name: x", COUNTED, status=b"ICY 200 OK"), Whole(sent=None)),
    "live stream": (
        raw(b"Icy-Name: A station", b"icy-br: 128", status=b"HTTP/1.0 200 OK"),
        Failed("not-media", "permanent", "sent a live stream, which has no end, instead of a file; leave", 1),
    ),
    "no colon": (raw(b"some words", COUNTED), Whole(sent=None)),
    "spaces in names": (raw(b"Some Name: x", b"Content-Length : %d" % SIZE), Whole(sent=None)),
    "folded line": (raw(b"X: a", b"  b", COUNTED), Whole(sent=None)),
    "raw letters": (raw(b"X: M\xc3\xb8ller \xe9", COUNTED), Whole(sent=None)),
    "zero byte": (raw(b"X: a\x00b", COUNTED), Whole(sent=None)),
    "long head": ({"long_fields": 8}, Whole()),
    "length twice": (raw(COUNTED, COUNTED), Whole(sent=None)),
    "length twice in one": (raw(COUNTED + b", %d" % SIZE), Whole(sent=None)),
    "chunked with a length": (
        {**raw(b"Content-Length: 7", b"Transfer-Encoding: chunked"), "chunked": 1},
        Whole(sent=None),
    ),
    "length below zero": (raw(b"Content-Length: -1"), Whole(sent=None)),
    "two lengths": (
        raw(COUNTED, b"Content-Length: 7"),
        Failed("protocol", "passing", f"announces two lengths of one answer, 7 and {SIZE} bytes; check"),
    ),
    "coded transfer": (
        raw(b"Transfer-Encoding: gzip, chunked"),
        Failed("protocol", "passing", "sends the answer in a transfer coding that was not asked for; check"),
    ),
    "no http": (raw(status=b"<html>"), Failed("protocol", "passing", "does not answer in HTTP; check")),
    "endless head": (
        {"long_fields": 40},
        Failed("protocol", "passing", "sends more than 262144 bytes of headers; check"),
    ),
    "zeros after the end": (raw(COUNTED, tail=bytes(5000)), Whole(sent=None)),
    "an answer after the end": (raw(COUNTED, tail=b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"), Whole(sent=None)),
    "small with zeros": (
        {"size": 1000, **raw(b"Content-Length: 1000", tail=bytes(1000))},
        Whole(sent=None),
    ),
    "chunked with zeros": (
        {**raw(b"Transfer-Encoding: chunked", tail=bytes(1000)), "chunked": 1},
        Whole(sent=None),
    ),
    "broken chunks": (
        {**raw(b"Transfer-Encoding: chunked"), **BLIND},
        Failed("protocol", "passing", "in chunks that are not marked as they should be"),
    ),
    "no gzip": ({"coding": "gzip"}, Whole()),
    "no brotli": ({"coding": "br"}, Whole()),
    "no zstd": ({"coding": "zstd"}, Whole()),
    "brotli": ({"compress": "br"}, Whole(sent=None)),
    "zstd": ({"compress": "zstd"}, Whole(sent=None)),
    "brotli bomb": (
        {"size": 10 * MAX_SIZE, "silence": 1, "compress": "br"},
        Failed("too-large", "permanent", "more than", 1),
    ),
    "compress": ({"coding": "compress"}, Failed("encoded", "permanent", "compressed (compress)", 1)),
    "redirect cut off": (
        {**raw(b"Location: ?seed=1", b"Content-Length: 2000", status=b"HTTP/1.1 302 Found"), "size": 1000},
        Whole(sent=None),
    ),
    "refusal cut off": (
        {**raw(b"Content-Length: 2000", status=b"HTTP/1.1 404 Not Found"), "size": 1000},
        Failed("http-404", "permanent", "answered 404 Not Found", 1),
    ),
    "to nowhere": (
        {"status": 302, "size": 0},
        Failed("protocol", "passing", "redirects (302) without saying where to"),
    ),
}

#: Dates and pauses of every form, and failures whose cause must be true.
CAUSES: Rows = {
    **{
        f"waits {name}": ({"fail_first": 1, "retry_after": text}, Whole())
        for name, text in {
            "a fraction": "0.5",
            "spaces": "  1  ",
            "negative": "-1",
            "words": "soon",
            "nothing": "",
            "letters": "1e999",
            "year 1": "Mon, 01 Jan 0001 00:00:00 GMT",
            "a huge year": "Fri, 31 Dec 99999999999999999999 23:59:59 GMT",
            "a wrong month": "Mon, 01 Foo 2024 00:00:00 GMT",
            "a wrong zone": "Mon, 01 Jan 2024 00:00:00 +9999999999999999",
        }.items()
    },
    **{
        f"dated {name}": ({**DROP, "etag": "", "modified": text}, Whole(sent=None))
        for name, text in {
            "year 1": "Mon, 01 Jan 0001 00:00:00 GMT",
            "year 1900": "Mon, 01 Jan 1900 00:00:00 GMT",
            "year 9999": "Fri, 31 Dec 9999 23:59:59 GMT",
            "year 99999": "Fri, 31 Dec 99999 23:59:59 GMT",
            "huge year": "Fri, 31 Dec 99999999999999999999 23:59:59 GMT",
            "day 0": "Mon, 00 Jan 2024 00:00:00 GMT",
            "no zone": "Mon, 01 Jan 2024 00:00:00",
            "wrong zone": "Mon, 01 Jan 2024 00:00:00 +99999999",
            "digits": "9" * 5000,
        }.items()
    },
    "odd date and etag": ({**DROP, "modified": "Fri, 31 Dec 99999 23:59:59 GMT"}, Whole()),
    "refuses us": (
        {"status": 403, "seed": 21},
        Failed("http-403", "blocked", "set another User-Agent for this host with PODCRAWLER_USER_AGENTS=", 2),
    ),
    "wants a login": ({"status": 401}, Failed("http-401", "blocked", "it wants a login, which goes into the addr", 2)),
    "takes itself for a proxy": ({"status": 407}, Failed("http-407", "permanent", "it takes itself for a proxy", 1)),
    "asks for a second": (
        {"status": 429, "retry_after": 1},
        Failed("http-429", "busy", "answered 429 Too Many Requests and asks to wait 1 s; try again later, or ask less"),
    ),
    "leads to no host": (
        {"location": "http://nowhere.invalid/a.mp3"},
        Failed("dns", "passing", "nowhere.invalid "),
    ),
}

#: What comes in answer to a range after a drop, and is no part of the file.
RANGES: Rows = {
    **{f"range {code}": ({**DROP, "refuse_ranges": code}, AFRESH) for code in (400, 401, 403, 404, 405, 500, 501, 503)},
    "range hung up": ({**DROP, "on_range": "hangup"}, AFRESH),
    "range without bytes": ({**DROP, "on_range": "nothing"}, AFRESH),
    "range page": ({**DROP, "on_range": "page"}, AFRESH),
    "range in circles": ({**DROP, "on_range": "loop"}, AFRESH),
    # All that is sent for the range is given up.
    "rest as the whole": ({**DROP, "on_range": "rest"}, Whole(sent=None)),
    "rest as another": ({**DROP, "on_range": "rest", "changes": 1}, Whole(seed=3, sent=None)),
    "rest as nothing": ({**DROP, "on_range": "rest", "etag": ""}, Whole(sent=None)),
    "rest uncounted": ({**DROP, "on_range": "rest", "chunked": 1, "only_first": 2}, Whole(sent=None)),
    "rest to everybody": (
        {**DROP, "on_range": "poison"},
        Failed("contradiction", "passing", f"announces {HALF} bytes of a version that has had {SIZE}; try again"),
    ),
    "whole as 206": ({"status": 206, "content_range": f"bytes 0-{SIZE - 1}/{SIZE}"}, Whole()),
    "part as 206": (
        {"status": 206, "content_range": f"bytes 0-{SIZE - 1}/{SIZE + 1}"},
        Failed("contradiction", "passing", f"bytes 0 to {SIZE - 1} alone, although all were asked for"),
    ),
    "part as 200": (
        {"content_range": f"bytes 100-{SIZE + 99}/{SIZE + 100}"},
        Failed("contradiction", "passing", "called a part of the file the whole"),
    ),
}

_M4A, _WAV = ((FILES / name).read_bytes() for name in ("audio.m4a", "audio.wav"))
_FRAMES = bytes(9000) + b"\xff\xfb\x90\xc4" + b"".join(content(4000, seed=1))
_PAGE = b"<!DOCTYPE html><html><title>Removed</title></html>"


def _sends(body: bytes, **more: object) -> Parameters:
    """The parameters of an enclosure that has these bytes."""
    return {"packed": base64.b64encode(zlib.compress(body)).decode(), **more}


def _refused(words: str) -> Failed:
    """Plainly another kind of file."""
    return Failed("not-media", "permanent", f"sent {words} instead of audio; if it is what you want", 1)


def _doubted(words: str) -> Failed:
    """What stands in for the file."""
    return Failed("not-media", "doubtful", f"sent {words}; open the address in a browser", 2)


_BROKEN = Failed("incomplete", "doubtful", "has only a part of this file", 2)
#: What is no media, and media of which the host has only a part; all of the length that was announced.
KINDS: Rows = {
    "pdf": (_sends(b"%PDF-1.7\n" + bytes(500)), _refused("a PDF document")),
    "exe": (_sends(b"MZ\x90\0\x03" + bytes(500)), _refused("a program (EXE)")),
    "elf": (_sends(b"\x7fELF\x02\x01\x01" + bytes(500)), _refused("a program (ELF)")),
    "zip": (_sends(b"PK\x03\x04" + bytes(500)), _refused("a ZIP archive")),
    "png": (_sends(b"\x89PNG\r\n\x1a\n" + bytes(500)), _refused("a picture (PNG)")),
    "tar": (_sends(b"1.mp3".ljust(257, b"\0") + b"ustar\x0000" + bytes(500)), _refused("an archive of files (tar)")),
    "torrent": (_sends(b"d7:comment1:x4:infod6:lengthi1e4:name1:aee" + bytes(500)), _refused("a torrent")),
    "hls": (
        _sends(b"#EXTM3U\n#EXT-X-TARGETDURATION:6\n" + b"#EXTINF:6,\na.ts\n" * 20),
        _refused("an HLS playlist (a stream that is cut into pieces, which podcrawler does not put together)"),
    ),
    "addresses": (_sends(b"http://h.example/1.mp3\n" * 20), _refused("a playlist (M3U)")),
    "titled page": (_sends(b"\xef\xbb\xbf" + _PAGE * 5), _doubted('a web page instead of audio ("Removed")')),
    "page behind blanks": (_sends(b" \r\n" * 7000 + _PAGE), _doubted('a web page instead of audio ("Removed")')),
    "page behind a comment": (
        _sends(b"<!--" + b"x" * 20_000 + b"-->" + _PAGE, type="audio/mpeg"),
        _doubted('a web page instead of audio ("Removed")'),
    ),
    "short message": (
        _sends("Datei nicht verfügbar ".encode("latin-1") * 5),
        _doubted("text instead of audio"),
    ),
    "message": (_sends(b"Sorry, no more downloads today. " * 9), _doubted("text instead of audio")),
    "json error": (_sends(b'{"error": "expired"}' + b" " * 300), _doubted("a JSON document instead of audio")),
    "zeros": ({"zeros": 1}, _doubted("nothing but zeros instead of audio")),
    "blanks": (_sends(b" \n" * 10_000), _doubted("nothing but blanks instead of audio")),
    "page at first": ({"html": 1, "only_first": 1}, Whole(sent=None)),
    "without an index": (_sends(_M4A[: _M4A.index(b"moov") - 4]), _BROKEN),
    "cut mp4": (_sends(_M4A[:-9]), _BROKEN),
    "cut wav": (_sends(_WAV[:-500]), _BROKEN),
    "longer tag": (_sends(b"ID3\x04\0\0\0\x7f\0\0" + bytes(5000)), _BROKEN),
    "cut mp4 chunked": (
        _sends(_M4A[:-9], chunked=1),
        Failed("incomplete", "passing", "breaks off in the middle; try again later"),
    ),
    "frames behind zeros": (_sends(_FRAMES), Whole(sent=None)),
    "mp4 with a tag": (_sends(_M4A + b"TAG" + bytes(125)), Whole(sent=None)),
}

FAST: Rows = {**ROWS, **RANGES, **KINDS, **CAUSES, **HEADS}

_NOTHING = Failed("timeout", "passing", "sent nothing for 2 s that belongs to the file; try again later")
#: What is slow. These rows alone are run with limits of a few seconds, which a busy machine may exceed by itself.
SLOW: Rows = {
    "stalled": ({"stall_after": HALF, "only_first": 1}, Whole()),
    "stalling": ({"stall_after": HALF, **BLIND}, Failed("timeout", "passing", "sent nothing for 2 s")),
    "silent": ({"stall_head": 1}, Failed("timeout", "passing", "sent nothing for 2 s")),
    "slow head": ({"head_rate": 20}, Failed("timeout", "passing", "did not begin to answer within 4 s")),
    "trickled": ({"rate": 1000, "only_first": 1}, Whole(sent=None)),
    "trickling": ({"rate": 1000}, Failed("too-slow", "passing", "(PODCRAWLER_MIN_RATE)")),
    "trickling in long chunks": (
        {"rate": 1000, "chunked": 1, "extended": 4000},
        Failed("too-slow", "passing", "(PODCRAWLER_MIN_RATE)"),
    ),
    # What comes fast enough, and is no byte of the file.
    "an extension without end": ({"chunked": 1, "truncate": HALF, "then": "extension", **BLIND}, _NOTHING),
    "trailers without end": ({"chunked": 1, "then": "trailers", **BLIND}, _NOTHING),
    "empty members without end": ({"gzip": 1, "then": "members"}, _NOTHING),
    "a slow error page": ({"status": 503, "rate": 1000}, Failed("http-503", "busy", "answered 503")),
}
