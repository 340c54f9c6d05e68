"""Transcripts as paragraphs, with the moments when they are said: of WebVTT, SubRip, Podcasting 2.0's JSON and HTML,
and plain text.

Publishers write them. What is made of them is text alone: markup is left out, and nothing here takes more than linear
time.
"""

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import regex
from lxml import etree
from pydantic import TypeAdapter
from typing_extensions import TypedDict

from podcrawler.plain_text import unescaped
from podcrawler.publish.beside import validated
from podcrawler.publish.chapters import LONGEST

#: Characters of a paragraph from which on the end of a sentence ends it, and from which on anything does.
_ENOUGH, _MOST = 300, 700
_TIMING = re.compile(r"[ \t]*(?:([0-9]{1,4}):)?([0-9]{1,2}):([0-9]{1,2}(?:[.,][0-9]{1,3})?)[ \t]*-->")
_CLOCK = re.compile(r"\s*(?:([0-9]{1,4}):)?([0-9]{1,4}):([0-9]{1,2}(?:[.,][0-9]{1,3})?)\s*")
#: WebVTT §3.4: who speaks; and all tags, with the older braces of SubRip.
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?[ \t]+([^<>]*)>")
_TAG = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’」』)]?\Z")
#: Characters of scripts without spaces, at the end and at the beginning of what is joined.
_UNSPACED = regex.compile(r"[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}。，、！？：；「」『』（）]")
_LINES = frozenset(
    ("article", "blockquote", "br", "dd", "div", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "p", "section",
     "td", "tr")
)  # fmt: skip
_HIDDEN = frozenset(("head", "iframe", "noscript", "script", "style", "template"))


class Paragraph(NamedTuple):
    """What somebody says."""

    text: str
    #: Seconds from the beginning; None if it is not told.
    start: float | None = None
    speaker: str = ""


class _Segment(TypedDict, total=False):
    startTime: float | None
    speaker: str | None
    body: str | None


class _Segments(TypedDict):
    segments: list[_Segment]


_SEGMENTS = TypeAdapter(_Segments)


def read_transcript(extension: str, raw: bytes) -> list[Paragraph]:
    """The paragraphs of a file. Raises ValueError if it is no transcript."""
    paragraphs = [one for one in _READERS[extension](raw) if one.text]
    if not paragraphs:
        raise ValueError("it has no text")
    return paragraphs


def _from_cues(raw: bytes) -> Iterator[Paragraph]:
    yield from _joined(_cues(_text(raw).splitlines()))


def _cues(lines: Iterable[str]) -> Iterator[Paragraph]:
    start: float | None = None
    words: list[str] = []
    for line in (*lines, ""):
        timing = _TIMING.match(line) if "-->" in line else None
        if start is not None and (timing or not line.strip()):
            # The number of the next cue, if no empty line is before it.
            said = words[:-1] if timing and words and words[-1].strip().isdecimal() else words
            yield _said(" ".join(said), start)
            start, words = None, []
        if timing:
            start = _seconds(*timing.groups())
        elif start is not None:
            words.append(line)


def _said(text: str, start: float) -> Paragraph:
    speaker = ""
    if "<" in text or "{" in text:
        voice = _VOICE.search(text)
        speaker = _plain(unescaped(voice[1])) if voice else ""
        text = _TAG.sub("", text)
    return Paragraph(_plain(unescaped(text)), start, speaker)


def _from_json(raw: bytes) -> Iterator[Paragraph]:
    segments = validated(_SEGMENTS, raw)["segments"]
    yield from _joined(
        Paragraph(_plain(one.get("body") or ""), _moment(one.get("startTime")), _plain(one.get("speaker") or ""))
        for one in segments
    )


def _from_html(raw: bytes) -> Iterator[Paragraph]:
    """``cite`` is who speaks, and ``time`` when, in the form that Podcasting 2.0 describes."""
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(_text(raw).encode("utf-8", "replace"), parser)
    except etree.LxmlError:
        root = None
    if root is None:
        return
    words: list[str] = []
    start, speaker = None, ""
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        tag, text = element.tag, element.text or ""
        if tag in _LINES or (event == "start" and tag in ("cite", "time")):
            if said := _plain("".join(words)):
                yield Paragraph(said, start, speaker)
                start, speaker = None, ""
            words = []
        if event == "end":
            words.append(element.tail or "")
        elif tag in _HIDDEN:
            walk.skip_subtree()
        elif tag == "cite":
            speaker = _plain("".join(element.itertext())).rstrip(":：")
            walk.skip_subtree()
        elif tag == "time" and (clock := _CLOCK.fullmatch(text)):
            start = _seconds(*clock.groups())
            walk.skip_subtree()
        else:
            words.append(text)
    yield Paragraph(_plain("".join(words)), start, speaker)


def _from_text(raw: bytes) -> Iterator[Paragraph]:
    yield from (Paragraph(_plain(part)) for part in re.split(r"\n\s*\n", _text(raw).replace("\r\n", "\n")))


_READERS: dict[str, Callable[[bytes], Iterator[Paragraph]]] = {
    "vtt": _from_cues,
    "srt": _from_cues,
    "json": _from_json,
    "html": _from_html,
    "htm": _from_html,
    "txt": _from_text,
}
#: Of the extensions that can be read, that which tells most first.
READABLE = ("vtt", "json", "srt", "html", "htm", "txt")


def _joined(cues: Iterable[Paragraph]) -> Iterator[Paragraph]:
    """Cues are as long as a line on a screen, or a word; of several that one person says, paragraphs are made."""
    words: list[str] = []
    length = 0
    first = Paragraph("")
    for cue in cues:
        is_full = length >= _ENOUGH and (length >= _MOST or _SENTENCE_END.search(words[-1], len(words[-1]) - 2))
        if words and (is_full or cue.speaker != first.speaker):
            yield first._replace(text="".join(words))
            words, length = [], 0
        if not cue.text:
            continue
        if not words:
            first = cue
        elif not (_UNSPACED.match(words[-1][-1]) and _UNSPACED.match(cue.text)):
            words.append(" ")
        words.append(cue.text)
        length += len(cue.text)
    if words:
        yield first._replace(text="".join(words))


def _text(raw: bytes) -> str:
    is_utf16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return raw.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not in UTF-8") from None


def _plain(text: str) -> str:
    return " ".join(text.split())


def _seconds(hours: str | None, minutes: str, seconds: str) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds.replace(",", "."))


def _moment(seconds: float | None) -> float | None:
    return seconds if seconds is not None and 0 <= seconds < LONGEST else None
