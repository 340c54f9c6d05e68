"""What feeds tell beyond titles and files, one oddity a case; docs/items.md is the table that these cases check."""

import json
import time
from dataclasses import fields
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from podcrawler.details import (
    AlternateEnclosure,
    Category,
    Chapter,
    ChapterFile,
    EpisodeDetails,
    Funding,
    Image,
    Integrity,
    License,
    Location,
    Person,
    PodcastDetails,
    Recipient,
    Soundbite,
    Source,
    Trailer,
    Transcript,
    Txt,
    UpdateFrequency,
    Value,
)
from podcrawler.sites.elements import Fields
from podcrawler.sites.extensions import episode_extensions, picture, podcast_extensions
from podcrawler.sites.json_extensions import json_episode_extensions, json_podcast_extensions

BASE = "https://pod.example/shows/feed.xml"
NAMESPACES = {
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "podcast": "https://podcastindex.org/namespace/1.0",
    "older": "https://github.com/Podcastindex-org/podcast-namespace/blob/main/docs/1.0.md",
    "media": "http://search.yahoo.com/mrss/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "creativeCommons": "http://backend.userland.com/creativeCommonsRssModule",
    "cc": "http://web.resource.org/cc/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "psc": "http://podlove.org/simple-chapters",
    "gp": "http://www.google.com/schemas/play-podcasts/1.0",
    "rawvoice": "http://www.rawvoice.com/rawvoiceRssModule/",
    "spotify": "http://www.spotify.com/ns/rss",
    "atom": "http://www.w3.org/2005/Atom",
    "SHOUT": "HTTP://WWW.ITUNES.COM/DTDS/Podcast-1.0.DTD",
}


def element(inner: str) -> Fields:
    declared = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
    return Fields(etree.fromstring(f"<item {declared}>{inner}</item>", etree.XMLParser(resolve_entities=False)))


