"""Formats and dialects."""

import json

from podcrawler.sites.cause import Cause
from tests.sites.corpus.case import ATOM, DECLARATION, ITUNES, MEDIA, RDF, Case, Expected, Left, digest, item, rss

_RDF_ITEM = '<item rdf:about="urn:x:tea"><title>Tea</title><enclosure url="http://m.example/tea.mp3"/></item>'
_URN_TEA = digest("urn:x:tea")
_FILE = digest("http://m.example/tea.mp3")
_ENTRY = (
    "<entry><title>Tea</title><id>tea</id><updated>2021-02-03T04:05:06Z</updated>"
    '<link rel="enclosure" type="audio/mpeg" href="http://m.example/tea.mp3"/></entry>'
)
_TWO = [Expected(), Expected("rain", "Rain", "http://m.example/rain.mp3")]


def _json(*items: object, **fields: object) -> str:
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "Weather", "items": items, **fields})


def _json_item(name: str = "tea", **fields: object) -> dict[str, object]:
    attachment = {"url": f"http://m.example/{name}.mp3", "mime_type": "audio/mpeg", "size_in_bytes": 9}
    return {"id": name, "title": name.title(), "attachments": [attachment], **fields}


CASES = [
    Case("rss-2.0", rss(item())),
    Case("rss-0.91", rss(item(), root="rss version='0.91'")),
    Case("rss-0.92-without-version", rss(item(), root="rss")),
    Case("rss-9000", rss(item(), root="rss version='9000'")),
    Case(
        "rss-1.0",
        f'<rdf:RDF {RDF} xmlns="http://purl.org/rss/1.0/"><channel><title>Weather</title></channel>{_RDF_ITEM}'
        "</rdf:RDF>",
        [Expected(_URN_TEA)],
    ),
    Case("rss-1.0-with-guid", f'<rdf:RDF {RDF} xmlns="http://purl.org/rss/1.0/">{item()}</rdf:RDF>'),
    Case(
        "rss-0.90",
        f'<rdf:RDF {RDF} xmlns="http://my.netscape.com/rdf/simple/0.9/">{_RDF_ITEM}</rdf:RDF>',
        [Expected(_URN_TEA)],
    ),
    Case("rdf-in-lower-case", f"<rdf:rdf {RDF}>{item()}</rdf:rdf>"),
    Case("rss-in-its-own-namespace", rss(item(), root='rss xmlns="http://backend.userland.com/rss2"')),
    Case("rss-in-an-invented-namespace", rss(item(), root='rss xmlns="http://weather.example/ns"')),
    Case(
        "rss-with-a-prefix",
        '<r:rss xmlns:r="http://backend.userland.com/RSS2"><r:channel><r:item><r:guid>tea</r:guid>'
        '<r:title>Tea</r:title><r:enclosure url="http://m.example/tea.mp3"/></r:item></r:channel></r:rss>',
    ),
    Case("rss-in-capitals", rss(item()).replace("rss", "RSS").replace("item>", "ITEM>").replace("channel", "CHANNEL")),
    Case("enclosure-in-capitals", rss(item(file='<Enclosure URL="http://m.example/tea.mp3" Type="audio/mpeg"/>'))),
    Case("guid-in-capitals", rss(item(guid="<GUID>tea</GUID>"))),
    Case(
        "pubdate-in-lower-case",
        rss(item("tea", "<pubdate>Wed, 03 Feb 2021 04:05:06 GMT</pubdate>")),
        [Expected(published="2021-02-03T04:05:06+00:00")],
    ),
    Case("items-outside-the-channel", f"<rss><channel><title>Weather</title></channel>{item()}</rss>"),
    Case("items-in-and-outside-the-channel", f"<rss><channel>{item('rain')}</channel>{item()}</rss>", _TWO),
    Case("items-in-an-unknown-element", f"<rss><show><title>Weather</title>{item()}</show></rss>"),
    Case("items-in-a-list", f"<rss><channel><items>{item()}</items></channel></rss>"),
    Case("channel-alone", f"{DECLARATION}<channel><title>Weather</title>{item()}</channel>"),
    Case("two-channels", f"<rss><channel>{item('rain')}</channel><channel>{item()}</channel></rss>", _TWO),
    Case("rss-in-a-wrapper", f"<xml><rss><channel>{item()}</channel></rss></xml>"),
    Case(
        "title-of-itunes",
        rss(item(title=""), root=f"rss {ITUNES}").replace("<title></title>", "<itunes:title>Tea</itunes:title>"),
    ),
    Case(
        "title-of-dublin-core",
        rss(
            '<item><dc:title>Tea</dc:title><guid>tea</guid><enclosure url="http://m.example/tea.mp3"/></item>',
            root='rss xmlns:dc="http://purl.org/dc/elements/1.1/"',
        ),
    ),
    Case(
        "date-of-dublin-core",
        rss(
            item("tea", "<dc:date>2021-02-03T04:05:06+08:00</dc:date>"),
            root='rss xmlns:dc="http://purl.org/dc/elements/1.1/"',
        ),
        [Expected(published="2021-02-03T04:05:06+08:00")],
    ),
    Case(
        "date-of-dublin-core-terms",
        rss(
            item("tea", "<dcterms:created>2021-02-03</dcterms:created>"),
            root='rss xmlns:dcterms="http://purl.org/dc/terms/"',
        ),
        [Expected(published="2021-02-03T00:00:00+00:00")],
    ),
    Case(
        "namespace-in-other-letters",
        rss(
            item("tea", "<itunes:duration>5</itunes:duration>"),
            root='rss xmlns:itunes="HTTPS://WWW.ITUNES.COM/DTDs/Podcast-1.0.dtd/"',
        ),
    ),
    Case(
        "foreign-elements-of-the-same-names",
        rss(item("tea", "<x:title>No</x:title><x:guid>no</x:guid>"), root='rss xmlns:x="http://weather.example/"'),
    ),
    *(
        Case(f"namespace-of-{name}-as-the-default", rss(item(), root=f'rss xmlns="{namespace}"'))
        for name, namespace in (
            ("itunes", "http://www.itunes.com/dtds/podcast-1.0.dtd"),
            ("media-rss", "http://search.yahoo.com/mrss/"),
            ("dublin-core", "http://purl.org/dc/elements/1.1/"),
            ("content", "http://purl.org/rss/1.0/modules/content/"),
        )
    ),
    Case(
        "namespace-of-itunes-as-the-default-of-an-item",
        rss(item().replace("<item>", f"<item {ITUNES.replace(':itunes', '')}>"), item("rain")),
        [_TWO[1], _TWO[0]],
    ),
    Case(
        "item-in-an-item",
        rss(item("rain", item("tea"))),
        [Expected("rain", "Rain", "http://m.example/rain.mp3"), Expected()],
    ),
    Case("empty-item-in-an-item", rss(item("tea", "<item/>"), item("rain")), [_TWO[1], _TWO[0]]),
    Case("empty-guid", rss(item(guid="<guid/>")), [Expected(_FILE)]),
    Case("guid-of-spaces", rss(item(guid="<guid> \n</guid>")), [Expected(_FILE)]),
    Case("two-guids", rss(item(guid="<guid>tea</guid><guid>no</guid>"))),
    Case("atom-1.0", f"<feed {ATOM}>{_ENTRY}</feed>", [Expected(published="2021-02-03T04:05:06+00:00")]),
    Case(
        "atom-0.3",
        '<feed version="0.3" xmlns="http://purl.org/atom/ns#"><title>Weather</title><entry><title>Tea</title>'
        '<id>tea</id><issued>2021-02-03T04:05:06Z</issued><link rel="enclosure" href="http://m.example/tea.mp3"/></entry>'
        "</feed>",
        [Expected(published="2021-02-03T04:05:06+00:00")],
    ),
    Case("atom-without-namespace", f"<feed>{_ENTRY}</feed>"),
    Case("atom-in-another-spelling", f'<feed xmlns="https://www.w3.org/2005/atom/">{_ENTRY}</feed>'),
    Case(
        "atom-with-a-prefix",
        '<a:feed xmlns:a="http://www.w3.org/2005/Atom"><a:entry><a:id>tea</a:id><a:title>Tea'
        '</a:title><a:link rel="enclosure" href="http://m.example/tea.mp3"/></a:entry></a:feed>',
    ),
    Case(
        "atom-content-elsewhere",
        f"<feed {ATOM}><entry><title>Tea</title><id>tea</id>"
        '<content type="audio/mpeg" src="http://m.example/tea.mp3"/></entry></feed>',
    ),
    Case(
        "atom-content-that-is-a-page",
        f"<feed {ATOM}>{_ENTRY}<entry><title>Rain</title><id>rain</id>"
        '<content type="text/html" src="http://m.example/rain.html"/></entry></feed>',
        left_out=[Left(Cause.NOT_MEDIA, "Rain", "text/html")],
    ),
    Case(
        "atom-relation-as-an-address",
        f"<feed {ATOM}>{_ENTRY}</feed>".replace(
            'rel="enclosure"', 'rel="http://www.iana.org/assignments/relation/enclosure"'
        ),
    ),
    Case("atom-relation-in-capitals", f"<feed {ATOM}>{_ENTRY}</feed>".replace('"enclosure"', '" Enclosure "')),
    Case(
        "atom-title-of-html",
        f"<feed {ATOM}>{_ENTRY}</feed>".replace(
            "<title>Tea</title>", '<title type="html">&lt;b&gt;Tea&lt;/b&gt; &amp;amp; rain</title>'
        ),
        [Expected(title="Tea & rain")],
    ),
    Case(
        "atom-title-of-xhtml",
        f"<feed {ATOM}>{_ENTRY}</feed>".replace(
            "<title>Tea</title>",
            '<title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">Green <i>tea</i></div></title>',
        ),
        [Expected(title="Green tea")],
    ),
    Case(
        "atom-entry-with-a-source",
        f"<feed {ATOM}>{_ENTRY}</feed>".replace("<entry>", "<entry><source><id>no</id><title>No</title></source>"),
    ),
    Case(
        "atom-elements-in-rss",
        rss(
            "<item><a:id>tea</a:id><a:title>Tea</a:title>"
            '<a:link rel="enclosure" href="http://m.example/tea.mp3"/></item>',
            root='rss xmlns:a="http://www.w3.org/2005/Atom"',
        ),
    ),
    Case("link-as-enclosure-in-rss", rss(item(file='<link rel="enclosure" href="http://m.example/tea.mp3"/>'))),
    Case("address-as-the-text-of-the-enclosure", rss(item(file="<enclosure>http://m.example/tea.mp3</enclosure>"))),
    Case("enclosure-with-href", rss(item(file='<enclosure href="http://m.example/tea.mp3"/>'))),
    Case(
        "media-content",
        rss(item(file='<media:content url="http://m.example/tea.mp3" medium="audio"/>'), root=f"rss {MEDIA}"),
    ),
    Case(
        "media-group",
        rss(
            item(
                file='<media:group><media:content url="http://m.example/tea.jpg" type="image/jpeg"/>'
                '<media:content url="http://m.example/tea.mp3" type="audio/mpeg"/></media:group>'
            ),
            root=f"rss {MEDIA}",
        ),
    ),
    *(
        Case(
            f"media-content-in-two-of-{name}",
            rss(item(file=f"<{name}><{name}>{inner}</{name}></{name}>"), root=f"rss {MEDIA}"),
        )
        for name, inner in (
            ("media:group", '<media:content url="http://m.example/tea.mp3"/>'),
            ("media:content", '<media:content url="http://m.example/tea.mp3"/>'),
        )
    ),
    Case(
        "media-content-beside-an-empty-enclosure",
        rss(
            item(
                file='<enclosure url="" type="audio/mpeg"/>'
                '<media:content url="http://m.example/tea.mp3" type="audio/mpeg"/>'
            ),
            root=f"rss {MEDIA}",
        ),
    ),
    Case(
        "media-content-that-is-the-default",
        rss(
            item(
                file="<media:group>"
                '<media:content url="http://m.example/low.mp3" type="audio/mpeg"/>'
                '<media:content url="http://m.example/tea.mp3" type="audio/mpeg" isDefault="true"/></media:group>'
            ),
            root=f"rss {MEDIA}",
        ),
    ),
    Case(
        "media-of-pictures-alone",
        rss(item(), item("rain", file='<media:content url="http://m.example/a" medium="image"/>'), root=f"rss {MEDIA}"),
        left_out=[Left(Cause.NOT_MEDIA, "Rain", "http://m.example/a")],
    ),
    Case(
        "media-namespace-without-slash",
        rss(
            item(file='<media:content url="http://m.example/tea.mp3"/>'),
            root='rss xmlns:media="http://search.yahoo.com/mrss"',
        ),
    ),
    Case(
        "alternate-enclosure-alone",
        rss(
            item(
                file='<podcast:alternateEnclosure type="audio/mpeg" length="9">'
                '<podcast:source uri="ipfs://abc"/><podcast:source uri="http://m.example/tea.mp3"/></podcast:alternateEnclosure>'
            ),
            root='rss xmlns:podcast="https://podcastindex.org/namespace/1.0"',
        ),
    ),
    Case(
        "alternate-enclosure-beside-an-enclosure",
        rss(
            item(
                "tea",
                '<podcast:alternateEnclosure type="audio/opus">'
                '<podcast:source uri="http://m.example/no.opus"/></podcast:alternateEnclosure>',
            ),
            root='rss xmlns:podcast="https://podcastindex.org/namespace/1.0"',
        ),
    ),
    Case(
        "json-feed-1.1",
        _json(_json_item(date_published="2021-02-03T04:05:06+08:00")),
        [Expected(published="2021-02-03T04:05:06+08:00")],
        content_type="application/feed+json",
    ),
    Case("json-feed-1.0", _json(_json_item()).replace("version/1.1", "version/1"), content_type="application/json"),
    Case("json-feed-with-escaped-slashes", _json(_json_item()).replace("/", r"\/"), content_type="text/plain"),
    Case("json-feed-behind-a-bom", "\ufeff\n" + _json(_json_item()), content_type="application/json"),
    Case("json-feed-with-numbers-as-ids", _json(_json_item() | {"id": 7}), [Expected("7")]),
    Case(
        "json-feed-without-ids",
        _json({key: value for key, value in _json_item().items() if key != "id"}),
        [Expected(_FILE)],
    ),
    Case(
        "json-feed-that-breaks-off",
        _json(_json_item(), _json_item("rain"), _json_item("hail"))[:-60],
        [Expected("rain", "Rain", "http://m.example/rain.mp3"), Expected()],
        [Left(Cause.CUT_OFF, "")],
    ),
    Case(
        "json-feed-that-breaks-off-between-items",
        _json(_json_item(), _json_item("rain")).partition(', {"id": "rain"')[0],
    ),
    Case(
        "json-feed-with-odd-members",
        _json(_json_item(), 5, None, {"attachments": "x"}, {"title": ["x"]}),
        left_out=[Left(Cause.NO_MEDIA, "")] * 4,
    ),
    Case(
        "json-feed-with-a-broken-item",
        _json(_json_item(), _json_item("hail"), _json_item("rain")).replace('"Hail"', "Hail"),
        [Expected("rain", "Rain", "http://m.example/rain.mp3"), Expected()],
        [Left(Cause.NO_MEDIA, "")],
    ),
    Case(
        "json-feed-with-a-broken-item-of-two-files",
        _json({**_json_item("hail"), "attachments": [{"url": "http://m.example/hail.mp3"}] * 2}, _json_item()).replace(
            '"Hail"', "Hail"
        ),
        left_out=[Left(Cause.NO_MEDIA, "")],
    ),
    Case("json-feed-with-control-characters", _json(_json_item()).replace('"Tea"', '"Tea\x0b\t"')),
]
