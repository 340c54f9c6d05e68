"""Which address leads to which podcast, on every server that it must work on."""

import pytest

from podcrawler.queue.archive import Archive
from podcrawler.queue.keys import Keys
from podcrawler.queue.naming import Names, spellings
from tests.builders import finish_page, lease_one, make_broker, page
from tests.conftest import Client


@pytest.fixture
def redis(every_redis: Client) -> Client:
    return every_redis


@pytest.fixture
def names(redis: Client) -> Names:
    return Names(redis, Keys())


def test_an_address_leads_to_the_podcast_that_it_led_to_first(names: Names, redis: Client) -> None:
    pages = make_broker(redis, "podcasts")
    assert names.find(["http://x/1"]) is names.find([]) is None
    for podcast in ("first", "second"):
        pages.push_many([page("http://x/1")])
        assert finish_page(pages, lease_one(pages), podcast, addresses=["http://x/1", f"http://x/{podcast}"])
    assert names.find(["http://unknown", "http://x/1"]) == ("http://x/1", "first")
    assert names.podcast_of(["http://x/second"]) == "second"
    assert names.record("http://x/1", "second") == "first"
    assert sorted(Archive(redis, Keys()).podcast_ids()) == ["first", "second"]


def test_a_podcast_has_the_id_that_was_given_first(names: Names) -> None:
    """Two nodes may read pages of one address at once, and derive different ids."""
    assert names.name("http://x/1", ["first"]) == "first"
    assert names.name("http://x/1", ["second"]) == "first"
    assert names.podcast_of(["http://x/1"]) == "first"


def test_no_two_podcasts_have_one_id(names: Names, redis: Client) -> None:
    assert names.name("http://x/1", ["show"]) == names.name("http://x/1", ["show"]) == "show"
    assert names.name("http://y/1", ["show", "show-y"]) == "show-y"
    # One of an earlier release, whose page is known by something that is better than a claim, or not.
    redis.hset("{podcrawler}:podcasts", "old", "{}")
    assert names.name("http://x/2", ["old", "old-x"]) == "old-x"
    assert names.name("site:old", ["old", "old-y"], is_known=True) == "old"
    assert names.name("site:older", ["old", "old-z"], is_known=True) == "old-z"


@pytest.mark.parametrize("other", ["http://x/feed", "https://x/feed/", "https://x/feed"])
def test_the_scheme_and_slashes_at_the_end_make_no_other_address(names: Names, other: str) -> None:
    names.record("http://x/feed/", "show")
    assert names.find([other]) == (other, "show")
    assert names.find(["https://x/feed?a", "https://x:444/feed", "https://x/FEED"]) is None


def test_what_is_no_address_has_one_spelling() -> None:
    assert spellings("site:show/") == ["site:show/"]
    assert spellings("https://x/") == ["https://x/", "https://x", "http://x", "http://x/"]