BOTH: list[tuple[str, dict[str, Any]]] = [
    ("", {}),
    ("<title>Only a title</title><foo/><itunes:season/><podcast:person/><itunes:explicit/>", {}),
    # Explicit
    ("<itunes:explicit>YES</itunes:explicit>", {"explicit": True}),
    ("<itunes:explicit> explicit\n</itunes:explicit>", {"explicit": True}),
    ("<itunes:explicit>true</itunes:explicit>", {"explicit": True}),
    ("<itunes:explicit>Clean</itunes:explicit>", {"explicit": False}),
    ("<itunes:explicit>false</itunes:explicit>", {"explicit": False}),
    ("<SHOUT:EXPLICIT>No</SHOUT:EXPLICIT>", {"explicit": False}),
    ("<itunes:explicit>perhaps</itunes:explicit>", {}),
    ("<itunes:explicit>perhaps</itunes:explicit><gp:explicit>yes</gp:explicit>", {"explicit": True}),
    ('<media:rating scheme="urn:simple">nonadult</media:rating>', {"explicit": False}),
    ("<itunes:block>Yes</itunes:block>", {"block": True}),
    ("<itunes:block>no</itunes:block><gp:block>yes</gp:block>", {"block": False}),
    # Authors and persons
    ("<itunes:author> Ada \n B. </itunes:author>", {"authors": [Person("Ada B.")]}),
    (
        "<author>ada@pod.example (Ada B.)</author><author>Cy D. &lt;cy@pod.example&gt;</author>",
        {"authors": [Person("Ada B.", email="ada@pod.example"), Person("Cy D.", email="cy@pod.example")]},
    ),
    ("<itunes:author>Ada</itunes:author><dc:creator>ADA</dc:creator>", {"authors": [Person("Ada")]}),
    ("<author>just@an.example</author>", {"authors": [Person("just@an.example")]}),
    (
        "<atom:author><atom:name>Ada</atom:name><atom:uri>/ada</atom:uri><atom:email>a@b.example</atom:email>"
        "</atom:author><atom:contributor><atom:name>Cy</atom:name></atom:contributor>",
        {
            "authors": [Person("Ada", href="https://pod.example/ada", email="a@b.example")],
            "persons": [Person("Cy", "contributor")],
        },
    ),
    (
        '<podcast:person href="https://ada.example" img="ada.png">Ada</podcast:person>'
        '<older:person role="Guest" group="writing">Cy</older:person>'
        '<podcast:person role="host">ada</podcast:person><podcast:person role="guest"> </podcast:person>',
        {
            "persons": [
                Person("Ada", "host", "cast", "https://pod.example/shows/ada.png", "https://ada.example"),
                Person("Cy", "Guest", "writing"),
            ]
        },
    ),
    (
        '<media:group><media:content><media:credit role="producer">Di</media:credit></media:content></media:group>',
        {"persons": [Person("Di", "producer")]},
    ),
    (
        '<podcast:person href="javascript:alert(1)" img="data:image/png;base64,x">E</podcast:person>',
        {"persons": [Person("E", "host", "cast")]},
    ),
    # Subjects
    (
        '<itunes:category text="Arts &amp; Crafts"><itunes:category text="Paper"/></itunes:category>'
        '<itunes:category text="arts &amp; crafts"><itunes:category text="Glue"/><itunes:category text="Paper"/>'
        '<itunes:category text="Glue"/>'
        '</itunes:category><category domain="x">Weather</category><gp:category text="News"/>',
        {"categories": [Category("Arts & Crafts", ["Paper", "Glue"]), Category("News"), Category("Weather")]},
    ),
    (
        '<atom:category term="w" label="Weather"/><atom:category term="rain"/><atom:category/>',
        {"categories": [Category("Weather"), Category("rain")]},
    ),
    ('<itunes:keywords text="rain,tea"/>', {"keywords": ["rain", "tea"]}),
    ("<itunes:keywords> rain, Tea ,,tea,</itunes:keywords>", {"keywords": ["rain", "Tea"]}),
    (
        "<itunes:keywords>a; b c</itunes:keywords><media:keywords>d,e</media:keywords><dc:subject>f</dc:subject>",
        {"keywords": ["a", "b c", "d", "e", "f"]},
    ),
    # Rights and money
    ("<dc:rights>© Ada</dc:rights>", {"copyright": "© Ada"}),
    (
        '<podcast:license url="/own.pdf">own-1</podcast:license>',
        {"license": License("own-1", "https://pod.example/own.pdf")},
    ),
    ("<podcast:license>cc-by-4.0</podcast:license>", {"license": License("cc-by-4.0")}),
    (
        "<creativeCommons:license>https://cc.example/by</creativeCommons:license>",
        {"license": License("", "https://cc.example/by")},
    ),
    ('<cc:license rdf:resource="https://cc.example/nc"/>', {"license": License("", "https://cc.example/nc")}),
    ('<atom:link rel="license" href="/license"/>', {"license": License("", "https://pod.example/license")}),
    (
        '<podcast:funding url="/give">Give\nnow</podcast:funding><podcast:funding>nowhere</podcast:funding>'
        '<atom:link rel="payment" title="Tip" href="https://tip.example"/><rawvoice:donate href="/give">again'
        "</rawvoice:donate>",
        {"funding": [Funding("https://pod.example/give", "Give now"), Funding("https://tip.example", "Tip")]},
    ),
    (
        '<podcast:value type="lightning" method="keysend" suggested="0.00000005">'
        '<podcast:valueRecipient name="Ada" type="node" address="02ab" split="95" customKey="7" customValue="v"/>'
        '<podcast:valueRecipient type="node" address="03cd" split="5.5" fee="true"/></podcast:value>'
        '<podcast:value type="other" suggested="much"/>',
        {
            "value": [
                Value(
                    "lightning",
                    "keysend",
                    5e-8,
                    [Recipient("Ada", "node", "02ab", "7", "v", 95), Recipient("", "node", "03cd", fee=True)],
                ),
                Value("other"),
            ]
        },
    ),
    # Places, pictures and texts
    (
        '<podcast:location rel="subject" geo="geo:1,2" osm="R1" country="DE">Kiel</podcast:location>'
        '<podcast:location rel="creator"/><rawvoice:location>Ulm</rawvoice:location>',
        {"locations": [Location("Kiel", "subject", "geo:1,2", "R1", "DE"), Location("Ulm")]},
    ),
    (
        '<podcast:image href="a.webp" alt="A cup" aspect-ratio="16/9" width="1600" height="-1" type="Image/WebP" '
        'purpose="banner"/><podcast:images srcset="b.png 1500w, /c,d.png 300w,https://x.example/e.png"/>',
        {
            "images": [
                Image("https://pod.example/shows/a.webp", "A cup", "16/9", 1600, None, "image/webp", "banner"),
                Image("https://pod.example/shows/b.png", width=1500),
                Image("https://pod.example/c,d.png", width=300),
                Image("https://x.example/e.png"),
            ]
        },
    ),
    (
        f'<podcast:txt purpose="verify">{"x" * 5000}</podcast:txt><podcast:txt/>',
        {"txt": [Txt("x" * 4000, "verify")]},
    ),
    # Texts that say nothing new
    (
        "<itunes:subtitle>Tea, rain</itunes:subtitle><itunes:summary>Tea, &lt;b&gt;rain&lt;/b&gt;</itunes:summary>",
        {"subtitle": "Tea, rain"},
    ),
    (
        "<itunes:summary>One</itunes:summary><itunes:subtitle> one</itunes:subtitle>",
        {"summary": "One", "subtitle": "one"},
    ),
    (
        "<itunes:subtitle>One</itunes:subtitle><gp:description>&lt;p&gt;One&lt;/p&gt;</gp:description>",
        {"subtitle": "One"},
    ),
    # Bounds
    ("<itunes:author>" + "x" * 5000 + "</itunes:author>", {"authors": [Person("x" * 1000)]}),
    (
        "<itunes:keywords>" + ",".join(map(str, range(5000))) + "</itunes:keywords>",
        {"keywords": [str(n) for n in range(1000)]},
    ),
    (
        "".join(f'<podcast:funding url="/{n}"/>' for n in range(1500)),
        {"funding": [Funding(f"https://pod.example/{n}") for n in range(1000)]},
    ),
    (f'<podcast:funding url="https://x.example/{"x" * 9000}"/>', {}),
]

