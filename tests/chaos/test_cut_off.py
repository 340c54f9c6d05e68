"""A node that is cut off from Redis, or hangs, for longer than its leases last: others do its work, and it knows."""

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from tests.builders import finished_episodes, media_requests
from tests.chaos import proxy
from tests.chaos.crew import Crew, Feed, Watcher, check_archive, crew_of, done, media_files
from tests.conftest import Client, Commands, until
from tests.origin import RunningOrigin

AWAY = "Redis does not answer ("
#: What a node logs for each episode that it has recorded.
RECORDED = "] INFO: finished "
SHORT_LEASES = ("-s", "PODCRAWLER_LEASE_TIME=3", "-s", "PODCRAWLER_HEARTBEAT=0.5")


@pytest.fixture
def link(valkey_url: str) -> Iterator[proxy.RunningProxy]:
    with proxy.running(valkey_url) as link:
        yield link


@pytest.fixture
def crew(fleet: Commands) -> Iterator[Crew]:
    with crew_of(fleet, *SHORT_LEASES) as crew:
        yield crew


def stalled(feed: Feed, origin: RunningOrigin) -> str:
    """The feed's address, with transfers that wait for the origin's release."""
    return f"{feed.address(origin)}&stall_after=1000"


def now_ms(redis: Client) -> int:
    """The time as Redis has it."""
    seconds, microseconds = redis.time()
    return int(seconds * 1000 + microseconds // 1000)


def part_sizes(crew: Crew) -> list[int]:
    parts = crew.commands.archive.glob("*/episode-*.part")
    return [path.stat().st_size for path in parts if not path.name.endswith(".json.part")]


def test_the_episodes_of_a_node_that_is_cut_off_are_done_by_another(
    crew: Crew, redis: Client, origin: RunningOrigin, link: proxy.RunningProxy
) -> None:
    feed, later = Feed("alpha", 24, 300_000), Feed("beta", 4, 200_000)
    watcher = Watcher(crew.commands.archive, [feed, later])
    with watcher.watching():
        cut_off = crew.start("episodes", REDIS_URL=link.url)
        redis.lpush("episodes:start_urls", stalled(feed, origin))
        until(lambda: media_requests(origin) == 8)
        link.cut()
        until(lambda: redis.zcount("{podcrawler}:episodes:leases", "-inf", now_ms(redis)) == 8)
        origin.release()
        # They are whole now, and must not be published: nobody knows any more whose they are.
        until(lambda: part_sizes(crew) == [feed.size] * 8)
        other = crew.start("episodes")
        until(lambda: done(redis, [feed]))
        until(lambda: other.log.count(RECORDED) == 24)
        assert media_requests(origin) == 8 + 24
        link.mend()
        until(lambda: "Redis answers again" in cut_off.log)
        until(lambda: not list(crew.commands.archive.glob("*/*.part")))
        crew.nodes.remove(other)
        other.process.terminate()
        assert other.process.wait(30) == 130
        redis.lpush("episodes:start_urls", later.address(origin))
        until(lambda: done(redis, [feed, later]))
        assert crew.dismiss() == [130]
    assert watcher.broken == []
    check_archive(crew.commands, redis, [feed, later])
    assert cut_off.log.count(RECORDED) == later.episodes
    assert cut_off.log.count(AWAY) == 1
    assert "Traceback" not in crew.log()


def test_what_was_published_before_the_lease_ran_out_is_adopted(
    crew: Crew, redis: Client, origin: RunningOrigin, link: proxy.RunningProxy
) -> None:
    feed = Feed("alpha", 5, 300_000)
    watcher = Watcher(crew.commands.archive, [feed])
    with watcher.watching():
        cut_off = crew.start("episodes", REDIS_URL=link.url)
        redis.lpush("episodes:start_urls", stalled(feed, origin))
        until(lambda: media_requests(origin) == 5)
        link.cut()
        origin.release()
        until(lambda: len(media_files(crew.commands.archive)) == 5)
        assert finished_episodes(redis) == 0
        crew.start("episodes")
        until(lambda: done(redis, [feed]))
        link.mend()
        until(lambda: "Redis answers again" in cut_off.log)
        assert crew.dismiss() == [130, 130]
    assert watcher.broken == []
    check_archive(crew.commands, redis, [feed])
    assert media_requests(origin) == 5


def test_an_answer_that_did_not_arrive_takes_no_leases_away(
    crew: Crew, redis: Client, origin: RunningOrigin, link: proxy.RunningProxy
) -> None:
    """What a node asked before it was cut off reaches Redis afterwards, beside what it asks again."""
    feed = Feed("alpha", 20, 300_000)
    node = crew.start(
        "episodes",
        "-s",
        "PODCRAWLER_CONCURRENT_EPISODES=20",
        "-s",
        "PODCRAWLER_HOST_CONNECTIONS=20",
        REDIS_URL=link.url,
    )
    until(lambda: redis.zcard("{podcrawler}:nodes") == 1)
    link.cut()
    other = crew.start("podcasts", "-a", f"address={stalled(feed, origin)}", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1")
    assert other.process.wait(30) == 0
    until(lambda: AWAY in node.log)
    link.mend()
    until(lambda: media_requests(origin) == 20)
    assert redis.hgetall("{podcrawler}:episodes:expiries") == {}


#: A component of a user's that holds the event loop, at the first bytes of a file, until the file ``awake`` is there.
WEDGE = """
    import pathlib
    import time

    from scrapy import signals


    class Wedge:
        happened = False

        @classmethod
        def from_crawler(cls, crawler):
            self = cls()
            crawler.signals.connect(self.received, signal=signals.bytes_received)
            return self

        def received(self, request):
            if "/bytes/" in request.url and not self.happened:
                self.happened = True
                pathlib.Path("wedged").touch()
                while not pathlib.Path("awake").exists():
                    time.sleep(0.02)
"""


@pytest.mark.parametrize("other_is_done", [True, False])
def test_a_node_that_hangs_records_nothing_that_another_has(
    crew: Crew, redis: Client, origin: RunningOrigin, other_is_done: bool
) -> None:
    feed = Feed("alpha", 2, 300_000, rate=150_000)
    folder: Path = crew.commands.folder
    (folder / "wedge.py").write_text(dedent(WEDGE))
    watcher = Watcher(crew.commands.archive, [feed])
    with watcher.watching():
        wedged = crew.start("episodes", "-s", 'EXTENSIONS={"wedge.Wedge": 0}', PYTHONPATH=str(folder))
        redis.lpush("episodes:start_urls", feed.address(origin))
        until((folder / "wedged").exists)
        asked = media_requests(origin)
        other = crew.start("episodes")
        if other_is_done:
            until(lambda: done(redis, [feed]))
        else:
            until(lambda: media_requests(origin) == asked + 2)
        (folder / "awake").touch()
        until(lambda: done(redis, [feed]))
        assert crew.dismiss() == [130, 130]
    assert watcher.broken == []
    check_archive(crew.commands, redis, [feed])
    assert (wedged.log.count(RECORDED), other.log.count(RECORDED)) == (0, 2)
    assert "Traceback" not in crew.log()
