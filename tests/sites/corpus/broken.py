"""What is not well-formed, and what stands in front of a feed or behind it."""

import gzip

from podcrawler.sites.cause import Cause
from tests.sites.corpus.case import ATOM, DECLARATION, ITUNES, MEDIA, Case, Expected, Left, digest, enclosure, item, rss

_PLAIN = rss(item())
_TWO = [Expected(), Expected("rain", "Rain", "http://m.example/rain.mp3")]
_CUT = [Left(Cause.CUT_OFF, "")]
_STRAY = "<generator>wind & weather</generator>"


def _broken(*items: str, **more: str) -> str:
    """A feed with a stray "&", whatever else it has."""
    return rss(*items, channel=f"<title>Weather</title>{_STRAY}", **more)


CASES = [
    Case("stray-ampersand", _broken(item())),
    Case(
        "stray-ampersand-in-an-address",
        rss(item(file=enclosure("http://m.example/tea.mp3?a=1&b=2&copy=3"))),
        [Expected(url="http://m.example/tea.mp3?a=1&b=2&copy=3")],
    ),
    Case("stray-ampersand-in-a-guid", rss(item(guid="<guid>a&b</guid>")), [Expected(digest("a&b"))]),
    Case("stray-less-than-in-a-title", rss(item(title="2 < 3 & 4 <5")), [Expected(title="2 < 3 & 4 <5")]),
    Case(
        "less-than-in-an-attribute",
        _broken(item("tea", '<itunes:image href="a" title="1 < 2"/>'), root=f"rss {ITUNES}"),
    ),
    Case("entities-of-html", rss(item(title="Th&eacute;&nbsp;&hellip; &amp;c")), [Expected(title="Thé\xa0… &c")]),
    Case("entity-that-is-none", rss(item(title="R&D; &bogus;")), [Expected(title="R&D; &bogus;")]),
    Case(
        "reference-to-nothing",
        rss(item(title="Tea&#0;&#x1F;&#xD800;&#99999999;")),
        [Expected(title="Tea\ufffd\ufffd\ufffd")],
    ),
    Case("control-characters", rss(item(title="T\x00e\x0b\x1ba\x7f")), [Expected(title="Tea\x7f")]),
    Case("no-characters-of-unicode", rss(item(title="Tea\ufffe\uffff"))),
    Case("undeclared-prefix", rss(item("tea", '<media:thumbnail url="x"/><itunes:duration>5</itunes:duration>'))),
    Case(
        "undeclared-prefix-of-the-enclosure",
        rss(item(file='<media:content url="http://m.example/tea.mp3" type="audio/mpeg"/>')),
    ),
    Case(
        "undeclared-prefix-of-the-root",
        "<atom:feed><atom:entry><atom:id>tea</atom:id><atom:title>Tea</atom:title>"
        '<atom:link rel="enclosure" href="http://m.example/tea.mp3"/></atom:entry></atom:feed>',
    ),
    Case(
        "attributes-without-space",
        rss(item(file='<enclosure url="http://m.example/tea.mp3"type="audio/mpeg"length="9"/>')),
    ),
    Case(
        "attributes-without-quotes",
        rss(item(file="<enclosure url=http://m.example/tea.mp3 type=audio/mpeg length=9 />")),
    ),
    Case(
        "attribute-twice",
        rss(item(file='<enclosure url="http://m.example/tea.mp3" type="audio/mpeg" url="http://m.example/no"/>')),
    ),
    Case(
        "attribute-without-value",
        rss(item(file='<enclosure url="http://m.example/tea.mp3" hidden type="audio/mpeg"/>')),
    ),
    Case("attribute-with-one-quote", rss(item(file='<enclosure url="http://m.example/tea.mp3 type="audio/mpeg"/>'))),
    Case(
        "attribute-in-single-quotes",
        _broken(item(file="<enclosure url='http://m.example/tea.mp3?q=\"a\"'/>")),
        [Expected(url='http://m.example/tea.mp3?q="a"')],
    ),
    Case(
        "attribute-with-greater-than",
        _broken(item(file='<enclosure url="http://m.example/tea.mp3?a>b"/>')),
        [Expected(url="http://m.example/tea.mp3?a>b")],
    ),
    Case("end-tag-of-an-item-missing", rss(item().removesuffix("</item>"), item("rain")), [_TWO[1], _TWO[0]]),
    Case("end-tag-of-a-title-missing", rss(item().replace("</title>", ""))),
    Case("end-tag-of-a-guid-missing", rss(item().replace("</guid>", ""))),
    Case(
        "end-tag-of-a-description-missing",
        rss(item("tea", title="Tea").replace("<guid", "<description>wet <p>days<guid")),
    ),
    Case(
        "enclosure-is-not-closed",
        rss(item(file='<enclosure url="http://m.example/tea.mp3" type="audio/mpeg">'), item("rain")),
        [_TWO[1], _TWO[0]],
    ),
    Case("end-tags-of-the-channel-missing", rss(item("rain"), item()).partition("</channel>")[0], _TWO),
    Case("end-tag-too-many", rss(item().replace("</item>", "</b></channel></item>"), item("rain")), [_TWO[1], _TWO[0]]),
    Case("end-tag-of-the-channel-too-early", rss(item(), "</channel>", item("rain")), [_TWO[1], _TWO[0]]),
    Case("title-is-opened-twice", rss(item().replace("<title>", "<title><title>"))),
    Case("tags-in-a-wrong-order", rss(item(title="<b><i>Tea</b></i>"))),
    Case(
        "html-in-a-description",
        rss(item("tea", "<description>Much <br> <img src=x> tea & <p>rain</description>"), item("rain")),
        [_TWO[1], _TWO[0]],
    ),
    Case(
        "html-page-in-a-description",
        _broken(item("tea", "<description><html><title>No</title><p>x</html></description>")),
    ),
    Case("tags-that-nest-without-end", rss(item("tea", "<description>" + "<b>" * 3000 + "</description>"))),
    Case("deep-elements", rss(item("tea", "<x>" * 400))),
    Case("upper-and-lower-case-of-one-element", rss(item().replace("</title>", "</TITLE>"))),
    Case(
        "junk-in-front-warning-of-php",
        f"<br />\n<b>Warning</b>: rain in <b>/w/t.php</b> on line <b>3</b><br />\n{_PLAIN}",
    ),
    Case("junk-in-front-words", f"Deprecated: umbrella() in /w/t.php\n\n{_PLAIN}"),
    Case("junk-in-front-headers", f"Content-Type: text/xml\r\nX-Rain: 1\r\n\r\n{_PLAIN}"),
    Case("junk-in-front-page-of-html", f"<html><body>Try again</body></html>\n{_PLAIN}"),
    Case("junk-around-a-page-of-html", f"<!DOCTYPE html>\n<html><body>\n{_PLAIN}</body></html>"),
    Case("junk-around-a-page-of-xhtml", f"<html><body>{_PLAIN.removeprefix(DECLARATION)}</body></html>"),
    Case("junk-in-front-half-a-page-of-html", f"<html><head><title>Tea & rain</title><body><p>{_PLAIN}"),
    Case("junk-in-front-blank-lines", f"\n\n \t\r\n{_PLAIN}"),
    Case("junk-in-front-three-boms", f"\ufeff\ufeff\n\ufeff{_PLAIN}"),
    Case("junk-in-front-comment", f"<!-- <rss> of yesterday -->\n{_PLAIN}"),
    Case("junk-in-front-two-declarations", DECLARATION + _PLAIN),
    Case("junk-in-front-brackets", f"<<<>> & {_PLAIN}"),
    Case("junk-behind-error-of-php", f"{_PLAIN}\n<br />\n<b>Fatal error</b>: out of tea & rain"),
    Case("junk-behind-script", f"{_PLAIN}<script>if (a < b && c) {{}}</script>"),
    Case("junk-between-items", rss(item("rain"), "Notice: tea & <b>", item()), _TWO),
    Case("two-documents", rss(item("rain")) + rss(item()), _TWO),
    Case(
        "two-documents-of-which-the-first-breaks-off", rss(item("rain")).partition("</channel>")[0] + rss(item()), _TWO
    ),
    Case("the-same-document-twice", _PLAIN + _PLAIN, left_out=[Left(Cause.DUPLICATE)]),
    Case("breaks-off-in-an-enclosure", rss(item("rain"), item(guid="")).partition("tea.mp3")[0], _TWO[1:], _CUT),
    Case("breaks-off-in-a-guid", rss(item("rain"), item()).partition("ea</guid")[0], _TWO[1:], _CUT),
    Case("breaks-off-behind-the-enclosure", rss(item("rain"), item()).partition("</item></channel")[0], _TWO),
    Case("breaks-off-in-cdata", rss(item("rain"), item(title="<![CDATA[Te")).partition("Te")[0], _TWO[1:], _CUT),
    Case("cdata-in-a-title", rss(item(title="<![CDATA[Tea & <rain>]]>")), [Expected(title="Tea & <rain>")]),
    Case("cdata-in-two-parts", rss(item(title="<![CDATA[Te]]><![CDATA[a]]>"))),
    Case("cdata-in-cdata", rss(item(title="<![CDATA[<![CDATA[Tea]]>]]>"))),
    Case(
        "cdata-that-is-not-closed",
        rss(item(title="<![CDATA[Tea"), item("rain", title="<![CDATA[Rain]]>")),
        [_TWO[1], _TWO[0]],
    ),
    Case("cdata-in-lower-case", rss(item(title="<![cdata[Tea]]>"))),
    Case("cdata-that-was-escaped", rss(item(title="&lt;![CDATA[Tea]]&gt;"))),
    Case(
        "cdata-in-an-enclosure",
        rss(item(file="<enclosure><![CDATA[http://m.example/tea.mp3?a&b]]></enclosure>")),
        [Expected(url="http://m.example/tea.mp3?a&b")],
    ),
    Case("end-of-cdata-alone", rss(item(title="Tea]]>"))),
    Case("comment-that-is-not-closed", rss(item(), "<!-- rain", item("rain")), [_TWO[1], _TWO[0]]),
    Case("comments-with-dashes", rss(item(), "<!-- a -- b --->")),
    Case("instruction-that-is-not-closed", rss(item(), "<?php echo rain ", item("rain")), [_TWO[1], _TWO[0]]),
    Case("doctype-of-html", f"<!DOCTYPE html>\n{_PLAIN.removeprefix(DECLARATION)}"),
    Case("doctype-behind-words", f"Rain!<!DOCTYPE rss>{_PLAIN.removeprefix(DECLARATION)}"),
    Case("xml-1.1", _PLAIN.replace('version="1.0"', 'version="1.1"')),
    Case("declaration-without-version", _PLAIN.replace('version="1.0" ', "")),
    Case("declaration-in-capitals", _PLAIN.replace("<?xml", "<?XML")),
    Case(
        "broken-atom",
        f"<feed {ATOM}><title>A & B</title><entry><title>Tea</title><id>tea</id>"
        '<link rel="enclosure" href="http://m.example/tea.mp3"></entry></feed>',
    ),
    Case(
        "broken-media-rss",
        _broken(
            item(file='<media:group><media:content url="http://m.example/tea.mp3" type="audio/mpeg"></media:group>'),
            item("rain"),
            root=f"rss {MEDIA}",
        ),
        [_TWO[1], _TWO[0]],
    ),
    Case("gzip", gzip.compress(_PLAIN.encode()), content_type="application/x-gzip"),
    Case("gzip-twice", gzip.compress(gzip.compress(_PLAIN.encode()))),
    Case("gzip-that-breaks-off", gzip.compress(_PLAIN.encode())[:-6]),
    Case("gzip-in-two-members", gzip.compress(_PLAIN[:60].encode()) + gzip.compress(_PLAIN[60:].encode())),
    Case("called-a-page", _PLAIN, content_type="text/html; charset=iso-8859-1"),
    Case("called-a-picture", _PLAIN, content_type="image/png"),
    Case("called-nothing", _PLAIN, content_type=""),
]
