"""Scrapy's politeness settings and hooks act on nodes, for pages and media alike, as seen by a server."""

import json
from itertools import pairwise
from textwrap import dedent

import pytest

from tests.conftest import Client, Commands, Result, until
from tests.origin import Request, RunningOrigin

OWN = """
    from scrapy import signals

    from podcrawler.spiders.episodes import EpisodesSpider


    class Marks:
        def process_request(self, request):
            request.headers["X-Marked"] = "yes"


    class Listens:
        @classmethod
        def from_crawler(cls, crawler):
            listener = cls()
            for name in ("request_reached_downloader", "response_downloaded", "response_received"):
                hear = lambda request, response=None, name=name: listener.hear(name, request, response)
                crawler.signals.connect(hear, signal=getattr(signals, name), weak=False)
            return listener

        def hear(self, name, request, response):
            if "/bytes/" in request.url:
                assert response is None or response.request is request or name == "response_downloaded"
                print(name, response and response.status, flush=True)


    class OfOneDomain(EpisodesSpider):
        allowed_domains = ["example.org"]
"""


def drain(fleet: Commands, origin: RunningOrigin, path: str, *settings: str, **environment: str) -> Result:
    """Run a node with these settings on a feed of the origin, until all of it is archived."""
    options = [word for setting in settings for word in ("-s", setting)]
    ended = fleet.drain("-a", f"address={origin.address}{path}", *options, **environment)
    assert ended.status == 0, ended.err
    return ended


def media(origin: RunningOrigin) -> list[Request]:
    return [request for request in origin.requests() if request.path.startswith("/bytes/")]


def gaps(requests: list[Request]) -> list[float]:
    """The seconds between each request and the next."""
    return [after.at - before.at for before, after in pairwise(requests)]


# Delays: the node's clock sets them and the origin's measures them, hence the tolerance. The first request of a node
# is not counted, because the node sets up its network for it.


def test_a_download_delay_keeps_requests_to_a_host_apart(fleet: Commands, origin: RunningOrigin) -> None:
    drain(fleet, origin, "/feed.xml?episodes=4&size=10", "DOWNLOAD_DELAY=0.6", "DOWNLOAD_DELAY_JITTER=0")
    assert len(media(origin)) == 4
    assert min(gaps(media(origin))) > 0.4


def test_a_slot_has_its_own_delay_and_concurrency(fleet: Commands, origin: RunningOrigin) -> None:
    slots = {"127.0.0.1": {"delay": 0.6, "jitter": 0, "concurrency": 1}}
    drain(fleet, origin, "/feed.xml?episodes=4&size=10", f"DOWNLOAD_SLOTS={json.dumps(slots)}")
    assert min(gaps(media(origin))) > 0.4
    assert origin.most_at_once() == 1


def test_autothrottle_slows_down_for_pages_and_media(fleet: Commands, origin: RunningOrigin) -> None:
    """It starts at one second, and each answer halves the delay at most: 0.5 after the page, then 0.25 and 0.125."""
    settings = ("AUTOTHROTTLE_ENABLED=1", "AUTOTHROTTLE_START_DELAY=1", "DOWNLOAD_DELAY_JITTER=0")
    drain(fleet, origin, "/feed.xml?episodes=3&size=10", *settings, "AUTOTHROTTLE_DEBUG=1")
    assert [gap > least for gap, least in zip(gaps(media(origin)), (0.15, 0.08), strict=True)] == [True, True]


# Concurrency


@pytest.mark.parametrize(
    "settings",
    [
        ("CONCURRENT_REQUESTS_PER_DOMAIN=2",),
        ("CONCURRENT_REQUESTS=2",),
        ('DOWNLOAD_SLOTS={"127.0.0.1": {"concurrency": 2}}',),
        ("PODCRAWLER_CONCURRENT_EPISODES=2",),
        ("PODCRAWLER_CONCURRENT_EPISODES=2", "CONCURRENT_REQUESTS_PER_DOMAIN=9"),
    ],
    ids=lambda settings: settings[-1],
)
def test_a_host_sees_no_more_connections_than_allowed(
    fleet: Commands, origin: RunningOrigin, settings: tuple[str, ...]
) -> None:
    drain(fleet, origin, "/feed.xml?episodes=8&size=50000&rate=200000", *settings)
    assert origin.most_at_once() == 2


