"""Lists of several pages: they are read to their end, which a list that goes on for ever has, too."""

from tests.builders import seed
from tests.conftest import Client, Commands
from tests.origin import RunningOrigin

UNTIL_DONE = ("-s", "PODCRAWLER_EXIT_WHEN_DONE=1")


def feed_requests(origin: RunningOrigin) -> int:
    return sum(count for path, count in origin.counts().items() if path.startswith("/feed.xml"))


def test_a_list_whose_pages_tell_nothing_new_ends(fleet: Commands, origin: RunningOrigin, redis: Client) -> None:
    seed(redis, f"{origin.address}/feed.xml?episodes=2&endless_pages=1", "podcasts")
    assert fleet.run("crawl", "podcasts", *UNTIL_DONE).status == 0
    assert feed_requests(origin) == 2
    assert redis.hlen("{podcrawler}:episodes:entries") == 2


def test_every_page_is_read_at_every_visit(fleet: Commands, origin: RunningOrigin, redis: Client) -> None:
    """A page that told nothing new to the archive may still lead to one that does."""
    for visit in (1, 2):
        seed(redis, f"{origin.address}/feed.xml?episodes=8&pages=4", "podcasts")
        assert fleet.run("crawl", "podcasts", *UNTIL_DONE).status == 0
        assert feed_requests(origin) == 4 * visit
    assert redis.hlen("{podcrawler}:episodes:entries") == 8


def test_reaching_the_limit_of_pages_is_told(fleet: Commands, origin: RunningOrigin, redis: Client) -> None:
    seed(redis, f"{origin.address}/feed.xml?episodes=8&pages=4", "podcasts")
    node = fleet.run("crawl", "podcasts", *UNTIL_DONE, "-s", "PODCRAWLER_MAX_PAGES=3")
    assert feed_requests(origin) == 3
    assert "is page 3 of its list" in node.err
    assert "raise PODCRAWLER_MAX_PAGES" in node.err
    assert redis.hlen("{podcrawler}:episodes:entries") == 6
