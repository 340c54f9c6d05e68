"""Pages, and lists of podcasts, that were made to stop a reader, or to fill it: each with how its reading ends."""

import json
from xml.sax.saxutils import escape

from tests.reading.hostile import NO_FEED, ONE, REFUSED, SIZE, TIME, UNITS, UNKNOWN, Document, long, many

PLAYER = "<audio src='http://127.0.0.1:9/1.mp3'></audio>"


def html_page(body: str, head: str = "<title>T</title>") -> str:
    return f"<html><head>{head}</head><body>{body}</body></html>"


def _in_page(unit: str) -> Document:
    text = escape(long(unit))
    return Document(lambda: html_page(f"<h1>{text}</h1>{PLAYER}", f"<title>{text}</title>"), ONE)


IN_PAGES = {f"a page full of {name}": _in_page(unit) for name, unit in UNITS.items()}
PAGES: dict[str, Document] = {
    "elements in elements": Document(lambda: html_page("<div>" * 10_000 + PLAYER), ("unknown-page", "")),
    "tables in tables": Document(lambda: html_page(PLAYER + "<table><tr><td>" * 10_000), ONE),
    "comments that never close": Document(lambda: html_page(PLAYER + "<!--" * 20_000), ONE),
    "many players": Document(
        lambda: html_page("".join(f"<li><audio src='http://127.0.0.1:9/{n}.mp3'></audio>" for n in range(20_000))),
        ("listed", 1_000),
    ),
    "many links": Document(lambda: html_page(PLAYER + "".join(f"<a href='/{n}'>x</a>" for n in range(5_000))), ONE),
    "many objects": Document(
        lambda: html_page(
            PLAYER, f"<script type='application/ld+json'>{json.dumps([{'@type': 'Thing'}] * 20_000)}</script>"
        ),
        ONE,
    ),
    "JSON in JSON in a script": Document(
        lambda: html_page(PLAYER, f"<script type='application/ld+json'>{'[' * 100_000}</script>"), ONE
    ),
    "names of feeds in a script": Document(
        lambda: html_page(PLAYER, "<script>" + long('"feed_url" ') + "</script>"), ONE
    ),
    "templates in templates": Document(lambda: html_page(PLAYER + "<template>" * 40_000), ONE),
    "drawings in drawings": Document(lambda: html_page(PLAYER + "<svg><foreignObject><math><mi>" * 10_000), ONE),
    "menus in menus": Document(lambda: html_page(PLAYER + "<select><option>" * 20_000), ONE),
    "formats that never end": Document(lambda: html_page(PLAYER + "<b><i><u><a href=1>" * 10_000 + "<p>" * 1_000), ONE),
    "links in links": Document(
        lambda: html_page(PLAYER + many("<a href='http://127.0.0.1:9/feed{}'><b>", 10_000)), ONE
    ),
    "scripts in comments in scripts": Document(lambda: html_page(PLAYER + "<script>" + "<!--<script>" * 20_000), ONE),
    "text that never ends": Document(lambda: html_page(PLAYER + "<textarea><plaintext>" + "</" * 50_000), ONE),
    "quotes that never end": Document(lambda: html_page(PLAYER + '<a href="' * 20_000), ONE),
    "frames in frames": Document(lambda: "<html><frameset>" * 20_000, ("unknown-page", "no audio")),
    "a DOCTYPE of many words": Document(lambda: "<!doctype html " + "x " * 50_000 + ">" + html_page(PLAYER), ONE),
    "many bases": Document(lambda: html_page(PLAYER, many("<base href='http://127.0.0.1:9/{}/'>", 10_000)), ONE),
    "a base that is none": Document(lambda: html_page(PLAYER, "<base href='http://[::1'>"), ONE),
    "a base of many characters": Document(
        lambda: html_page(PLAYER * 500, f"<base href='http://127.0.0.1:9/{long('x')}/'>"), ONE
    ),
    "objects in a circle": Document(
        lambda: html_page(
            PLAYER,
            '<script type="application/ld+json">{"@graph": ['
            + ",".join(
                f'{{"@id": "{n}", "@type": "PodcastSeries", "hasPart": {{"@id": "{(n + 1) % 5_000}"}}}}'
                for n in range(5_000)
            )
            + "]}</script>",
        ),
        ONE,
    ),
    "pictures of many sizes": Document(lambda: html_page(PLAYER + f"<img srcset='{'a 1x,' * 50_000}'>"), ONE),
    "references of HTML": Document(lambda: html_page(PLAYER + "&CounterClockwiseContourIntegral;&lt" * 5_000), ONE),
    "NULs in a page": Document(lambda: html_page(PLAYER + "\0" * SIZE), ONE),
    "a page in UTF-16 without a mark": Document(lambda: html_page(PLAYER).encode("utf-16-le"), ONE),
    "a page in UTF-7": Document(lambda: html_page(PLAYER).replace("<", "+ADw-"), UNKNOWN, "text/html; charset=utf-7"),
    "an encoding of many letters": Document(lambda: html_page(PLAYER), ONE, f"text/html; charset={'x' * 50_000}"),
    "a page whose head says punycode": Document(
        lambda: html_page(f"{PLAYER}<p>-{'a9' * 1_000_000}"), ONE, "text/html; charset=punycode"
    ),
    "a page whose head says zlib": Document(lambda: html_page(PLAYER), ONE, "text/html; charset=zlib"),
    "outlines in outlines": Document(lambda: "<opml><body>" + "<outline text='x'>" * 20_000, NO_FEED),
    "outlines of quotes": Document(lambda: "<opml><body>" + '<outline text="' * 20_000, NO_FEED),
    "outlines of entities": Document(
        lambda: (
            f"<!DOCTYPE o [<!ENTITY a '{'a' * 40_000}'>]><opml><body>"
            + "<outline xmlUrl='&a;&a;&a;&a;'/>" * 2_000
            + "</body></opml>"
        ),
        NO_FEED,
    ),
    "outlines that lead to their list": Document(
        lambda: "<opml><body>" + "<outline xmlUrl='http://127.0.0.1:9/x'/>" * 2_000 + "</body></opml>", REFUSED
    ),
    "outlines without addresses": Document(
        lambda: "<opml><body>" + "<outline type='rss' text='x'/>" * 20_000 + "</body></opml>", NO_FEED
    ),
    "an outline of one word": Document(lambda: f"<opml><body><outline type='rss' {long('x')}></body>", NO_FEED),
    "a million attributes": Document(lambda: html_page("<div" + many(" a{}=1", 1_000_000) + f">{PLAYER}"), TIME),
}
#: Python's codecs that are none of the web's: some take the square of the length, some raise exceptions of their own.
_CODECS = "idna punycode utf_7 utf-16 utf-32 rot13 zlib bz2 base64 hex uu quopri undefined unicode_escape mbcs x"


#: Each has two million characters, which Python's codec for punycode would need minutes for.
def _in_codec(name: str) -> Document:
    return Document(lambda: html_page(f"{PLAYER}<p>-{'a9' * 1_000_000}", f"<meta charset={name}>"), ONE)


CODECS = {f"a page in {name}": _in_codec(name) for name in _CODECS.split()}
