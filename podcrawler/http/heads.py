"""Heads of answers as hosts write them, rewritten into what a strict parser accepts (RFC 9112 §2 to §6).

Harmless mistakes are read as browsers read them: lines that are no fields are dropped, odd status lines are corrected,
equal lengths count as one. If it is in doubt where the answer ends, it is refused, or its connection is closed.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from aiohttp.http import HttpProcessingError

#: Bytes of a head, as in Chromium. Whole heads of 64 KB occur: policies, signed addresses, cookies.
MAX_HEAD = 256 * 1024
#: What a head ends with: an empty line.
END = re.compile(rb"\n\r*\n")

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_FIELDS = rb"(?:(?!(?i:content-length|transfer-encoding):)" + _TOKEN + rb":[^\r\n\0]*+\r\n)*+"
#: A head that needs no rewriting: the minor version of HTTP, and ``chunked`` if the body is.
_CLEAN = re.compile(
    rb"HTTP/1\.([01]) [1-9][0-9]{2} [^\r\n\0]*+\r\n"
    + _FIELDS
    + rb"(?:(?i:content-length): *+[0-9]{1,18}\r\n|(?i:transfer-encoding): *+((?i:chunked))\r\n)?+"
    + _FIELDS
    + rb"\r\n"
)
#: Version, if there is one, status and phrase. The few bytes before it are left of another answer.
_STATUS_LINE = re.compile(
    rb".{0,4}?(?:(?i:HTTP)(?:/([0-9])(?:\.([0-9]))?[^ \t]*)?|(?i:ICY))[ \t]+([1-9][0-9]{2})(?![0-9])[ \t]*(.*)",
    re.DOTALL,
)
#: What the first eight bytes of a status line match.
_BEGINNING = re.compile(rb".{0,4}?(?i:HTTP|ICY)", re.DOTALL)
_NAME = re.compile(_TOKEN)
_SPACES = bytes.maketrans(b"\r\0", b"  ")
#: A number, and what some hosts write after it.
_LENGTH = re.compile(rb"\+?([0-9]{1,18})[ \t]*(?:bytes?|;.*)?", re.IGNORECASE | re.DOTALL)


class UnreadableAnswerError(HttpProcessingError):
    """Raised for an answer that cannot be read as HTTP. ``message`` follows the host in a sentence, and quotes nothing
    of the answer but numbers."""

    def __init__(self, message: str) -> None:
        super().__init__(code=400, message=message)


class Head(NamedTuple):
    """A head that aiohttp's parser reads."""

    raw: bytes
    #: Whether nothing that comes after this answer can be trusted.
    must_close: bool


def tidied(raw: bytes) -> Head:
    """A whole head, with the empty line at its end. Most are returned as they are. Raises UnreadableAnswerError."""
    _assert_size(len(raw))
    if (clean := _CLEAN.fullmatch(raw)) and (clean[2] is None or clean[1] == b"1"):
        return Head(raw, must_close=False)
    unified = re.sub(rb"\r*\n", b"\n", raw.rstrip(b"\r\n"))
    # RFC 9110 §5.5, RFC 9112 §2.2: NUL and a CR that ends no line are read as spaces.
    status_line, *lines = unified.translate(_SPACES).split(b"\n")
    minor, status = _status(status_line)
    fields, lengths, codings = [status], [], []
    for name, value in _fields(lines):
        match name.lower():
            case b"content-length":
                lengths.append(value)
            case b"transfer-encoding":
                codings.append(value)
            case _:
                fields.append(name + b": " + value)
    is_chunked = _is_chunked(codings)
    if is_chunked:
        fields.append(b"Transfer-Encoding: chunked")
    elif (length := _length(lengths)) is not None:
        fields.append(b"Content-Length: %d" % length)
    # RFC 9112 §6.1, §6.3: either shows that somebody on the way may see another end.
    must_close = is_chunked and (bool(lengths) or minor == 0)
    return Head(b"\r\n".join([*fields, b"", b""]), must_close)


def assert_begins(raw: bytes | bytearray, *, is_all: bool = False) -> None:
    """Raise UnreadableAnswerError if what came of a head so far, or all that came, can be none."""
    if (is_all or len(raw) >= 8) and not _BEGINNING.match(raw):
        raise UnreadableAnswerError("does not answer in HTTP")
    _assert_size(len(raw))


def _assert_size(size: int) -> None:
    if size > MAX_HEAD:
        raise UnreadableAnswerError(f"sends more than {MAX_HEAD} bytes of headers")


def _status(line: bytes) -> tuple[int, bytes]:
    """The minor version of HTTP/1, and the status line as the standard has it. A line without a version, or with
    SHOUTcast's ICY, counts as HTTP/1.0."""
    found = _STATUS_LINE.fullmatch(line)
    if not found:
        raise UnreadableAnswerError("does not answer in HTTP")
    major, minor, status, phrase = found.groups()
    new = int((major or b"1") + (minor or b"0")) > 10
    return int(new), b"HTTP/1.%d %b %b" % (new, status, phrase.rstrip(b" \t"))


def _fields(lines: Iterable[bytes]) -> Iterable[tuple[bytes, bytes]]:
    """The names and values of the fields. A line that begins with a space continues the one before (RFC 9112 §5.2)."""
    unfolded: list[list[bytes]] = []
    for line in lines:
        if line[:1] not in (b" ", b"\t"):
            unfolded.append([line])
        elif unfolded:
            unfolded[-1].append(line.strip(b" \t"))
    for parts in unfolded:
        name, colon, value = b" ".join(parts).partition(b":")
        name = name.rstrip(b" \t")
        if colon and _NAME.fullmatch(name):
            yield name, value.strip(b" \t")


def _length(values: Iterable[bytes]) -> int | None:
    """The length of the body; None if it is unknown. A value that is no number is ignored, as in browsers (curl refuses
    it): the body then ends with the connection."""
    found = set()
    for value in b",".join(values).split(b","):
        number = _LENGTH.fullmatch(value.strip(b" \t"))
        if number:
            found.add(int(number[1]))
        elif value.strip(b" \t"):
            return None
    if len(found) > 1:
        numbers = " and ".join(map(str, sorted(found)[:2]))
        raise UnreadableAnswerError(f"announces two lengths of one answer, {numbers} bytes")
    return found.pop() if found else None


def _is_chunked(values: Iterable[bytes]) -> bool:
    """Whether the body is chunked. Any other coding is refused, because none was asked for (RFC 9110 §10.1.4)."""
    names = {name.strip(b" \t").lower() for name in b",".join(values).split(b",")}
    if names - {b"chunked", b"identity", b""}:
        raise UnreadableAnswerError("sends the answer in a transfer coding that was not asked for")
    return b"chunked" in names
