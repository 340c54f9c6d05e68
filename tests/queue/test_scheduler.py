"""Every lease ends, whatever a user's own components do to its request or item."""

import json
from textwrap import dedent

import pytest
from redis import Redis

from podcrawler.redis.embedded import EmbeddedServer
from tests.builders import AT_ONCE
from tests.conftest import Client, Commands, Result, until
from tests.origin import RunningOrigin

#: Components of a user: most of them misbehave once, with the first thing that they get.
MEDDLERS = """
    import scrapy
    from scrapy import signals
    from scrapy.exceptions import DropItem, IgnoreRequest


    class Once:
        happened = False

        def first(self, it=True):
            first = it and not Once.happened
            Once.happened = Once.happened or first
            return first


    class Drops:
        def process_item(self, item):
            raise DropItem("not to my taste")


    class Breaks:
        def process_item(self, item):
            if Once().first():
                raise ValueError("broken pipeline")
            return item


    class BreaksOutput:
        async def process_spider_output(self, response, result):
            async for output in result:
                if Once().first():
                    raise ValueError("broken middleware")
                yield output


    class Forgets:
        def process_item(self, item):
            return {"not": "an episode"} if Once().first() else item


    class IgnoresResponse:
        def process_request(self, request):
            if Once().first("part" in request.meta):
                raise IgnoreRequest("not this one")


    class Swallows:
        @classmethod
        def from_crawler(cls, crawler):
            self = cls()
            crawler.signals.connect(self.scheduled, signal=signals.request_scheduled)
            crawler.swallows = self
            return self

        def scheduled(self, request):
            if Once().first("lease" in request.meta):
                raise IgnoreRequest("swallowed")


    class Redirects:
        def process_request(self, request):
            if request.url.endswith("/old.xml"):
                return request.replace(url=request.url.replace("/old.xml", "/feed.xml?episodes=1&size=10"))
"""
OPTIONS = ("-s", "PODCRAWLER_RETRY_DELAY=0.01", "-s", "PODCRAWLER_LEASE_TIME=1")


def drain(fleet: Commands, setting: str, *components: str) -> Result:
    """Run a node with components of a user's until the queue is done."""
    (fleet.folder / "meddlers.py").write_text(dedent(MEDDLERS))
    base = {
        "ITEM_PIPELINES": {"podcrawler.media.pipeline.EpisodeFilesPipeline": 500},
        "DOWNLOADER_MIDDLEWARES": {"podcrawler.queue.stream.DirectEpisodeMiddleware": 10},
    }
    value = base.get(setting, {}) | {f"meddlers.{component}": 5 for component in components}
    return fleet.drain(*OPTIONS, "-s", f"{setting}={json.dumps(value)}", PYTHONPATH=str(fleet.folder))


@pytest.mark.parametrize(
    ("setting", "component"),
    [
        ("ITEM_PIPELINES", "Breaks"),
        ("ITEM_PIPELINES", "Forgets"),
        ("SPIDER_MIDDLEWARES", "BreaksOutput"),
        ("EXTENSIONS", "Swallows"),
    ],
)
def test_an_entry_whose_component_fails_once_is_tried_again(
    fleet: Commands, redis: Client, origin: RunningOrigin, setting: str, component: str
) -> None:
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=2&size=10")
    ended = drain(fleet, setting, component)
    assert ended.status == 0
    assert list(fleet.files().values()) == [10, 10]
    assert ended.err.count("will be tried again in 1 s: ") == 1


