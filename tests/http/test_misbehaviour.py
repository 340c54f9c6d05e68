"""Every misbehaviour of the origin, and what becomes of an episode that meets it: a whole file, or a clear failure."""

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

from tests.conftest import Client, Commands
from tests.origin import RunningOrigin, content, running
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
    "no gzip": ({"coding": "gzip"}, Failed("encoded", "passing", "says that the file is compressed (gzip)")),
    "brotli": ({"coding": "br"}, Failed("encoded", "permanent", "compressed (br)", 1)),
    # What is no file.
    "gone": ({"status": 404}, Failed("http-404", "permanent", "answered 404 Not Found", 1)),
    "forbidden": ({"status": 403}, Failed("http-403", "blocked", "answered 403 Forbidden", 2)),
    "unasked range": ({"status": 206}, Failed("contradiction", "passing", "a part of the file that its headers")),
    "busy": ({"fail_first": 2, "retry_after": 1}, Whole()),
    "too busy": ({"status": 503, "retry_after": 1}, Failed("http-503", "busy", "answered 503 Service Unavailable")),
    "page": ({"html": 1}, Failed("not-media", "doubtful", "sent a web page instead of audio", 2)),
    "in circles": ({"redirect_loop": 1}, Failed("redirects", "passing", "without end")),
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
    "leads nowhere": ({"status": 301}, Failed("http-301", "permanent", "it redirects without saying where to", 1)),
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
_FRAMES = bytes(9000) + b"\xff\xfb\x90\xc4" + b"".join(content(20_000, seed=1))
_PAGE = b"<!DOCTYPE html><html><title>Removed</title></html>"


def _sends(body: bytes, **more: object) -> Parameters:
    """The parameters of an enclosure that has these bytes."""
    return {"body": base64.b64encode(body).decode(), **more}


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

FAST: Rows = {**ROWS, **RANGES, **KINDS, **CAUSES}

#: What is slow. These rows alone are run with limits of a few seconds, which a busy machine may exceed by itself.
SLOW: Rows = {
    "stalled": ({"stall_after": HALF, "only_first": 1}, Whole()),
    "stalling": ({"stall_after": HALF, **BLIND}, Failed("timeout", "passing", "sent nothing for 2 s")),
    "silent": ({"stall_head": 1}, Failed("timeout", "passing", "sent nothing for 2 s")),
    "slow head": ({"head_rate": 20}, Failed("timeout", "passing", "did not begin to answer within 4 s")),
    "trickled": ({"rate": 1000, "only_first": 1}, Whole(sent=None)),
    "trickling": ({"rate": 1000}, Failed("too-slow", "passing", "(PODCRAWLER_MIN_RATE)")),
}


def test_every_misbehaviour_ends_in_a_whole_file_or_a_clear_failure(
    fleet: Commands, redis: Client, origin: RunningOrigin, certificate: Path
) -> None:
    with running("--certificate", str(certificate)) as unsafe:
        refused = Failed("tls", "permanent", "cannot be spoken to safely", 1)
        rows: Rows = {**FAST, "unsafe": ({"location": f"{unsafe.address}/bytes/{SIZE}.mp3"}, refused)}
        drain(fleet, redis, origin, rows)
    drain(fleet, redis, origin, SLOW, CONNECT_TIMEOUT=2, IDLE_TIMEOUT=2, MIN_RATE=10_000)
    outcomes = Outcomes(fleet, redis, origin)
    ends = {name: end for name, (_, end) in {**rows, **SLOW}.items()}
    assert {name: problem for name, end in ends.items() if (problem := outcomes.problem(name, end))} == {}


def drain(fleet: Commands, redis: Client, origin: RunningOrigin, rows: Rows, **settings: float) -> None:
    """Run a node until the episodes of these rows have ended."""
    for name, (parameters, _) in rows.items():
        query = urlencode({"title": name, "episodes": 1, "size": SIZE, **parameters}, quote_via=quote)
        redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?{query}")
    settings |= {"MAX_TRIES": TRIES, "RETRY_DELAY": 0.01, "CONCURRENT_EPISODES": 60}
    settings |= {"MIN_SIZE": MIN_SIZE, "MAX_SIZE": MAX_SIZE}
    ended = fleet.drain(*(word for name, value in settings.items() for word in ("-s", f"PODCRAWLER_{name}={value}")))
    assert ended.status == 1
    assert "Traceback" not in ended.err


class Outcomes:
    """What became of the episodes, each of a podcast that is named after its row."""

    def __init__(self, fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
        self._archive = fleet.archive
        self._files = fleet.files()
        self._failed = {
            _row(key.decode()): json.loads(failure)
            for key, failure in redis.hgetall("{podcrawler}:episodes:failed").items()
        }
        self._sent = origin.sent()

    def problem(self, name: str, end: Whole | Failed) -> str:
        """What is not as it should be, empty if nothing is."""
        parameters, _ = {**FAST, **SLOW}.get(name, ({}, None))
        files = [path for path in self._files if _row(path) == name]
        media = [path for path in files if not path.endswith(".part")]
        failed = self._failed.get(name)
        if isinstance(end, Failed):
            if media or failed is None:
                return f"did not fail, but left {files}"
            outcome = (failed["kind"], failed["class"], failed["tries"])
            if outcome != (end.kind, end.failure_class, end.tries) or end.words not in failed["reason"]:
                return f"failed otherwise: {outcome} {failed['reason']}"
            return f"left {files}" if end.failure_class == "permanent" and files else ""
        if failed or files != media or len(media) != 1:
            return f"is no whole file: {files} {failed}"
        with (self._archive / media[0]).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        given = base64.b64decode(str(parameters.get("body", "")))
        size = int(str(parameters.get("size", SIZE)))
        if found != (hashlib.sha256(given).hexdigest() if given else _sha256(size, end.seed)):
            return "is another file"
        sent = sum(count for path, count in self._sent.items() if _asked_for(path, parameters))
        return f"took {sent} bytes" if end.sent not in (None, sent) else ""


def _row(path: str) -> str:
    """The row of a path or a key: both begin with the podcast's id, its title and eight hex digits."""
    found = re.match(r"([a-z0-9-]+)-[0-9a-f]{8}/", path)
    assert found
    return found[1].replace("-", " ")


def _asked_for(path: str, parameters: Parameters) -> bool:
    """Whether a path is the enclosure with these parameters, be it after its redirects."""
    query = urlencode({"seed": 1, **{k: v for k, v in parameters.items() if k not in ("size", "redirect")}})
    asked = re.sub(r"&redirect=\d+", "", path)
    return asked == f"/bytes/{parameters.get('size', SIZE)}.mp3?{query}"


def _sha256(size: int, seed: int) -> str:
    digest = hashlib.sha256()
    for block in content(size, seed):
        digest.update(block)
    return digest.hexdigest()