EPISODES: list[tuple[str, dict[str, Any]]] = [
    ("<itunes:season>2</itunes:season><itunes:episode>07</itunes:episode>", {"season": 2, "episode": 7}),
    (
        '<itunes:season>1</itunes:season><podcast:season name="Egg Hunt">3</podcast:season>',
        {"season": 3, "season_name": "Egg Hunt"},
    ),
    ('<podcast:season name="Egg Hunt">third</podcast:season>', {"season_name": "Egg Hunt"}),
    ("<podcast:season>third</podcast:season><itunes:season>Season 3</itunes:season>", {"season": 3}),
    ("<itunes:season>S02E05</itunes:season>", {}),
    ("<itunes:season>-2</itunes:season><itunes:episode>1e9</itunes:episode>", {}),
    ("<itunes:season>2.5</itunes:season><itunes:episode>0</itunes:episode>", {"episode": 0}),
    (f"<itunes:season>{'9' * 5000}</itunes:season><itunes:episode>１２</itunes:episode>", {}),
    ("<itunes:episode>1234567890</itunes:episode>", {}),
    (
        '<podcast:episode display="Ch. 3">204.50</podcast:episode>',
        {"episode": 204.5, "episode_display": "Ch. 3"},
    ),
    ("<itunes:episodeType> Bonus</itunes:episodeType>", {"episode_type": "bonus"}),
    ("<itunes:episodeType>special</itunes:episodeType>", {}),
    ("<dc:language>de</dc:language>", {"language": "de"}),
    (
        '<podcast:transcript url="t.vtt" type="Text/VTT" language="es" rel="captions"/><podcast:transcript type="x"/>'
        '<older:transcript url="ftp://x.example/t.txt"/>',
        {"transcripts": [Transcript("https://pod.example/shows/t.vtt", "text/vtt", "es", "captions")]},
    ),
    (
        '<podcast:chapters url="//x.example/c.json" type="application/json+chapters"/>',
        {"chapters_file": ChapterFile("https://x.example/c.json", "application/json+chapters")},
    ),
    (
        '<atom:link rel="http://podlove.org/simple-chapters" href="c.psc" />',
        {"chapters_file": ChapterFile("https://pod.example/shows/c.psc")},
    ),
    (
        '<psc:chapters version="1.2"><psc:chapter start="0" title="Tea"/>'
        '<psc:chapter start="01:02:03.5" title="Rain" href="/r" image="r.png"/><psc:chapter start="soon" title="?"/>'
        '<psc:chapter title="never"/><psc:chapter start="9:30"/></psc:chapters>',
        {
            "chapters": [
                Chapter(0, "Tea"),
                Chapter(3723.5, "Rain", "https://pod.example/r", "https://pod.example/shows/r.png"),
                Chapter(570),
            ]
        },
    ),
    (
        '<podcast:soundbite startTime="33.8" duration="60">Tea!</podcast:soundbite><podcast:soundbite duration="1"/>'
        '<podcast:soundbite startTime="nan"/><podcast:soundbite startTime="1" duration="-1"/>',
        {"soundbites": [Soundbite(33.8, 60, "Tea!"), Soundbite(1)]},
    ),
    (
        '<podcast:alternateEnclosure type="Audio/Opus" length="32400" bitrate="96000.5" lang="en" title="Small" '
        'rel="alt" codecs="opus" default="false" height="0"><podcast:source uri="s.opus" contentType="audio/OPUS"/>'
        '<podcast:source uri="ipfs://Qm1"/><podcast:source uri="file:///etc/passwd"/>'
        '<podcast:integrity type="SRI" value="sha384-x"/></podcast:alternateEnclosure><podcast:alternateEnclosure/>',
        {
            "alternate_enclosures": [
                AlternateEnclosure(
                    "audio/opus",
                    32400,
                    96000.5,
                    None,
                    "en",
                    "Small",
                    "alt",
                    "opus",
                    False,
                    [Source("https://pod.example/shows/s.opus", "audio/opus"), Source("ipfs://Qm1")],
                    [Integrity("sri", "sha384-x")],
                )
            ]
        },
    ),
    ("<content:encoded>&lt;p&gt;Long&lt;/p&gt;</content:encoded>", {"content": "<p>Long</p>"}),
    ('<atom:content type="audio/mpeg">AAAA</atom:content>', {}),
    (
        '<atom:content type="html">Long</atom:content><atom:summary>Short</atom:summary>',
        {"content": "Long", "summary": "Short"},
    ),
    ("<content:encoded>" + "x" * 300_000 + "</content:encoded>", {"content": "x" * 100_000}),
]

