"""What is true of any feed: each entry is accounted for, and ids do not depend on anything else in the document.

The feeds are written by a generator of our own, in all formats and encodings, with twins, junk and mistakes.
"""

import json
import random
import resource
import time
from contextlib import suppress
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podcrawler.exceptions import ListingError
from podcrawler.sites.base import Listing
from podcrawler.sites.cause import Cause
from podcrawler.sites.feed import Feed
from tests.sites.corpus import CASES
from tests.sites.corpus.case import ATOM, MEDIA, RDF
from tests.sites.pages import listing, response


class Entry(NamedTuple):
    guid: str
    title: str
    #: The day of a month; 0 if there is no date.
    day: int
    address: str

    @property
    def is_episode(self) -> bool:
        return self.address.startswith("http") and not self.address.endswith("jpg")

    def with_token(self, token: int) -> "Entry":
        return self._replace(address=f"{self.address}{'&' if '?' in self.address else '?'}token={token}")


class Writing(NamedTuple):
    """How a feed is written."""

    format: str
    encoding: str
    before: str
    after: str

    def write(self, entries: list[Entry], mistake: str = "") -> bytes:
        if self.format == "json":
            return _json(entries).encode()
        text = getattr(self, f"_{self.format}")("".join(_XML[self.format](entry) + mistake for entry in entries))
        declaration = f"<?xml version='1.0' encoding='{self.encoding}'?>"
        return f"{self.before}{declaration}{text}{self.after}".encode(self.encoding, "xmlcharrefreplace")

    def _rss(self, entries: str) -> str:
        return f"<rss><channel><title>Weather</title>{entries}</channel></rss>"

    def _media(self, entries: str) -> str:
        return f"<rss xmlns='http://weather.example/' {MEDIA}><channel>{entries}</channel></rss>"

    def _rdf(self, entries: str) -> str:
        return f"<rdf:RDF {RDF} xmlns='http://purl.org/rss/1.0/'><channel/>{entries}</rdf:RDF>"

    def _atom(self, entries: str) -> str:
        return f"<feed {ATOM}>{entries}</feed>"


def _item(entry: Entry, file: str = "enclosure") -> str:
    guid = f"<guid>{escape(entry.guid)}</guid>" if entry.guid else ""
    date = f"<pubDate>{entry.day} Feb 2021 00:00:00 GMT</pubDate>" if entry.day else ""
    address = f"<{file} url={quoteattr(entry.address)}/>" if entry.address else ""
    return f"<item><title>{escape(entry.title)}</title>{guid}{date}{address}</item>"


def _entry(entry: Entry) -> str:
    guid = f"<id>{escape(entry.guid)}</id>" if entry.guid else ""
    date = f"<updated>2021-02-{entry.day:02d}T00:00:00Z</updated>" if entry.day else ""
    address = f"<link rel='enclosure' href={quoteattr(entry.address)}/>" if entry.address else ""
    return f"<entry><title>{escape(entry.title)}</title>{guid}{date}{address}</entry>"


def _json(entries: list[Entry]) -> str:
    items = [
        {"id": one.guid, "title": one.title, "attachments": [{"url": one.address}]}
        | ({"date_published": f"2021-02-{one.day:02d}T00:00:00Z"} if one.day else {})
        for one in entries
    ]
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": items})


def _media_item(entry: Entry) -> str:
    return _item(entry, "media:content")


_XML = {"rss": _item, "rdf": _item, "atom": _entry, "media": _media_item}
_GUIDS = ["", "", "a", "b", "urn:x:c", "d & <e>", "Ü 雨"]
_ADDRESSES = [
    "http://m.example/a.mp3",
    "http://m.example/b.mp3?x=1",
    "http://m.example/get?n=1&b=2",
    "http://m.example/get?n=2",
    "https://track.example/r/cdn.example/a.mp3",
    "http://m.example/a.jpg",
    "htp://m.example/a.mp3",
    "",
]
entries = st.builds(
    Entry,
    st.sampled_from(_GUIDS),
    st.sampled_from(["Tea", "Rain & <wind>", "Ü 雨", ""]),
    st.integers(0, 4),
    st.sampled_from(_ADDRESSES),
)
writings = st.builds(
    Writing,
    st.sampled_from(["rss", "media", "rdf", "atom", "json"]),
    st.sampled_from(["utf-8", "utf-16", "big5", "windows-1252"]),
    st.sampled_from(["", "\n", "<br>\n<b>Warning</b>: wind & rain\n", "Content-Type: text/xml\n\n"]),
    st.sampled_from(["", "\n<!-- cached -->", "<br /><b>Fatal error</b>: a < b"]),
)
mistakes = st.sampled_from(["wind & rain", "<x>", "</b>", "<br>&nbsp;", "\x0b", "<x a=b>", "]]>", "<", "<x:y z='1'/>"])
#: One that is always there, so that no feed is refused for having no episode at all.
ALWAYS = Entry("always", "Always", 1, "http://m.example/always.mp3")


def read(writing: Writing, listed: list[Entry], mistake: str = "") -> Listing:
    return listing(writing.write([ALWAYS, *listed], mistake))


def named(found: Listing) -> list[tuple[str, str]]:
    """The ids of what is announced, each with the title, in no order."""
    announced = [*found.episodes, *(one.episode for one in found.left_out if one.episode)]
    return sorted((one.id, one.title) for one in announced)


@settings(deadline=None, max_examples=200)
@given(writings, st.lists(entries, max_size=8))
def test_every_entry_is_an_episode_or_left_out(writing: Writing, listed: list[Entry]) -> None:
    found = read(writing, listed)
    assert len(found.episodes) + len(found.left_out) == 1 + len(listed)
    assert len({one.id for one in found.episodes}) == len(found.episodes)
    duplicates = [one for one in found.left_out if one.cause is Cause.DUPLICATE]
    assert len(found.episodes) + len(duplicates) == 1 + sum(one.is_episode for one in listed)


