"""Makes well-formed XML of what publishers write in its place, so that one reader suffices for all feeds.

What podcast apps forgive is forgiven: stray ``&`` and ``<``, HTML's entities, control characters, tags that are not
closed or not opened, attributes without quotes, anything behind the root, a second document, and a document that breaks
off. The text is scanned once, from front to end, so that the time it takes grows with its length and no faster.
"""

import html
import re
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from html.entities import html5
from typing import Literal

from podcrawler.plain_text import legal_in_xml
from podcrawler.sites.elements import KNOWN_PREFIXES

_NAME = r"[^\W\d][\w.-]*+(?::[^\W\d][\w.-]*+)?"
#: The beginning of a name: a long one that is no attribute would be tried from each of its characters.
_AT_NAME = r"(?<![\w.:-])"
_TAG = re.compile(
    rf"<(/?)({_NAME})"
    # Up to the ">" that is in no quotes. A "<" that begins no tag may be in an attribute.
    r"""((?:[^<>"']++|"(?:[^"<]++|<(?![A-Za-z/!?]))*+"|'(?:[^'<]++|<(?![A-Za-z/!?]))*+')*+)>"""
)
#: A tag whose quotes do not match.
_POOR_TAG = re.compile(rf"<(/?)({_NAME})([^<>]*+)>")
_ATTRIBUTE = re.compile(rf"""{_AT_NAME}({_NAME})\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|["']?([^\s"'<>]++))""")
#: In a tag whose quotes do not match, a quote may be closed by the next attribute.
_POOR_ATTRIBUTE = re.compile(rf"""{_AT_NAME}({_NAME})\s*+=\s*+["']?((?:[^\s"'<>]++|\s(?![\w:]{{1,40}}=))*+)""")
_REFERENCE = re.compile(r"&(?:#([0-9]{1,8});|#[xX]([0-9A-Fa-f]{1,7});|([A-Za-z][A-Za-z0-9]{1,31};))?")
_OF_XML = frozenset({"amp;", "lt;", "gt;", "quot;", "apos;"})
_BORDER_OF_ENTRY = re.compile(r"</?(?:item|entry)[\s/>]", re.IGNORECASE)
#: Characters that are cleaned at once, so that other threads get their turn.
_BLOCK = 1024 * 1024
#: Deeper elements are left out, but not their texts; libxml2 reads no deeper than 256.
_DEPTH = 100

#: What an element of a feed may be in, and have in it:
#: ``short``  has no elements in it;
#: ``html``   the same, but HTML has elements of this name;
#: ``long``   may have HTML in it;
#: ``group``  has elements of known prefixes in it, and no others.
_Kind = Literal["root", "entry", "short", "html", "long", "group", "other"]
_IDS = frozenset({"guid", "id"})
_NAMES: dict[_Kind, str] = {
    "root": "rss feed rdf:rdf channel",
    "entry": "item entry",
    "short": "guid id pubdate published updated lastbuilddate enclosure comments category",
    "html": "title link author",
    "long": "description content content:encoded itunes:summary summary subtitle tagline",
    "group": "itunes:owner itunes:category",
    # Live items have the elements of an entry in them.
    "other": "podcast:liveitem",
}
_KINDS = {name: kind for kind, names in _NAMES.items() for name in names.split()}
_TEXTS: tuple[_Kind, ...] = ("short", "html", "long")
#: What is markup in an element whose content is HTML: the rest is its text, with the tags.
_NO_HTML = re.compile(
    r"<!--|<!\[CDATA\[|</?(?:"
    + "|".join(name for name, kind in _KINDS.items() if kind in ("root", "entry", "short", "long"))
    + rf"|(?:{'|'.join(sorted(KNOWN_PREFIXES - {'xhtml'}))}):[a-z]+)(?=[\s>/])",
    re.IGNORECASE,
)


def repaired(text: str) -> tuple[str, bool]:
    """The well-formed document that ``text`` was meant to be, and whether an entry is left out in which it breaks off.
    It begins with the root's tag."""
    text = "".join(legal_in_xml(text[at : at + _BLOCK]) for at in range(0, len(text), _BLOCK))
    # A tag that was cut off is no text.
    return _Scanner(text[: text.rfind(">") + 1]).run()


