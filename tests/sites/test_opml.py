"""Lists of subscriptions: the feeds in them, and what is told of broken outlines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcrawler.exceptions import ListingError
from podcrawler.sites.base import Referral
from podcrawler.sites.known import site_for
from podcrawler.sites.opml import Opml
from tests.sites.pages import response

A, B = "https://a.example/feed", "https://b.example/feed?x=1&copy=2"
#: As XML has it.
B_XML = B.replace("&", "&amp;")


def read(text: str | bytes, content_type: str = "text/xml") -> Referral:
    page = response(text, content_type)
    assert site_for(page).name == "opml"
    return Opml().parse_list(page)


def opml(outlines: str) -> str:
    return f'<?xml version="1.0"?><opml version="2.0"><head><title>x</title></head><body>{outlines}</body></opml>'


@pytest.mark.parametrize(
    ("outlines", "podcasts"),
    [
        (f'<outline type="rss" text="A" xmlUrl="{A}"/>', [[A]]),
        (f'<outline text="A" xmlUrl="{A}"></outline>', [[A]]),
        (f"<outline type='rss' text='A' xmlUrl='{A}' htmlUrl='https://a.example/'/>", [[A]]),
        (f'<outline text="G"><outline text="H"><outline text="B" xmlUrl="{B_XML}"/></outline></outline>', [[B]]),
        # A group that is a feed, too.
        (f'<outline text="A" xmlUrl="{A}"><outline text="B" xmlUrl="{B_XML}"/></outline>', [[A], [B]]),
        # Attributes and elements in other spellings
        (f'<outline type="rss" xmlurl="{A}"/>', [[A]]),
        (f'<OUTLINE TYPE="rss" XMLURL="{A}"/>', [[A]]),
        (f'<outline type="rss" url="{A}"/>', [[A]]),
        ('<outline type="rss" text="A" htmlUrl="https://a.example/"/>', [["https://a.example/"]]),
        ('<outline text="a page" type="link" url="https://a.example/"/>' + f'<outline xmlUrl="{A}"/>', [[A]]),
        (f'<outline text="more" type="include" url="{A}"/>', [[A]]),
        # Addresses as people give them
        ('<outline xmlUrl="feed://a.example/feed"/>', [[A, "http://a.example/feed"]]),
        ('<outline xmlUrl=" https://A.example:443/feed "/>', [[A]]),
        (f'<outline xmlUrl="{B_XML.replace("&", "&amp;")}"/>', [[B]]),
        # Duplicates
        (f'<outline xmlUrl="{A}"/><outline xmlUrl="{A}"/><outline xmlUrl="https://A.example/feed"/>', [[A]]),
        # Not well-formed
        (f'<outline xmlUrl="{A}"><outline xmlUrl="{B}"/>', [[A], [B]]),
        (f'<outline text="Tom & Jerry" xmlUrl="{A}"/><outline xmlUrl="{B_XML}"/>', [[A], [B]]),
        (f'<outline text="a < b" xmlUrl="{A}"/><outline xmlUrl="{B_XML}"/>', [[A], [B]]),
        (f'<outline text="never ends xmlUrl="{A}"/><outline xmlUrl="{B_XML}"/>', [[A], [B]]),
        (f'<outline text="x" xmlUrl="{A} /><outline text="y" xmlUrl="{B_XML}"/>', [[A], [B]]),
        (f'<outline text=x xmlUrl={A}><outline text="y" xmlUrl="{B_XML}"/>', [[A], [B]]),
        (f'<outline text="&nbsp;&euro;" xmlUrl="{A}"/>', [[A]]),
        (f'<outline text="\x01" xmlUrl="{A}"/>', [[A]]),
    ],
)
def test_each_outline_with_a_feed_is_a_podcast(outlines: str, podcasts: list[list[str]]) -> None:
    found = read(opml(outlines))
    assert found.podcasts == podcasts
    assert found.left_out == []


@pytest.mark.parametrize("declaration", ["", '<?xml version="1.0"?>\n'])
def test_a_list_may_be_outlines_alone(declaration: str) -> None:
    text = f'{declaration}<outline type="rss" xmlUrl="{A}"/>\n<outline type="rss" xmlUrl="{B_XML}"/>'
    assert read(text).podcasts == [[A], [B]]


@pytest.mark.parametrize(
    ("outline", "sentence"),
    [
        (
            '<outline type="rss" text="Typo" xmlUrl="htp://x.example/"/>',
            '"Typo": "htp://x.example/" is not the address',
        ),
        ('<outline type="rss" text="Nothing"/>', '"Nothing": the outline names no address of a feed.'),
        ('<outline text="Empty" xmlUrl=""/>', '"Empty": the outline names no address of a feed.'),
        ('<outline text="Local" xmlUrl="file:///etc/passwd"/>', '"Local": "file:///etc/passwd" is not'),
        ('<outline text="Elsewhere" xmlUrl="https://open.spotify.com/show/1"/>', "is on Spotify"),
        ('<outline text="Two\nlines" xmlUrl="http://["/>', '"Two lines": "http://[" is not an address'),
    ],
)
def test_a_broken_outline_costs_itself_alone_and_is_told(outline: str, sentence: str) -> None:
    for broken in (outline, f"{outline}<outline text='&'/>"):
        found = read(opml(f'<outline xmlUrl="{A}"/>{broken}<outline xmlUrl="{B_XML}"/>'))
        assert found.podcasts == [[A], [B]]
        (told,) = found.left_out
        assert sentence in told
        assert told.isprintable()


@pytest.mark.parametrize(
    "text",
    [
        opml(f'<outline xmlUrl="{A}"/>').encode("utf-16"),
        b"\xef\xbb\xbf\n" + opml(f'<outline text="\xfc" xmlUrl="{A}"/>').encode(),
        opml(f'<outline text="\xfc" xmlUrl="{A}"/>').encode("latin-1"),
        opml(f'<outline text="\xfc & co" xmlUrl="{A}"/>').encode("latin-1"),
        f'<!-- mine --><opml><body><outline xmlUrl="{A}"/>'.encode(),
    ],
)
def test_any_encoding_and_any_label_will_do(text: bytes) -> None:
    for content_type in ("text/x-opml", "text/html", "application/octet-stream", "audio/mpeg"):
        assert read(text, content_type).podcasts == [[A]]


@pytest.mark.parametrize("outlines", ["", '<outline text="notes"/>', '<outline type="rss" text="x"/>'])
def test_a_list_without_feeds_is_refused(outlines: str) -> None:
    with pytest.raises(ListingError, match="without the address of a feed") as refused:
        read(opml(outlines))
    assert refused.value.kind == "no-feed"


@given(st.text(alphabet=st.sampled_from("<>\"'=/ &;outlinexmUr:."), max_size=60))
def test_whatever_stands_between_two_outlines_costs_neither(junk: str) -> None:
    junk = junk.replace("outline", "").replace("<", "").replace("opml", "")
    found = read(opml(f'<outline xmlUrl="{A}"/>{junk}<outline xmlUrl="{B_XML}"/>'))
    assert found.podcasts == [[A], [B]]