@settings(deadline=None, max_examples=200)
@given(writings, st.lists(entries, max_size=8), st.lists(st.integers(0, 8), min_size=1, max_size=4))
def test_ids_are_the_same_when_unrelated_entries_come_and_go(
    writing: Writing, listed: list[Entry], places: list[int]
) -> None:
    more = list(listed)
    for number, place in enumerate(places):
        more.insert(place, Entry(f"new-{number}", "New", number, f"http://m.example/new/{number}.mp3"))
    assert [one for one in named(read(writing, more)) if one[1] != "New"] == named(read(writing, listed))


@settings(deadline=None, max_examples=200)
@given(writings, st.lists(entries, max_size=8))
def test_ids_are_the_same_when_addresses_get_other_tokens(writing: Writing, listed: list[Entry]) -> None:
    tokens = [[one.with_token(n * 7 % 5) if one.is_episode else one for n, one in enumerate(listed)] for _ in "ab"]
    tokens[1] = [one.with_token(9) if one.is_episode else one for one in listed]
    assert named(read(writing, tokens[0])) == named(read(writing, tokens[1]))


@settings(deadline=None, max_examples=300)
@given(writings, st.lists(entries, max_size=8), mistakes)
def test_ids_are_the_same_when_the_document_becomes_ill_formed(
    writing: Writing, listed: list[Entry], mistake: str
) -> None:
    whole, broken = read(writing, listed), read(writing, listed, mistake)
    assert named(broken) == named(whole)
    assert [one.cause for one in broken.left_out] == [one.cause for one in whole.left_out]


@settings(deadline=None, max_examples=200)
@given(writings.filter(lambda writing: writing.format != "json"), st.lists(entries, min_size=1, max_size=8), st.data())
def test_ids_are_the_same_when_an_end_tag_is_missing(
    writing: Writing, listed: list[Entry], data: st.DataObject
) -> None:
    body = writing.write([ALWAYS, *listed])
    tags = ["</item>", "</entry>", "</title>", "</guid>", "</id>", "</pubDate>", "</updated>"]
    present = [tag for tag in (one.encode(writing.encoding)[-2 * len(one) :] for one in tags) if tag in body]
    tag = data.draw(st.sampled_from(present))
    at = data.draw(st.sampled_from([at for at in range(len(body)) if body.startswith(tag, at)]))
    assert named(listing(body[:at] + body[at + len(tag) :])) == named(listing(body))


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_ten_thousand_mutated_feeds_are_read_or_refused_at_once() -> None:
    chance = random.Random(16)
    bodies = [case.body.encode() if isinstance(case.body, str) else case.body for case in CASES]
    slowest, memory = 0.0, 0
    for number in range(10_000):
        made = response(mutated(chance.choice(bodies), chance, bodies))
        began = time.process_time()
        with suppress(ListingError):
            Feed().matches(made)
            found = Feed().parse_list(made)
            assert len({one.id for one in found.episodes}) == len(found.episodes)
        slowest = max(slowest, time.process_time() - began)
        if number == 1000:
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert slowest < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < memory * 1.5


def mutated(body: bytes, chance: random.Random, others: list[bytes]) -> bytes:
    """A feed with up to six random changes: bytes removed, doubled, replaced, moved, or taken from another feed."""
    for _ in range(chance.randint(1, 6)):
        at, length = chance.randint(0, len(body)), chance.choice([1, 1, 3, 20, 300])
        piece = body[at : at + length]
        other = chance.choice(others)
        start = chance.randint(0, len(other))
        piece = chance.choice(
            [
                b"",
                piece * chance.choice([2, 50]),
                chance.choice(
                    [b"<", b">", b"&", b'"', b"'", b"]]>", b"<![CDATA[", b"<!--", b"\x00", b"\xff", b"<item>", b"</"]
                ),
                chance.randbytes(length),
                other[start : start + length],
                bytes(byte ^ 1 << chance.randint(0, 7) for byte in piece),
            ]
        )
        body = body[:at] + piece + body[at + length :]
    return body


@pytest.mark.parametrize(
    "body",
    [
        b"<rss" + b"<!-- >" * 20_000,
        b"<!-- >" * 20_000,
        b"<?x >" * 20_000,
        b"<!x [" * 20_000,
        b"<rss>" + b'<a "' * 30_000,
        b"<rss>" + b"<a b='<" * 20_000,
        b"<rss>" + b"<![CDATA[</item>" * 10_000 + b"]]>",
        b"<rss>" + b"<a>" * 40_000 + b"</b>" * 40_000,
        b"<rss><channel>" + b"<item>" * 10_000 + b"&",
        b"<rss><channel><item><title>" + b"&amp;" * 50_000 + b"&",
        b"<rss><item><title>"
        + "\u0301".encode() * 100_000
        + b"</title><enclosure url='http://m.example/a.mp3'/></item></rss>",
        b"<rss>" + b"<description>" * 20_000 + b"&",
        b"<rss" + b" a=" * 50_000 + b">&",
        b"<" * 100_000 + b"<rss>&</rss>",
        b'{"items": [' * 20_000 + b'"attachments"',
        b'{"version": "https://jsonfeed.org/version/1", "items": [' + b"[" * 100_000,
        b"<rss>" + b"<rss <!-- " * 20_000,
    ],
    ids=range(17),
)
def test_no_document_takes_long(body: bytes) -> None:
    made = response(body)
    began = time.process_time()
    with suppress(ListingError):
        Feed().matches(made)
        Feed().parse_list(made)
    assert time.process_time() - began < 2
