"""Documents that were made to stop a reader, or to fill it: each with how its reading ends.

Most are of some 120 KB, which is enough for what takes the square of the length to take minutes.
"""

import gzip
import json
from collections.abc import Callable
from typing import NamedTuple
from xml.sax.saxutils import escape

#: How a reading ends: ``listed`` and how many episodes are queued, or the kind of a failure and words of its sentence.
Ending = tuple[str, object]

SIZE = 120_000
_FILE = "<enclosure url='http://127.0.0.1:9/1.mp3' type='audio/mpeg'/>"
_PLAYER = "<audio src='http://127.0.0.1:9/1.mp3'></audio>"
ONE: Ending = ("listed", 1)
NONE: Ending = ("no-enclosures", "entr")
BROKEN: Ending = ("broken-feed", "not well-formed")
UNKNOWN: Ending = ("unknown-page", "neither a feed nor a page")
NO_FEED: Ending = ("no-feed", "without the address of a feed")
TIME: Ending = ("parse-time", "PODCRAWLER_PARSE_TIME")


class Document(NamedTuple):
    body: Callable[[], str | bytes]
    ending: Ending


def _long(unit: str) -> str:
    return (unit * (SIZE // len(unit) + 1))[:SIZE]


def _rss(inner: str, title: str = "T") -> str:
    spaces = "xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd' xmlns:media='http://search.yahoo.com/mrss/'"
    space = "xmlns:podcast='https://podcastindex.org/namespace/1.0'"
    return f"<rss {spaces} {space}><channel><title>{title}</title>{inner}</channel></rss>"


def _item(inner: str = "", title: str = "A", guid: str = "g") -> str:
    return f"<item><title>{title}</title><guid>{guid}</guid>{_FILE}{inner}</item>"


def _items(count: int, inner: str, file: str = _FILE) -> str:
    return "".join(f"<item>{inner.format(n)}{file.format(n)}</item>" for n in range(count))


def _many(form: str, count: int) -> str:
    return "".join(form.format(number) for number in range(count))


def _html(body: str, head: str = "<title>T</title>") -> str:
    return f"<html><head>{head}</head><body>{body}</body></html>"


def _text_everywhere(unit: str) -> str:
    """A feed of one entry that has the text in every field that is read of it."""
    text = escape(_long(unit), {"'": "&apos;"})
    names = "description itunes:summary itunes:author author itunes:keywords podcast:season podcast:person pubDate"
    fields = "".join(f"<{name}>{text}</{name}>" for name in f"{names} itunes:duration link category".split())
    attributes = f"<podcast:images srcset='{text}'/><podcast:transcript url='{text}' type='{text}'/>"
    return _rss(_item(fields + attributes, title=text), title=text)


#: What texts are made of, again and again.
UNITS = {
    "blanks": " ",
    "line breaks": "\n",
    "less-than": "<",
    "comments": "<!--",
    "comments that close": "<!-- >",
    "ampersands": "&",
    "references": "&#1",
    "references of many digits": "9",
    "brackets": "[",
    "combining marks": "\u0301",
    "jamo": "\u1100",
    "quotes": '"',
    "beginnings of CDATA": "<![CDATA[",
    "ends of CDATA": "]]>",
    "beginnings of tags": "<a ",
    "beginnings of paragraphs": "<p>",
    "letters": "x",
    "colons": "x:",
    "emoji": "\U0001f600",
    "at signs": "@",
    "slashes": "/",
}


def _in_feed(unit: str) -> Document:
    return Document(lambda: _text_everywhere(unit), ONE)


def _in_page(unit: str) -> Document:
    text = escape(_long(unit))
    return Document(lambda: _html(f"<h1>{text}</h1>{_PLAYER}", f"<title>{text}</title>"), ONE)


IN_FEEDS = {f"a feed full of {name}": _in_feed(unit) for name, unit in UNITS.items()}
IN_PAGES = {f"a page full of {name}": _in_page(unit) for name, unit in UNITS.items()}
FEEDS: dict[str, Document] = {
    "tags in tags": Document(lambda: _rss("<x>" * 10_000 + "</x>" * 10_000 + _item()), ONE),
    "tags in tags without ends": Document(
        lambda: "<rss><channel>" + "<x>" * 20_000 + "<title>" * 20_000 + _item(), BROKEN
    ),
    "entries in entries": Document(lambda: "<rss><channel>" + "<item>" * 5_000, NONE),
    "ends without beginnings": Document(lambda: "<rss><channel>" + "</rss>" * 20_000 + _item(), ONE),
    "a CDATA that never closes": Document(lambda: "<rss><channel>" + "<![CDATA[" * 20_000 + "]]>" + _item(), ONE),
    "many attributes": Document(lambda: _rss("<item" + _many(" a{}='1'", 10_000) + f">{_FILE}</item>"), ONE),
    # libxml2 takes the square of their number.
    "half a million attributes of an entry": Document(
        lambda: _rss("<item" + _many(" a{}='1'", 500_000) + f">{_FILE}</item>"), TIME
    ),
    "an attribute of a long name": Document(lambda: _rss(f"<item x=1 {_long('y')}>{_FILE}</item>"), ONE),
    "entities": Document(
        lambda: (
            "<!DOCTYPE r [<!ENTITY a 'aaaaaaaaaa'>"
            + "".join(f"<!ENTITY a{n + 1} '{f'&a{n};' * 10}'>" for n in range(20))
            + f"]><rss><channel><title>&a20;</title>{_item('<description>&a20;</description>')}</channel></rss>"
        ),
        ONE,
    ),
    "a large entity again and again": Document(
        lambda: (
            f"<!DOCTYPE r [<!ENTITY a '{'a' * 40_000}'>]>"
            f"<rss><channel><title>{'&a;' * 20_000}</title>{_item()}</channel></rss>"
        ),
        ONE,
    ),
    "one guid for all": Document(lambda: _rss(_items(5_000, "<guid>1</guid>")), ONE),
    "one guid for many files": Document(
        lambda: _rss(_items(5_000, "<guid>1</guid>", "<enclosure url='http://127.0.0.1:9/{}.mp3'/>")), ("listed", 5_000)
    ),
    "a reference of many digits": Document(
        lambda: _rss(
            _item(
                f"<description>&amp;#{'9' * 5_000};</description><itunes:summary>&amp;#{'8' * 5_000};</itunes:summary>"
            )
        ),
        ONE,
    ),
    "many files": Document(
        lambda: _rss(
            "<item><guid>1</guid>" + _many("<media:content url='http://127.0.0.1:9/{}.mp3'/>", 20_000) + "</item>"
        ),
        ONE,
    ),
    "many persons": Document(
        lambda: _rss(_item("".join(f"<podcast:person>p{n}</podcast:person>" for n in range(20_000)))), ONE
    ),
    "many namespaces": Document(
        lambda: "<rss" + _many(" xmlns:a{0}='u{0}'", 5_000) + f"><channel>{_item()}</channel></rss>", ONE
    ),
    "comments before the root": Document(lambda: "<!-- x -->" * 5_000 + _rss(_item()), ONE),
    "channels that are none": Document(lambda: "<channel> " * 20_000, UNKNOWN),
    "an encoding for parts of texts": Document(
        lambda: b"<?xml version='1.0' encoding='punycode'?><rss><channel>\xff" + _item().encode(), ONE
    ),
    "an encoding that is none": Document(
        lambda: f"<?xml version='1.0' encoding='{'x' * 50_000}'?>{_rss(_item())}", ONE
    ),
    "a gzip file that grows": Document(lambda: gzip.compress(b"<rss><channel>" + b" " * 20_000_000), BROKEN),
    "a gzip file of empty members": Document(lambda: gzip.compress(b"") * 20_000, UNKNOWN),
    "an address of a long host": Document(
        lambda: _rss(f"<item><enclosure url='http://{_long(chr(0x1100))}/1.mp3'/></item>"),
        ("no-enclosures", "8,000 characters"),
    ),
    "a long address": Document(
        lambda: _rss(f"<item><enclosure url='http://127.0.0.1:9/{_long('x')}.mp3'/></item>"),
        ("no-enclosures", "8,000 characters"),
    ),
    "a long guid": Document(lambda: _rss(_item(guid=_long("x"))), ("no-enclosures", "8,000 characters")),
    "JSON in JSON": Document(lambda: '{"version": "https://jsonfeed.org/version/1", "items": ' + "[" * 100_000, BROKEN),
    "JSON of long texts": Document(
        lambda: json.dumps(
            {
                "version": "https://jsonfeed.org/version/1",
                "title": _long("\u0301"),
                "items": [
                    {
                        "id": "1",
                        "title": _long("\u0301"),
                        "content_html": _long("&#1"),
                        "attachments": [{"url": "http://127.0.0.1:9/1.mp3", "mime_type": _long("x")}],
                    }
                ],
            }
        ),
        ONE,
    ),
    "JSON of many members": Document(
        lambda: json.dumps(
            {
                "version": "https://jsonfeed.org/version/1",
                "items": [
                    {
                        "id": "1",
                        "_podcast": {f"a{n}": {"b": "c"} for n in range(20_000)},
                        "attachments": [{"url": "http://127.0.0.1:9/1.mp3"}],
                    }
                ],
            }
        ),
        ONE,
    ),
}
PAGES: dict[str, Document] = {
    "elements in elements": Document(lambda: _html("<div>" * 10_000 + _PLAYER), ("unknown-page", "")),
    "tables in tables": Document(lambda: _html(_PLAYER + "<table><tr><td>" * 10_000), ONE),
    "comments that never close": Document(lambda: _html(_PLAYER + "<!--" * 20_000), ONE),
    "many players": Document(
        lambda: _html("".join(f"<li><audio src='http://127.0.0.1:9/{n}.mp3'></audio>" for n in range(20_000))),
        ("listed", 1_000),
    ),
    "many links": Document(lambda: _html(_PLAYER + "".join(f"<a href='/{n}'>x</a>" for n in range(5_000))), ONE),
    "many objects": Document(
        lambda: _html(
            _PLAYER, f"<script type='application/ld+json'>{json.dumps([{'@type': 'Thing'}] * 20_000)}</script>"
        ),
        ONE,
    ),
    "JSON in JSON in a script": Document(
        lambda: _html(_PLAYER, f"<script type='application/ld+json'>{'[' * 100_000}</script>"), ONE
    ),
    "names of feeds in a script": Document(
        lambda: _html(_PLAYER, "<script>" + _long('"feed_url" ') + "</script>"), ONE
    ),
    "outlines without addresses": Document(
        lambda: "<opml><body>" + "<outline type='rss' text='x'/>" * 20_000 + "</body></opml>", NO_FEED
    ),
    "an outline of one word": Document(lambda: f"<opml><body><outline type='rss' {_long('x')}></body>", NO_FEED),
    "a million attributes": Document(lambda: _html("<div" + _many(" a{}=1", 1_000_000) + f">{_PLAYER}"), TIME),
}
#: What the code of a site of the user's does with them (test_hostile.py): by the path of the address.
CODE: dict[str, Document] = {
    "site/loops": Document(lambda: "x", TIME),
    "site/holds-the-lock": Document(lambda: "x", TIME),
    "site/crashes": Document(lambda: "x", ("unreadable", "was ended by SIGSEGV")),
    "site/is-killed": Document(lambda: "x", ("unreadable", "was ended by SIGKILL")),
    "site/exits": Document(lambda: "x", ("unreadable", "ended with status 3")),
    "site/fills-memory": Document(lambda: "x", ("too-large", "MB of memory")),
    "site/recurses": Document(lambda: "x", ("error", "RecursionError")),
    "site/fails": Document(lambda: "x", ("error", "ZeroDivisionError")),
    "site/lists": Document(lambda: "x", ONE),
}
ALL = {**IN_FEEDS, **IN_PAGES, **FEEDS, **PAGES, **CODE}