PODCASTS: list[tuple[str, dict[str, Any]]] = [
    ("<itunes:type>Serial</itunes:type><podcast:medium>music</podcast:medium>", {"type": "serial", "medium": "music"}),
    ("<itunes:complete>Yes</itunes:complete>", {"complete": True}),
    (
        '<podcast:locked owner="ada@pod.example">yes</podcast:locked>',
        {"locked": True, "locked_owner": "ada@pod.example"},
    ),
    (
        '<podcast:block id="google">yes</podcast:block><podcast:block id="x">no</podcast:block>'
        "<podcast:block>no</podcast:block>",
        {"block": False, "blocked_on": ["google"]},
    ),
    (
        "<itunes:owner><itunes:email>a@b.example</itunes:email><itunes:name>Ada</itunes:name></itunes:owner>",
        {"owner": Person("Ada", email="a@b.example")},
    ),
    ("<gp:owner>a@b.example (Ada)</gp:owner>", {"owner": Person("Ada", email="a@b.example")}),
    (
        '<podcast:trailer pubdate="Thu, 01 Apr 2021 08:00:00 -0500" url="t.mp3" length="12" type="audio/MP3" '
        'season="2">Soon</podcast:trailer><podcast:trailer url="u.mp3" pubdate="soon" length="0" season="x"/>'
        "<podcast:trailer/>",
        {
            "trailers": [
                Trailer(
                    "https://pod.example/shows/t.mp3",
                    "Soon",
                    datetime(2021, 4, 1, 8, tzinfo=timezone(timedelta(hours=-5))),
                    12,
                    "audio/mp3",
                    2,
                ),
                Trailer("https://pod.example/shows/u.mp3"),
            ]
        },
    ),
    (
        '<podcast:updateFrequency dtstart="2023-01-01" rrule="FREQ=WEEKLY" complete="no">weekly'
        "</podcast:updateFrequency>",
        {"update_frequency": UpdateFrequency("weekly", False, "2023-01-01", "FREQ=WEEKLY")},
    ),
    (
        "<podcast:updateFrequency/><rawvoice:frequency>daily</rawvoice:frequency>",
        {"update_frequency": UpdateFrequency("daily")},
    ),
    (
        '<spotify:limit recentCount="30"/><spotify:countryOfOrigin>de  at,ch</spotify:countryOfOrigin>',
        {"spotify_limit": 30, "countries": ["de", "at", "ch"]},
    ),
]