def test_without_these_settings_a_node_uses_its_whole_capacity(
    fleet: Commands, redis: Client, origin: RunningOrigin
) -> None:
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=12&size=10000&stall_after=10")
    with fleet.start("crawl", "episodes"):
        until(lambda: origin.most_at_once() == 8)


# Request headers


def test_the_user_agent_is_the_users(fleet: Commands, origin: RunningOrigin) -> None:
    drain(fleet, origin, "/feed.xml?episodes=2&size=10", "USER_AGENT=Mozilla/5.0 (a test)")
    assert [request.headers["user-agent"] for request in origin.requests()] == ["Mozilla/5.0 (a test)"] * 3


@pytest.mark.parametrize(("enabled", "sent"), [("True", "visitor=ann"), ("False", None)])
def test_a_cookie_of_the_feed_is_sent_back(fleet: Commands, origin: RunningOrigin, enabled: str, sent: str) -> None:
    path = "/feed.xml?episodes=2&size=10&set_cookie=visitor%3Dann"
    drain(fleet, origin, path, f"COOKIES_ENABLED={enabled}")
    page, *files = origin.requests()
    assert "cookie" not in page.headers
    assert [request.headers.get("cookie") for request in files] == [sent, sent]


# A user's own components


@pytest.fixture
def own(fleet: Commands) -> dict[str, str]:
    """The environment in which ``own`` can be imported."""
    (fleet.folder / "own.py").write_text(dedent(OWN))
    return {"PYTHONPATH": str(fleet.folder)}


def test_a_middleware_of_the_users_acts_on_pages_and_media(
    fleet: Commands, origin: RunningOrigin, own: dict[str, str]
) -> None:
    """And does not remove podcrawler's own, which the setting does not name."""
    drain(fleet, origin, "/feed.xml?episodes=2&size=10", 'DOWNLOADER_MIDDLEWARES={"own.Marks": 600}', **own)
    assert [request.headers.get("x-marked") for request in origin.requests()] == ["yes"] * 3


def test_an_extension_of_the_users_hears_of_media_too(
    fleet: Commands, origin: RunningOrigin, own: dict[str, str]
) -> None:
    """By Scrapy's signals, in its order. A redirect is an answer that leads to another request."""
    heard = drain(fleet, origin, "/feed.xml?episodes=1&size=10&redirect=1", 'EXTENSIONS={"own.Listens": 0}', **own)
    assert heard.out.splitlines() == [
        "request_reached_downloader None",
        "response_downloaded 302",
        "request_reached_downloader None",
        "response_downloaded 200",
        "response_received 200",
    ]


def test_allowed_domains_do_not_restrict_media(fleet: Commands, origin: RunningOrigin, own: dict[str, str]) -> None:
    drain(fleet, origin, "/feed.xml?episodes=2&size=10", "SPIDER_MODULES=own", **own)
    assert len(media(origin)) == 2


def test_a_downloader_of_the_users_gets_media_too(fleet: Commands, origin: RunningOrigin) -> None:
    drain(fleet, origin, "/feed.xml?episodes=2&size=10", "DOWNLOADER=scrapy.core.downloader.Downloader")
    assert len(media(origin)) == 2


# robots.txt


def test_robots_txt_is_for_pages_and_not_for_media(fleet: Commands, origin: RunningOrigin) -> None:
    drain(fleet, origin, "/feed.xml?episodes=2&size=10", "ROBOTSTXT_OBEY=True")
    assert [request.path for request in origin.requests()][:2] == ["/robots.txt", "/feed.xml"]
    assert len(media(origin)) == 2, "although robots.txt forbids /bytes/"
    assert origin.counts()["/robots.txt"] == 1


def test_a_page_that_robots_txt_forbids_is_not_fetched(fleet: Commands, origin: RunningOrigin) -> None:
    address = f"{origin.address}/private/feed.xml"
    ended = fleet.drain("-a", f"address={address}", "-s", "ROBOTSTXT_OBEY=True")
    assert ended.status == 1
    assert "[robots]: 127.0.0.1 asks robots not to fetch this (robots.txt); set ROBOTSTXT_OBEY to False" in ended.err
    assert list(origin.counts()) == ["/robots.txt"]


def test_without_the_setting_robots_txt_is_not_fetched(fleet: Commands, origin: RunningOrigin) -> None:
    drain(fleet, origin, "/private/feed.xml?episodes=1&size=10")
    assert "/robots.txt" not in origin.counts()
