"""What publishers ask of those who check their feeds."""

import json

import pytest
from scrapy.http import TextResponse

from podcrawler.sites.asked import Asked
from podcrawler.sites.base import Listing
from podcrawler.sites.known import site_for

DAY = 86_400.0


def asked(more: str) -> Asked:
    body = (
        '<rss xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" '
        'xmlns:podcast="https://podcastindex.org/namespace/1.0" version="2.0">'
        f'<channel><title>Show</title>{more}<item><title>One</title><enclosure url="http://a.example/1.mp3"/></item>'
        "</channel></rss>"
    )
    response = TextResponse("http://a.example/feed.xml", body=body.encode())
    listing = site_for(response).parse_list(response)
    assert isinstance(listing, Listing)
    return listing.asked


def test_a_json_feed_that_has_expired_is_complete() -> None:
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "Show", "items": [], "expired": True}
    response = TextResponse("http://a.example/feed.json", body=json.dumps(feed).encode())
    listing = site_for(response).parse_list(response)
    assert isinstance(listing, Listing)
    assert listing.asked == Asked(is_complete=True)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", Asked()),
        ("<ttl>60</ttl>", Asked(fresh_for=3600)),
        ("<ttl>1440.5</ttl>", Asked()),
        ("<ttl>-1</ttl>", Asked()),
        ("<ttl>999999</ttl>", Asked(fresh_for=366 * DAY)),
        ("<skipHours><hour>0</hour><hour>24</hour><hour>7</hour><hour>25</hour></skipHours>",
         Asked(skip_hours=frozenset({0, 7}))),
        ("<skipDays><day>Sunday</day><day>Someday</day></skipDays>", Asked(skip_days=frozenset({6}))),
        ("<itunes:complete>Yes</itunes:complete>", Asked(is_complete=True)),
        ("<itunes:complete>no</itunes:complete>", Asked()),
        ('<podcast:updateFrequency complete="true">Finished</podcast:updateFrequency>', Asked(is_complete=True)),
        ('<podcast:updateFrequency rrule="FREQ=WEEKLY">Weekly</podcast:updateFrequency>', Asked(gap=7 * DAY)),
        ('<podcast:updateFrequency rrule="FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE">x</podcast:updateFrequency>',
         Asked(gap=7 * DAY)),
        ('<podcast:updateFrequency rrule="FREQ=SECONDLY;INTERVAL=0">x</podcast:updateFrequency>', Asked()),
        ('<podcast:updateFrequency rrule="FREQ=DAILY;INTERVAL=many">x</podcast:updateFrequency>', Asked()),
    ],
)  # fmt: skip
def test_what_a_channel_asks(more: str, expected: Asked) -> None:
    assert asked(more) == expected