@pytest.mark.parametrize(("inner", "told"), BOTH + EPISODES)
def test_an_entry_tells(inner: str, told: dict[str, Any]) -> None:
    assert episode_extensions(element(inner), BASE) == told


@pytest.mark.parametrize(("inner", "told"), BOTH + PODCASTS)
def test_a_channel_tells(inner: str, told: dict[str, Any]) -> None:
    assert podcast_extensions(element(inner), BASE) == told


def test_each_tells_its_own_fields_alone() -> None:
    everything = element("<itunes:summary>Everything</itunes:summary>" + _ALL)
    for told, kind in (
        (episode_extensions(everything, BASE), EpisodeDetails),
        (podcast_extensions(everything, BASE), PodcastDetails),
    ):
        # The description is read with the title.
        assert told.keys() == {field.name for field in fields(kind)} - {"description"}


@pytest.mark.parametrize("description", ["Tea", "<p>Tea</p>", " T e\na", "&#84;ea"])
def test_a_text_that_says_the_same_as_the_description_is_left_out(description: str) -> None:
    inner = "<itunes:summary>Tea</itunes:summary><content:encoded>Tea</content:encoded>"
    assert episode_extensions(element(inner), BASE, description) == {}


@pytest.mark.parametrize(
    ("inner", "image"),
    [
        ("", ""),
        ('<itunes:image href="a.png"/><image><url>b.png</url></image>', "a.png"),
        ("<itunes:image>a.png</itunes:image>", "a.png"),
        ('<itunes:image href="data:x"/><image><url>b.png</url></image>', "b.png"),
        ('<gp:image href="c.png"/>', "c.png"),
        ('<podcast:images srcset="d.png 1500w, e.png 300w"/>', "d.png"),
        ('<media:group><media:thumbnail url="f.png"/></media:group>', "f.png"),
        ("<atom:icon>g.png</atom:icon>", "g.png"),
    ],
)
def test_the_picture(inner: str, image: str) -> None:
    assert picture(element(inner), BASE) == (f"https://pod.example/shows/{image}" if image else "")


# JSON Feed


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ({}, {}),
        (
            {"authors": [{"name": "Ada", "url": "/ada", "avatar": "a.png"}, "Cy", {}], "author": {"name": "ada"}},
            {"authors": [Person("Ada", image="https://pod.example/shows/a.png", href="https://pod.example/ada")]},
        ),
        (
            {"author": {"url": "https://ada.example"}},
            {"authors": [Person("https://ada.example", href="https://ada.example")]},
        ),
        ({"tags": ["tea", "Tea", 7, None, {}, ""], "language": "de"}, {"keywords": ["tea", "7"], "language": "de"}),
        ({"summary": "Short"}, {"summary": "Short"}),
        ({"summary": "Told"}, {}),
        (
            {
                "_podcast": {
                    "season": "Season 2",
                    "episode": 3.5,
                    "persons": [{"name": "Ada", "role": "guest", "img": "a.png"}],
                    "transcript": {"url": "t.vtt", "type": "text/vtt"},
                    "soundbites": [{"start_time": 1.5, "title": "Tea"}],
                }
            },
            {
                "season": 2,
                "episode": 3.5,
                "persons": [Person("Ada", "guest", "cast", "https://pod.example/shows/a.png")],
                "transcripts": [Transcript("https://pod.example/shows/t.vtt", "text/vtt")],
                "soundbites": [Soundbite(1.5, None, "Tea")],
            },
        ),
        ({"_itunes": {"explicit": True, "episodeType": "trailer"}}, {"explicit": True, "episode_type": "trailer"}),
        ({"_podcast": [], "language": ["de"], "authors": {}, "tags": "x"}, {}),
        ({"_itunes": {"a b": 1, "\0": 1, "": {}, "season": "\0\ud800", "image": [[]]}}, {}),
    ],
)
def test_an_item_of_a_json_feed_tells(item: dict[str, Any], told: dict[str, Any]) -> None:
    assert json_episode_extensions(item, BASE, "Told") == told


