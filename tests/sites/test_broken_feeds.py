"""Feeds that are broken, by accident or on purpose."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podcrawler.exceptions import ListingError
from podcrawler.items import Enclosure
from podcrawler.sites.feed import Feed
from tests.sites.pages import ATOM, SAMPLE, addresses, item, listing, response, rss, web_addresses_only


@pytest.mark.parametrize(
    ("declared", "encoding", "content_type"),
    [
        ("UTF-8", "utf-8", "text/xml"),
        ("Big5", "big5", "text/xml; charset=utf-8"),
        ("UTF-16", "utf-16", "text/xml"),
        ("GB2312", "gb18030", "text/xml"),
        ("UTF-16", "utf-8", "text/xml"),
        ("x-nonsense", "utf-8", "text/xml"),
        ("", "utf-8", "text/xml; charset=iso-8859-1"),
        ("", "big5", "text/xml; charset=big5"),
        ("", "euc_jp", "text/xml; charset=EUC-JP"),
        ("x-nonsense", "big5", "text/xml; charset=big5"),
        ("x-nonsense", "utf-8", "text/xml; charset=nonsense"),
    ],
)
def test_the_encoding_is_the_declared_one_else_utf_8_else_that_of_the_header(
    declared: str, encoding: str, content_type: str
) -> None:
    text = rss(item(more="<title>雨天的茶</title>"))
    declaration = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    (found,) = listing((declaration + text.partition("?>")[2]).encode(encoding), content_type).episodes
    assert found.title == "雨天的茶"


def test_utf_8_that_calls_itself_utf_16_is_read() -> None:
    assert listing(SAMPLE.replace(b"UTF-8", b"UTF-16")) == listing(SAMPLE)


def test_an_encoding_that_is_none_of_text_is_passed_over() -> None:
    body = rss(item(more="<title>雨天的茶</title>")).encode("big5")
    assert [one.id for one in listing(body, "text/xml; charset=rot13").episodes] == ["g1"]


@pytest.mark.parametrize("also_broken", ["", "<generator>A & B</generator>"])
def test_a_wrong_byte_does_not_spoil_the_other_texts(also_broken: str) -> None:
    body = rss(item(more="<title>雨天的茶</title><description>caf?</description>") + also_broken).encode()
    (found,) = listing(body.replace(b"?</desc", b"\xe9</desc"), "text/xml; charset=iso-8859-1").episodes
    assert (found.title, found.description) == ("雨天的茶", "caf\ufffd")


@pytest.mark.parametrize(
    "breakage",
    [
        b"<generator>A & B</generator>",
        b"<generator>A&nbsp;B</generator>",
        b"<generator>A \x0b B</generator>",
        b"<generator>A <b> B</generator>",
        b"<a>" * 1000,
    ],
)
@pytest.mark.parametrize("feed", [SAMPLE, ATOM], ids=["rss", "atom"])
def test_a_feed_that_is_not_well_formed_gives_the_same_items(feed: bytes, breakage: bytes) -> None:
    end = b"</channel>" if b"</channel>" in feed else b"</feed>"
    assert listing(feed.replace(end, breakage + end)) == listing(feed)


@pytest.mark.parametrize(
    "guid",
    [
        "https://b.example/?p=1&amp;q=2",
        "https://b.example/?p=1&#038;q=2",
        "a &lt;b&gt; c",
        "../日本",
        "tag:b.example,2020:1",
    ],
)
def test_guids_and_addresses_are_the_same_in_a_feed_that_breaks(guid: str) -> None:
    one = f'<item><guid isPermaLink="false"> {guid}\n</guid><enclosure url="http://m.example/?a=1&amp;copy=2&#038;b"/></item>'
    whole, broken = listing(rss(one)), listing(rss(one + "<generator>A & B</generator>"))
    assert broken == whole
    assert whole.episodes[0].enclosure == Enclosure("http://m.example/?a=1&copy=2&b")


def test_texts_of_a_feed_that_breaks_are_neither_cleaned_nor_trusted() -> None:
    more = '<itunes:duration unit="s">5</itunes:duration><description>&lt;p onclick="x"&gt;A&lt;/p&gt;</description>'
    (found,) = listing(rss(item(more=more) + "<generator>A & B</generator>")).episodes
    assert (found.duration, found.description) == (5, '<p onclick="x">A</p>')


def test_a_feed_that_was_cut_off_keeps_its_whole_entries() -> None:
    body = rss(item(3) + item(2) + item(1))
    assert [one.id for one in listing(body[: body.index("1.mp3")]).episodes] == ["g2", "g3"]


@pytest.mark.parametrize(
    "body", [b"<rss", b"<rss><channel>\x00", b"<rss><![x[", b"<feed><entry", b"<rss><a></b></rss>"]
)
def test_a_feed_that_is_nothing_but_broken_is_refused(body: bytes) -> None:
    with pytest.raises(ListingError, match=r"not well-formed.*another address") as refused:
        listing(body)
    assert refused.value.kind == "broken-feed"


def test_nesting_without_end_does_no_harm() -> None:
    deep = "<title>" + "<b>" * 1900 + "A" + "</b>" * 1900 + "</title>"
    assert [one.id for one in listing(rss(item(1, deep) + item(2))).episodes] == ["g2", "g1"]


def test_hostile_entities_are_neither_expanded_nor_fetched(tmp_path_factory: pytest.TempPathFactory) -> None:
    secret = tmp_path_factory.mktemp("secret") / "file"
    secret.write_text("SECRET")
    laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 20}">' for n in range(1, 12))
    doctype = f'<!DOCTYPE rss [<!ENTITY a0 "ha">{laughs}<!ENTITY file SYSTEM "{secret.as_uri()}">]>'
    plain = rss(item(more="<title>A</title>")).partition("?>")[2]
    for reference in ("&a11;", "&file;"):
        (found,) = listing(doctype + plain.replace(">A<", f">A{reference}<")).episodes
        assert found.title == f"A{reference}"
    (found,) = listing(doctype + plain.replace("1.mp3", "&a11;1.mp3")).episodes
    assert len(str(found)) < 1000


def test_entities_of_html_that_a_doctype_makes_legal_are_read() -> None:
    doctype = '<!DOCTYPE rss SYSTEM "http://my.netscape.com/rss-0.91.dtd">'
    (found,) = listing(doctype + rss(item(more="<title>Caf&eacute; &amp;amp;</title>")).partition("?>")[2]).episodes
    assert found.title == "Café &"


def parsed_or_refused(body: bytes) -> None:
    made = response(body)
    Feed().matches(made)
    with suppress(ListingError):
        web_addresses_only(Feed().parse_list(made))


@given(st.binary())
def test_arbitrary_bytes_are_parsed_or_refused(body: bytes) -> None:
    parsed_or_refused(body)
    parsed_or_refused(b"<rss>" + body)


@settings(deadline=None)
@given(st.sampled_from([SAMPLE, ATOM]), st.integers(0, len(SAMPLE)), st.integers(0, 200), st.binary(max_size=20))
def test_feeds_that_were_damaged_are_parsed_or_refused(feed: bytes, at: int, length: int, noise: bytes) -> None:
    parsed_or_refused(feed[:at] + noise + feed[at + length :])


@given(addresses())
def test_no_feed_leads_anywhere_but_to_the_web(address: str) -> None:
    text = address.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    entry = f'<link>{text}</link><itunes:image href="{text}"/><enclosure url="{text}"/>'
    channel = f'<link>{text}</link><image><url>{text}</url></image><atom:link rel="next" href="{text}"/>'
    web_addresses_only(listing(rss(item() + f"<item>{entry}</item>" + item(2, entry), channel)))