def test_an_episode_that_a_pipeline_drops_has_failed(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=2&size=10")
    ended = drain(fleet, "ITEM_PIPELINES", "Drops")
    assert ended.status == 1
    failed = fleet.run("failed").out
    assert failed.startswith("2 dropped: An item pipeline dropped the episode: not to my taste\n")


def test_an_episode_that_a_middleware_ignores_has_failed(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=2&size=10")
    ended = drain(fleet, "DOWNLOADER_MIDDLEWARES", "IgnoresResponse")
    assert ended.status == 1
    assert len(fleet.files()) == 1
    assert "[ignored, 1 try]" in fleet.run("failed").out


def test_a_redirect_keeps_its_lease(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    redis.lpush("episodes:start_urls", f"{origin.address}/old.xml")
    assert drain(fleet, "DOWNLOADER_MIDDLEWARES", "Redirects").status == 0
    assert list(fleet.files().values()) == [10]
    assert not [path for path in origin.counts() if path == "/old.xml"]


def test_an_entry_that_cannot_be_read_fails_alone(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    assert fleet.drain("-a", f"address={origin.address}/feed.xml?episodes=1&size=10").status == 0
    redis.hset("{podcrawler}:episodes:entries", "x/1", '{"$unknown": 1}')
    redis.hset("{podcrawler}:episodes:routes", "x/1", '["episode","x","1","h","0"]')
    redis.zadd("{podcrawler}:episodes:pending:h", {"x/1": 0})
    redis.zadd("{podcrawler}:episodes:hosts", {"h": 0})
    ended = fleet.drain()
    assert ended.status == 1
    assert "Traceback" not in ended.err
    assert "unreadable" in fleet.run("failed").out


def test_an_entry_about_another_episode_fails_and_does_not_touch_that_episode(
    fleet: Commands, redis: Client, origin: RunningOrigin
) -> None:
    redis.lpush("podcasts:start_urls", f"{origin.address}/feed.xml?episodes=2&size=10")
    assert fleet.run("crawl", "podcasts", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1").status == 0
    first, second = sorted(redis.hkeys("{podcrawler}:episodes:entries"))
    redis.hset("{podcrawler}:episodes:entries", first, redis.hget("{podcrawler}:episodes:entries", second))
    ended = fleet.drain()
    assert ended.status == 1
    assert len(fleet.files()) == 1
    assert f"failed {first.decode()} [unreadable]: An entry of the queue is about another episode" in ended.err


def test_the_state_of_an_idle_queue_is_small(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    assert fleet.drain("-a", f"address={origin.address}/feed.xml?episodes=50&size=10").status == 0
    hashes = {key.decode() for key in redis.scan_iter("{podcrawler}:episodes:*")}
    assert hashes == {"{podcrawler}:episodes:order"}


@pytest.mark.parametrize("seed", ["http://[::1]ü/x", "[" * 200_000])
def test_no_seed_ends_a_node(fleet: Commands, redis: Client, origin: RunningOrigin, seed: str) -> None:
    redis.rpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=1&size=10", seed)
    ended = fleet.drain()
    assert ended.status == 1
    assert len(fleet.files()) == 1
    assert "[unreadable]" in ended.err
    assert "Traceback" not in ended.err


def test_a_node_that_an_extension_closes_releases_its_leases(
    fleet: Commands, redis: Client, origin: RunningOrigin
) -> None:
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=9&size=1000000&stall_after=1000")
    ended = fleet.run("crawl", "episodes", "-s", "CLOSESPIDER_TIMEOUT=10", *AT_ONCE)
    assert ended.status == 1
    assert redis.zcard("{podcrawler}:episodes:leases") == 0
    assert redis.zcard("{podcrawler}:episodes:pending:127.0.0.1") == 9
    assert fleet.files() == {}


def test_a_node_stops_although_redis_is_away(commands: Commands, origin: RunningOrigin) -> None:
    server = EmbeddedServer(commands.folder / "own")
    commands.environment["REDIS_URL"] = url = server.enter()
    with Redis.from_url(url) as client:
        client.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=9&size=1000000&stall_after=1000")
    with commands.start("crawl", "episodes", *AT_ONCE) as node:
        until(lambda: sum(path.startswith("/bytes/") for path in origin.counts()) == 8)
        server.leave()
        node.terminate()
        _, log = node.communicate(timeout=60)
    assert node.returncode == 130
    assert "runs out by itself" in log
