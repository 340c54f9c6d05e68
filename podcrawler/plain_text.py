"""Descriptions without their markup, and texts without what XML does not allow. Publishers write HTML, plain text, and
HTML whose markup is escaped once more."""

import html
import re
from collections.abc import Iterator
from functools import lru_cache

from lxml import etree

#: Characters of a description that are read: forty pages. A longer one is no description.
MAX_LENGTH = 100_000
#: What tells HTML from a plain text that contains "<". Unknown tags do not: they are words such as <sigh>.
_TAG = re.compile(
    r"</?(?:a|b|blockquote|br|code|div|em|font|h[1-6]|hr|i|img|li|ol|p|pre|s|section|small|span|strong|sub|sup|table|td"
    r"|tr|u|ul)\b[^<>]*>",
    re.IGNORECASE,
)
_BREAKING_TAG = re.compile(r"<(?:blockquote|br|div|h[1-6]|li|ol|p|section|table|tr|ul)\b", re.IGNORECASE)
#: Markup that was escaped twice, as opposed to a text about markup.
_ESCAPED_TAG = re.compile(r"&lt;(?:/(?:a|div|li|p|span|strong|ul)|br */?|p)&gt;", re.IGNORECASE)
_PARAGRAPHS = frozenset({"blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "ol", "p", "pre", "table", "ul"})
_LINES = frozenset({"article", "dd", "div", "dl", "dt", "footer", "header", "li", "section", "tr"})
_HIDDEN = frozenset({"head", "iframe", "noscript", "script", "style", "template"})
_SPACE = re.compile(r"\s+")
#: Stands where a line begins or ends, which makes one break, however many elements begin and end there.
_EDGE = "\0"
#: A reference to no character, with more digits than Python makes a number of.
_LONG_NUMBER = re.compile(r"&#[0-9]{1000,};?")
_SPACE_AND_EDGES = re.compile(r"[\s\0]+")
#: What is no character of XML 1.0 (§2.2).
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@lru_cache(maxsize=8)  # An exporter asks for the text of an item three times.
def plain_text(text: str) -> str:
    """The text without tags and references. Paragraphs are apart by an empty line, and items of lists begin with "- ".
    A text without markup keeps its lines. Of a text of more than MAX_LENGTH characters, the rest is left out."""
    text = text[:MAX_LENGTH].replace(_EDGE, "")
    is_html = _TAG.search(text)
    if not is_html and _ESCAPED_TAG.search(text):
        text = unescaped(text)
        is_html = _TAG.search(text)
    if is_html:
        if not _BREAKING_TAG.search(text):
            # Plain text with links in it: its lines are meant.
            text = "<br>".join(text.splitlines())
        parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
        text = "" if root is None else "".join(_pieces(root))
    else:
        text = unescaped(text)
    return _SPACE_AND_EDGES.sub(_gap, text).strip()


def unescaped(text: str) -> str:
    """The text with what its references stand for. As ``html.unescape``, which raises ValueError for a long number."""
    return html.unescape(_LONG_NUMBER.sub("\ufffd", text))


def legal_in_xml(text: str) -> str:
    """The text without characters that XML does not allow, such as control characters."""
    return text if text.isprintable() else _NOT_IN_XML.sub("", text)


def _pieces(root: etree._Element) -> Iterator[str]:
    """The texts of the tree, each on one line, with breaks around what stands on lines of its own."""
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        tag = element.tag
        gap = "\n\n" if tag in _PARAGRAPHS else _EDGE if tag in _LINES else ""
        if event == "end":
            yield gap + _SPACE.sub(" ", element.tail or "")
        elif tag in _HIDDEN:
            walk.skip_subtree()
        else:
            gap = "\n" if tag == "br" else f"{gap}- " if tag == "li" else gap
            yield gap + _SPACE.sub(" ", element.text or "")


def _gap(space: re.Match[str]) -> str:
    """A run of space and edges as a space, a line break, or an empty line."""
    breaks = space[0].count("\n")
    return "\n" * min(breaks, 2) if breaks else "\n" if _EDGE in space[0] else " "
