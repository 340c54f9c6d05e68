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
    "dropped and changed": ({**DROP, "changes": 1}, Whole(seed=2, sent=HALF + SIZE)),
    "dropped and changed unsaid": (
        {**DROP, "changes": 1, "ignore_if_range": 1},
        # The answer to the range is given up, and the third request finds another file again.
        Whole(seed=3, sent=None),
    ),
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
    "bomb": ({"size": 10 * MAX_SIZE, "zeros": 1, "gzip": 1}, Failed("too-large", "permanent", "more than", 1)),
    # What is no file.
    "gone": ({"status": 404}, Failed("http-404", "permanent", "answered 404 Not Found", 1)),
    "forbidden": ({"status": 403}, Failed("http-403", "blocked", "answered 403 Forbidden", 2)),
    "unasked range": ({"status": 206}, Failed("http-206", "permanent", "answered 206 Partial Content", 1)),
    "busy": ({"fail_first": 2, "retry_after": 1}, Whole()),
    "too busy": ({"status": 503, "retry_after": 1}, Failed("http-503", "busy", "answered 503 Service Unavailable")),
    "page": ({"html": 1}, Failed("not-media", "permanent", "sent a web page instead of audio", 1)),
    "in circles": ({"redirect_loop": 1}, Failed("redirects", "passing", "without end")),
}


def raw(*lines: bytes, status: bytes = b"HTTP/1.1 200 OK", tail: bytes = b"") -> Parameters:
    """The parameters for a head of these lines, and for bytes after the body."""
    head = b"".join(line + b"\r\n" for line in (status, *lines, b""))
    return {"head": base64.b64encode(head).decode(), "tail": base64.b64encode(tail).decode()}


COUNTED = b"Content-Length: %d" % SIZE

#: What is not quite HTTP, and what is compressed, or not, whatever the head says.
HEADS: Rows = {
    "without phrase": (raw(COUNTED, status=b"HTTP/1.1 200"), Whole(sent=None)),
    "icy": (raw(b"icy-br: 128", status=b"ICY 200 OK"), Whole(sent=None)),
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
        {"size": 10 * MAX_SIZE, "zeros": 1, "compress": "br"},
        Failed("too-large", "permanent", "more than", 1),
    ),
    "compress": ({"coding": "compress"}, Failed("encoded", "permanent", "compressed (compress)", 1)),
    "to nowhere": (
        {"status": 302, "size": 0},
        Failed("protocol", "passing", "redirects (302) without saying where to"),
    ),
}

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
        rows: Rows = {**ROWS, **HEADS, "unsafe": ({"location": f"{unsafe.address}/bytes/{SIZE}.mp3"}, refused)}
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
        parameters, _ = {**ROWS, **HEADS, **SLOW}.get(name, ({}, None))
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
        size = int(str(parameters.get("size", SIZE)))
        if found != _sha256(size, end.seed):
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
