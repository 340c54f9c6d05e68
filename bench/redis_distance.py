"""What the distance to Redis costs a node, beside plain scrapy-redis over the same link.

The link is a process that delays what passes by half a round trip each way (tests/chaos/proxy.py). Both programs run on
the same embedded Valkey, and are measured from the start of the process. What plain scrapy-redis does is as its README
shows it: its spider, scheduler and duplicate filter, and Scrapy's FilesPipeline. It knows no end of the work, so its
time is that until its last file was written; and it is run once, for it takes minutes.
"""

import statistics
import textwrap
import time

from bench.node import Place, place, wait
from tests.chaos.proxy import running as link
from tests.origin import running

EPISODES, SIZE = 400, 1_000_000
ROUND_TRIPS_MS = (0, 20, 100)
RUNS = 5

_SCRAPY_REDIS = """
    import scrapy
    from scrapy_redis.spiders import RedisSpider

    class Feeds(RedisSpider):
        name = "feeds"
        custom_settings = {
            "SCHEDULER": "scrapy_redis.scheduler.Scheduler",
            "DUPEFILTER_CLASS": "scrapy_redis.dupefilter.RFPDupeFilter",
            "ITEM_PIPELINES": {"scrapy.pipelines.files.FilesPipeline": 1},
            "FILES_STORE": "files",
            "MAX_IDLE_TIME_BEFORE_CLOSE": 1,
            "LOG_LEVEL": "WARNING",
        }

        async def start(self):
            # Scrapy 2.13 and later do not call start_requests() any more.
            for request in self.next_requests():
                yield request

        def parse(self, response):
            # One request for each episode, as for its page; no more than the head, for it has none.
            for enclosure in response.xpath("//enclosure"):
                yield scrapy.Request(enclosure.attrib["url"], method="HEAD", callback=self.parse_episode)

        def parse_episode(self, response):
            yield {"file_urls": [response.url]}
"""


def measure() -> None:
    """a feed of 400 episodes of 1 MB with Redis at 0, 20 and 100 ms: from the start of one node to its end"""
    ours: dict[int, list[float]] = {ms: [] for ms in ROUND_TRIPS_MS}
    theirs: dict[int, list[float]] = {}
    with running() as origin:
        address = f"{origin.address}/feed.xml?episodes={EPISODES}&size={SIZE}"
        for _ in range(RUNS):
            for ms in ROUND_TRIPS_MS:
                ours[ms].append(_podcrawler(address, ms / 1000))
        for ms in ROUND_TRIPS_MS:
            theirs[ms] = [_scrapy_redis(address, ms / 1000)]
    _print("podcrawler", ours)
    _print("scrapy-redis", theirs)


def _print(name: str, runs: dict[int, list[float]]) -> None:
    near = statistics.median(runs[0])
    for ms, seconds in runs.items():
        middle = statistics.median(seconds)
        spread = f", from {min(seconds):.1f} to {max(seconds):.1f}" if len(seconds) > 1 else ""
        print(f"{name}, {ms} ms: {middle:.1f} s (median of {len(seconds)}{spread}); {middle / near:.2f} of near")


def _podcrawler(address: str, round_trip: float) -> float:
    with place() as here, link(here.environment["REDIS_URL"], round_trip / 2) as redis:
        here.redis.lpush("episodes:start_urls", address)
        here.environment["REDIS_URL"] = redis.url
        started = time.monotonic()
        wait([here.start("podcrawler", "crawl", "episodes", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1")])
        seconds = time.monotonic() - started
        _check(here, "archive/*/*.mp3")
        return seconds


def _scrapy_redis(address: str, round_trip: float) -> float:
    with place() as here, link(here.environment["REDIS_URL"], round_trip / 2) as redis:
        here.redis.lpush("feeds:start_urls", address)
        script = here.folder / "feeds.py"
        script.write_text(textwrap.dedent(_SCRAPY_REDIS))
        started = time.time()
        wait([here.start("scrapy", "runspider", str(script), "-s", f"REDIS_URL={redis.url}")])
        _check(here, "files/full/*.mp3")
        return max(path.stat().st_mtime for path in here.folder.glob("files/full/*.mp3")) - started


def _check(here: Place, pattern: str) -> None:
    sizes = [path.stat().st_size for path in here.folder.glob(pattern)]
    assert sizes == [SIZE] * EPISODES, len(sizes)