class _Scanner:
    """One scan over a document."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._out: list[str] = []
        #: Name, kind and end tag of each open element, the root first.
        self._open: list[tuple[str, _Kind, str]] = []
        #: How many elements of each name are open.
        self._names: dict[str, int] = {}
        #: The depths of the open elements of each kind, so that the outermost is found however many there are.
        self._depths: dict[_Kind, list[int]] = defaultdict(list)
        #: The length of ``_out`` where the last entry began, and whether its identity has been read.
        self._entry_at = 0
        self._is_identified = False
        #: The depth of the open element whose content is HTML; 0 if none is.
        self._html_depth = 0
        #: Where the next end of a kind of markup is, so that no end is looked for twice.
        self._next: dict[str, int] = {}

    def run(self) -> tuple[str, bool]:
        text, at = self._text, 0
        while (start := self._next_markup(at)) >= 0:
            self._write_text(text[at:start])
            at = self._markup(start)
        self._write_text(text[at:])
        breaks_off = bool(self._depths["entry"]) and not self._is_identified
        if breaks_off:
            # Broken off before the guid: another id than that of the whole entry would be made of the rest.
            self._close_kinds(["entry"])
            del self._out[self._entry_at :]
        self._close(0)
        return "".join(self._out), breaks_off

    def _next_markup(self, at: int) -> int:
        if not self._html_depth:
            return self._text.find("<", at)
        found = _NO_HTML.search(self._text, at)
        return found.start() if found else -1

    def _markup(self, start: int) -> int:
        """Write the markup at ``start``; returns its end."""
        text = self._text
        for pattern, attribute in ((_TAG, _ATTRIBUTE), (_POOR_TAG, _POOR_ATTRIBUTE)):
            if tag := pattern.match(text, start):
                if tag[1]:
                    self._end_tag(tag[2])
                else:
                    self._start_tag(tag[2], tag[3], attribute)
                return tag.end()
        if text.startswith("<!--", start) and (end := self._find("-->", start)) >= 0:
            return end + 3
        if text[start : start + 9].upper() == "<![CDATA[":
            return self._cdata(start + 9)
        if text.startswith("<?", start) and (end := self._find("?>", start)) >= 0:
            return end + 2
        if text.startswith("<!DOCTYPE", start):
            return self._find(">", start) + 1
        self._write_text("<")
        return start + 1

    def _cdata(self, start: int) -> int:
        """Write the CDATA section whose content begins at ``start``; returns its end."""
        text, end = self._text, self._find("]]>", start)
        inner = text.find("<![CDATA[", start, end) if end >= 0 else -1
        if end < 0 or (inner >= 0 and _BORDER_OF_ENTRY.search(text, start, inner)):
            # It is not closed: what follows is markup.
            return start
        self._write(f"<![CDATA[{text[start:end].replace('<![CDATA[', '')}]]>")
        return end + 3

    def _find(self, end: str, start: int) -> int:
        """The next place of ``end`` from ``start`` on; -1 if there is none."""
        at = self._next.get(end, -2)
        if at == -2 or 0 <= at < start:
            at = self._next[end] = self._text.find(end, start)
        return at

    def _start_tag(self, raw: str, attributes: str, attribute: re.Pattern[str]) -> None:
        name, kind = _named(raw)
        self._make_room(name, kind)
        is_empty = attributes.endswith("/") and bool(self._open)
        end = f"</{raw}>" if len(self._open) < _DEPTH else ""
        if end:
            self._out.append(f"<{raw}{_attributes(attributes, attribute)}{'/' if is_empty else ''}>")
        if not is_empty:
            self._depths[kind].append(len(self._open))
            self._open.append((name, kind, end))
            if kind == "long" and not self._html_depth and "xhtml" not in attributes:
                self._html_depth = len(self._open)
            self._names[name] = self._names.get(name, 0) + 1

    def _make_room(self, name: str, kind: _Kind) -> None:
        """Close the elements that this one cannot be in: their end tags are missing."""
        if kind == "other":
            return
        if kind == "root":
            self._close(1)
        elif kind == "entry":
            self._close_kinds(["entry", "group", *_TEXTS])
            self._entry_at, self._is_identified = len(self._out), False
        elif kind == "group" or ":" in name:
            self._close_kinds(_TEXTS)
        elif kind == "html" or name == "summary":
            self._close_kinds(["short", "html"] if self._depths["long"] else ["short", "html", "group"])
        else:
            self._close_kinds(["group", *_TEXTS])

    def _end_tag(self, raw: str) -> None:
        name, _ = _named(raw)
        if self._names.get(name):
            depth = len(self._open) - 1
            while self._open[depth][0] != name:
                depth -= 1
            # The root stays open for what follows it.
            self._close(max(depth, 1))
            self._is_identified |= name in _IDS

    def _close_kinds(self, kinds: Iterable[_Kind]) -> None:
        """Close the outermost open element of these kinds, and all that is in it."""
        if found := [self._depths[kind][0] for kind in kinds if self._depths[kind]]:
            self._close(min(found))

    def _close(self, depth: int) -> None:
        """Close all open elements but the outer ``depth`` ones."""
        while len(self._open) > depth:
            name, kind, end = self._open.pop()
            self._names[name] -= 1
            self._depths[kind].pop()
            self._out.append(end)
        if depth < self._html_depth:
            self._html_depth = 0

    def _write_text(self, text: str) -> None:
        if text:
            self._write(_escaped(text.replace("]]>", "")))

    def _write(self, text: str) -> None:
        if self._open:
            self._out.append(text)


@lru_cache(maxsize=4096)
def _named(raw: str) -> tuple[str, _Kind]:
    """The name of an element, in lower case, and its kind."""
    name = raw.lower().removeprefix("atom:")
    if name in _KINDS:
        return name, _KINDS[name]
    prefix, colon, _ = name.partition(":")
    if not colon or prefix not in KNOWN_PREFIXES or prefix == "xhtml":
        return name, "other"
    return name, "short" if prefix == "itunes" else "group"


def _attributes(text: str, attribute: re.Pattern[str]) -> str:
    """The attributes of a tag, each once, in quotes."""
    found: dict[str, str] = {}
    if "=" in text:
        for name, *values in attribute.findall(text):
            found.setdefault(name, "".join(values))
    return "".join(f' {name}="{_escaped(value).replace(chr(34), "&quot;")}"' for name, value in found.items())


def _escaped(text: str) -> str:
    if "&" in text:
        text = _REFERENCE.sub(_reference, text)
    return text.replace("<", "&lt;")


def _reference(found: re.Match[str]) -> str:
    decimal, hexadecimal, name = found.groups()
    if decimal or hexadecimal:
        # As HTML reads it (the control characters C1 are Windows-1252's), less what XML does not allow.
        character = html.unescape(f"&#{decimal};" if decimal else f"&#x{hexadecimal};")
        return html.escape(legal_in_xml(character))
    if name in _OF_XML:
        return found[0]
    if name in html5:
        return html.escape(html5[name])
    return f"&amp;{found[0][1:]}"
