"""Entries without an enclosure of their own, whose file is elsewhere in them."""

import json

from podcrawler.sites.cause import Cause
from tests.sites.corpus.case import ATOM, RDF, Case, Expected, Left, digest, enclosure, item, rss

_TEA = "http://m.example/tea.mp3"
_PICTURE = enclosure("http://m.example/tea.jpg", "image/jpeg")
_ABOUT_TEA = "<title>Tea</title><id>tea</id>"


def _html(name: str, html: str, *, element: str = "description", file: str = "", url: str = _TEA) -> Case:
    """A case of an entry with HTML and without an enclosure, unless ``file`` is one."""
    text = f"<{element}><![CDATA[{html}]]></{element}>"
    return Case(f"embedded-{name}", rss(item("tea", text, file=file)), [Expected(url=url)])


def _no_media(name: str, html: str) -> Case:
    text = f"<description><![CDATA[{html}]]></description>"
    return Case(
        f"embedded-{name}",
        rss(item("rain"), item("tea", text, file="")),
        [Expected("rain", "Rain", None)],
        [Left(Cause.NO_MEDIA)],
    )


def _json(name: str, **fields: object) -> Case:
    feed = {"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "tea", "title": "Tea", **fields}]}
    return Case(f"embedded-json-{name}", json.dumps(feed), content_type="application/feed+json")


CASES = [
    _html("audio", f"<p>Listen:</p><audio controls src='{_TEA}'></audio>"),
    _html("audio-of-unknown-kind", "<audio src='http://m.example/get?n=1'>", url="http://m.example/get?n=1"),
    _html("source", f"<audio><source type='audio/mpeg' src={_TEA}></audio>", element="content:encoded"),
    _html(
        "audio-before-video",
        f"<video src='http://m.example/tea.mp4'></video><audio src='{_TEA}'></audio>",
        element="content:encoded",
    ),
    _html("embed", f"<embed src='player.swf'><EMBED SRC='{_TEA}'>"),
    _html("link", f"Get <a class=x href=\"{_TEA}\">the MP3</a>, <a href='http://m.example/'>more</a>"),
    _html("relative-link", "<a href='/tea.mp3'>MP3</a>", url="http://feeds.example.com/tea.mp3"),
    _html("player-before-link", f"<a href='http://m.example/no.mp3'>x</a><audio src='{_TEA}'>"),
    _html("audio-beside-a-picture", f"<audio src='{_TEA}'>", file=_PICTURE),
    _html("audio-behind-elements-of-a-word-processor", f"<o:p>x</o:p><audio src='{_TEA}'>"),
    _html("audio-in-encoded-without-a-prefix", f"<audio src='{_TEA}'>", element="encoded"),
    Case(
        "embedded-audio-in-a-body-of-xhtml",
        rss(item("tea", f"<body xmlns='http://www.w3.org/1999/xhtml'><audio src='{_TEA}'/></body>", file="")),
    ),
    _html("audio-beside-an-enclosure", "<audio src='http://m.example/no.mp3'>", file=enclosure(_TEA)),
    _no_media("link-that-shares-a-file", f"<a href='http://m.example/share?url={_TEA}'>share</a>"),
    _no_media("frame", f"<iframe src='{_TEA}'></iframe>"),
    _no_media("words-alone", f"{_TEA} &lt;audio src='{_TEA}'&gt;"),
    _no_media("half-a-tag", f"<audio src='{_TEA}"),
    Case(
        "embedded-audio-in-the-html-of-a-document",
        rss(item("tea", "<enclosure url='http://m.example/tea.pdf' type='application/pdf'/>", file=""), item("rain")),
        [Expected("rain", "Rain", None)],
        [Left(Cause.NOT_MEDIA)],
    ),
    Case("embedded-page-is-the-file", rss(item("tea", f"<link>{_TEA}</link>", file=""))),
    Case(
        "embedded-guid-is-the-file",
        rss(item(guid=f"<guid>{_TEA}</guid>", file="")),
        [Expected(digest(_TEA))],
    ),
    Case(
        "embedded-player-of-media-rss",
        rss(
            item("tea", f"<media:player url='{_TEA}'/>", file=""),
            root="rss xmlns:media='http://search.yahoo.com/mrss/'",
        ),
    ),
    *(
        Case(
            f"embedded-atom-{relation}",
            f"<feed {ATOM}><entry>{_ABOUT_TEA}<link rel='{relation}' type='audio/mpeg' href='{_TEA}'/></entry></feed>",
        )
        for relation in ("alternate", "related", "enclosure alternate")
    ),
    Case(
        "embedded-atom-xhtml",
        f"<feed {ATOM}><entry>{_ABOUT_TEA}<content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'>"
        f"<audio src='{_TEA}'/></div></content></entry></feed>",
    ),
    Case(
        "embedded-enclosure-of-rss-1.0",
        f"<rdf:RDF {RDF} xmlns='http://purl.org/rss/1.0/' xmlns:enc='http://purl.oclc.org/net/rss_2.0/enc#'>"
        f"<item rdf:about='tea'><title>Tea</title><enc:enclosure rdf:resource='{_TEA}' enc:type='audio/mpeg'/></item>"
        "</rdf:RDF>",
    ),
    Case(
        "embedded-enclosure-of-rss-1.0-with-elements",
        f"<rdf:RDF {RDF} xmlns='http://purl.org/rss/1.0/' xmlns:enc='http://purl.oclc.org/net/rss_2.0/enc#'>"
        "<item rdf:about='tea'><title>Tea</title><enc:enclosure><enc:Enclosure>"
        f"<enc:url>{_TEA}</enc:url><enc:type>audio/mpeg</enc:type></enc:Enclosure></enc:enclosure></item></rdf:RDF>",
    ),
    Case("embedded-enclosure-of-itunes", rss(item(file=f"<itunes:enclosure url='{_TEA}'/>"))),
    Case("embedded-enclosure-in-a-list", rss(item(file=f"<enclosures>{enclosure(_TEA)}</enclosures>"))),
    Case("enclosure-with-elements", rss(item(file=f"<enclosure><url>{_TEA}</url><type>x</type></enclosure>"))),
    _json("audio", content_html=f"<audio src='{_TEA}'>"),
    _json("page", url=_TEA),
    _json("single-attachment", attachments={"url": _TEA, "mime_type": "audio/mpeg"}),
    _json("enclosure", attachments=[], enclosure={"link": _TEA, "type": "audio/mpeg"}),
]