def test_a_json_feed_tells() -> None:
    feed = {
        "expired": True,
        "language": "de",
        "_podcast": {"locked": True, "funding": [{"url": "/give", "text": "Give"}]},
    }
    told = {"complete": True, "locked": True, "funding": [Funding("https://pod.example/give", "Give")]}
    assert json_podcast_extensions(feed, BASE) == told


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["name", "url", "text", "x"]) | st.text(), inner),
    max_leaves=5,
)
extensions = st.dictionaries(st.sampled_from(["season", "person", "value", "images", "category"]), json_values)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(("authors", "author", "tags", "language", "summary", "expired"), json_values),
            **dict.fromkeys(("_podcast", "_itunes"), extensions | json_values),
        },
    )
)
def test_any_json_is_read(item: dict[str, Any]) -> None:
    json_episode_extensions(item, BASE)
    json_podcast_extensions(item, BASE)


# Hostile values


@pytest.mark.parametrize(
    "inner",
    [
        '<itunes:category text="a"><itunes:category text="b%d"/></itunes:category>',
        "<media:content><media:credit>%d</media:credit></media:content>",
        '<podcast:images srcset="%d.png, a.png, b.png, c.png"/>',
        '<atom:link rel="payment" href="/%d"/>',
        "<author>%d &lt;a@b</author>",
    ],
)
def test_what_there_is_too_much_of_is_not_read_to_the_end(inner: str) -> None:
    entry = element("".join(inner % number for number in range(50_000)))
    started = time.process_time()
    episode_extensions(entry, BASE)
    assert time.process_time() - started < 1


_ALL = "".join(inner for inner, _ in BOTH + EPISODES + PODCASTS)
_PREFIXED = [child for child in element(_ALL).element.iter() if child.prefix]
_NAMES = sorted({(child.prefix or "", etree.QName(child).localname) for child in _PREFIXED})
_ATTRIBUTES = ["url", "href", "text", "start", "startTime", "length", "split", "suggested", "srcset", "id", "uri"]
_ODD = ["9" * 400, "1e99", "-0", "Infinity", "http://[", "//", "99:99:99:99", "0x10", "1" + "," * 50, "<" * 20, "%00"]
_characters = st.characters(min_codepoint=32, codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"])
texts = st.text(_characters) | st.sampled_from(_ODD)


@st.composite
def elements(draw: st.DrawFn) -> etree._Element:
    prefix, local = draw(st.sampled_from(_NAMES))
    made = etree.Element(f"{{{NAMESPACES[prefix]}}}{local}", nsmap={prefix: NAMESPACES[prefix]})
    for name, value in draw(st.dictionaries(st.sampled_from(_ATTRIBUTES), texts)).items():
        made.set(name, value)
    made.text = draw(texts)
    return made


@given(st.lists(elements(), max_size=5), st.lists(elements(), max_size=3))
def test_any_values_are_read(children: list[etree._Element], inner: list[etree._Element]) -> None:
    parent = etree.Element("item")
    parent.extend(children)
    if children:
        children[0].extend(inner)
    for read in (episode_extensions, podcast_extensions):
        # Exports and the queue have numbers that JSON knows.
        json.dumps(read(Fields(parent), BASE), default=str, allow_nan=False)
