"""The settings of scrapy-redis are honoured, or refused in a sentence with the remedy; none is ignored."""

import json

import pytest
from scrapy.settings import Settings

from podcrawler.exceptions import SettingError
from podcrawler.queue import scrapy_redis_settings
from podcrawler.queue.keys import Keys
from tests.conftest import Client, Commands, until
from tests.origin import RunningOrigin


def settings(**given: object) -> Settings:
    made = Settings()
    made.setmodule("podcrawler.settings")
    made.update(given, priority="cmdline")
    return made


def test_the_defaults_are_valid() -> None:
    scrapy_redis_settings.check(settings())
    assert scrapy_redis_settings.max_idle_seconds(settings()) == 0


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("SCHEDULER_QUEUE_CLASS", "scrapy_redis.queue.LifoQueue", "a queue of its own"),
        ("SCHEDULER_QUEUE_KEY", "%(spider)s:requests", "PODCRAWLER_NAMESPACE"),
        ("SCHEDULER_DUPEFILTER_CLASS", "scrapy_redis.dupefilter.RFPDupeFilter", "is the duplicate filter"),
        ("SCHEDULER_DUPEFILTER_KEY", "%(spider)s:dupefilter", "is the duplicate filter"),
        ("DUPEFILTER_CLASS", "scrapy_redis.dupefilter.RFPDupeFilter", "is the duplicate filter"),
        ("SCHEDULER_IDLE_BEFORE_CLOSE", "10", "use MAX_IDLE_TIME_BEFORE_CLOSE"),
        ("SCHEDULER_FLUSH_ON_START", "True", "docs/settings.md"),
        ("SCHEDULER_PERSIST", "False", "belongs to the whole fleet"),
        ("SCHEDULER_PERSIST", "perhaps", "True or False"),
        ("SCHEDULER", "scrapy_redis.scheduler.Scheduler", "podcrawler.queue.scheduler.Scheduler"),
        ("STATS_CLASS", "scrapy_redis.stats.RedisStatsCollector", "remove the setting"),
        ("REDIS_START_URLS_BATCH_SIZE", "100", "use PODCRAWLER_CONCURRENT_EPISODES"),
        ("MAX_IDLE_TIME_BEFORE_CLOSE", "soon", "write seconds"),
        ("MAX_IDLE_TIME_BEFORE_CLOSE", "-1", "write seconds"),
        ("MAX_IDLE_TIME_BEFORE_CLOSE", "nan", "write seconds"),
    ],
)
def test_a_setting_that_would_be_ignored_is_refused(name: str, value: str, remedy: str) -> None:
    with pytest.raises(SettingError) as caught:
        scrapy_redis_settings.check(settings(**{name: value}))
    assert str(caught.value).startswith(f"{name} cannot be '{value}': ")
    assert remedy in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SCHEDULER_IDLE_BEFORE_CLOSE", 0),
        ("SCHEDULER_FLUSH_ON_START", "False"),
        ("SCHEDULER_PERSIST", "1"),
        ("SCHEDULER_QUEUE_KEY", ""),
        ("REDIS_START_URLS_AS_SET", True),
        ("REDIS_START_URLS_AS_ZSET", True),
        ("MAX_IDLE_TIME_BEFORE_CLOSE", "2.5"),
    ],
)
def test_a_setting_that_says_what_podcrawler_does_anyway_is_allowed(name: str, value: object) -> None:
    scrapy_redis_settings.check(settings(**{name: value}))


@pytest.mark.parametrize("command", [("crawl", "episodes"), ("archive", "http://x/")], ids=["crawl", "archive"])
def test_a_refusal_comes_before_any_work(fleet: Commands, redis: Client, command: tuple[str, ...]) -> None:
    redis.lpush("episodes:start_urls", "http://localhost:1/feed.xml")
    ended = fleet.run(*command, "-s", "SCHEDULER_PERSIST=0")
    assert ended.status == 2
    assert ended.err.splitlines()[-1].startswith("podcrawler: SCHEDULER_PERSIST cannot be '0': ")
    assert "Traceback" not in ended.err
    assert redis.keys() == [b"episodes:start_urls"]


def test_a_node_without_work_ends_after_a_while(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=2&size=10")
    ended = fleet.run("crawl", "episodes", "-s", "MAX_IDLE_TIME_BEFORE_CLOSE=0.3")
    assert ended.status == 0, ended.err
    assert "This node ends: there was nothing to do for 0.3 seconds." in ended.err
    assert len(fleet.files()) == 2


@pytest.mark.parametrize("capacity", [1, 2], ids=["full", "with room"])
def test_a_node_that_downloads_is_not_without_work(
    fleet: Commands, redis: Client, origin: RunningOrigin, capacity: int
) -> None:
    redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=1&size=10000&stall_after=1000")
    options = (
        "MAX_IDLE_TIME_BEFORE_CLOSE=1.5",
        "PODCRAWLER_NODE_NAME=one",
        f"PODCRAWLER_CONCURRENT_EPISODES={capacity}",
    )
    with fleet.start("crawl", "episodes", *(word for option in options for word in ("-s", option))) as node:
        report = Keys().node(f"one-{node.pid}")

        def seconds() -> float:
            fields = {field: json.loads(value) for field, value in redis.hgetall(report).items()}
            return float(fields[b"seen"] - fields[b"started"]) if fields.get(b"in_hand") else 0

        until(lambda: seconds() > 0)
        begun = seconds()
        until(lambda: seconds() > begun + 3)
        assert node.poll() is None
        origin.release()
        _, log = node.communicate(timeout=30)
    assert node.returncode == 0, log
    # The time without work is counted from the end of the download.
    finished, ended = (
        next(line for line in log.splitlines() if words in line) for words in ("finished ", "This node ends")
    )
    assert ended.split()[1] > finished.split()[1]
    assert list(fleet.files().values()) == [10000]


def test_an_archive_is_not_ended_by_the_idleness_of_its_nodes(commands: Commands, origin: RunningOrigin) -> None:
    """The node of list pages has nothing to do while the episodes are downloaded."""
    address = f"{origin.address}/feed.xml?episodes=1&size=10000&rate=5000"
    ended = commands.run("archive", address, "-s", "MAX_IDLE_TIME_BEFORE_CLOSE=0.2")
    assert ended.status == 0, ended.err
    assert "This node ends" not in (commands.archive / ".podcrawler" / "logs" / "podcasts.log").read_text()
