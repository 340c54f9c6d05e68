"""How network latency to Redis slows a node down, compared with plain scrapy-redis over the same link.

The link is a proxy process that delays data by half a round trip in each direction (tests/chaos/proxy.py). Both use the
same kind of embedded Valkey and are timed from the start of the process. Plain scrapy-redis is set up as in its README:
its spider, scheduler and duplicate filter, and Scrapy's FilesPipeline. It cannot tell when all work is done, so its
time ends when its last file was written. It runs once only, because it takes minutes.
"""

import statistics
import textwrap
import time
from collections.abc import Iterator

from bench.node import Sandbox, open_sandbox, wait
from bench.result import Options, Result
from tests.chaos.proxy import running as link
from tests.origin import running

EPISODES, SIZE = 400, 1_000_000
ROUND_TRIPS_MS = (0, 20, 100)

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
            # Scrapy 2.13 and later do not call start_requests().
            for request in self.next_requests():
                yield request

        def parse(self, response):
            # One request per episode, as a site with episode pages needs; HEAD, because these have no page.
            for enclosure in response.xpath("//enclosure"):
                yield scrapy.Request(enclosure.attrib["url"], method="HEAD", callback=self.parse_episode)

        def parse_episode(self, response):
            yield {"file_urls": [response.url]}
"""


def measure(options: Options) -> Result:
    """a feed of 400 episodes of 1 MB with Redis at round trips of 0, 20 and 100 ms: run time of one node"""
    episodes = 20 if options.small else EPISODES
    ours: dict[int, list[float]] = {ms: [] for ms in ROUND_TRIPS_MS}
    theirs: dict[int, list[float]] = {}
    with running() as origin:
        address = f"{origin.address}/feed.xml?episodes={episodes}&size={SIZE}"
        for _ in range(options.repetitions):
            for ms in ROUND_TRIPS_MS:
                ours[ms].append(_podcrawler(address, episodes, ms / 1000))
        for ms in ROUND_TRIPS_MS:
            theirs[ms] = [_scrapy_redis(address, episodes, ms / 1000)]
    return Result(
        title="The distance to Redis",
        about=f"A feed of {episodes} episodes of {SIZE / 1e6:g} MB, from the start of one node to its exit, by the "
        f"round trip to Redis. podcrawler: the median of {options.repetitions}. Plain scrapy-redis with Scrapy's "
        "FilesPipeline: a single run, until its last file was written, because it cannot tell when all work is done.",
        commands=["podcrawler crawl episodes -s PODCRAWLER_EXIT_WHEN_DONE=1", "scrapy runspider feeds.py"],
        head=("program", "round trip, ms", "seconds", "fastest", "slowest", "times that of near"),
        rows=[*_rows("podcrawler", ours), *_rows("scrapy-redis", theirs)],
    )


def _rows(name: str, runs: dict[int, list[float]]) -> Iterator[tuple[str, ...]]:
    near = statistics.median(runs[0])
    for ms, seconds in runs.items():
        middle = statistics.median(seconds)
        yield name, str(ms), *(f"{found:.1f}" for found in (middle, min(seconds), max(seconds))), f"{middle / near:.2f}"


def _podcrawler(address: str, episodes: int, round_trip: float) -> float:
    with open_sandbox() as sandbox, link(sandbox.environment["REDIS_URL"], round_trip / 2) as redis:
        sandbox.redis.lpush("episodes:start_urls", address)
        sandbox.environment["REDIS_URL"] = redis.url
        started = time.monotonic()
        wait([sandbox.start("podcrawler", "crawl", "episodes", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1")])
        seconds = time.monotonic() - started
        _check(sandbox, "archive/*/*.mp3", episodes)
        return seconds


def _scrapy_redis(address: str, episodes: int, round_trip: float) -> float:
    with open_sandbox() as sandbox, link(sandbox.environment["REDIS_URL"], round_trip / 2) as redis:
        sandbox.redis.lpush("feeds:start_urls", address)
        script = sandbox.folder / "feeds.py"
        script.write_text(textwrap.dedent(_SCRAPY_REDIS))
        started = time.time()
        wait([sandbox.start("scrapy", "runspider", str(script), "-s", f"REDIS_URL={redis.url}")])
        _check(sandbox, "files/full/*.mp3", episodes)
        return max(path.stat().st_mtime for path in sandbox.folder.glob("files/full/*.mp3")) - started


def _check(sandbox: Sandbox, pattern: str, episodes: int) -> None:
    sizes = [path.stat().st_size for path in sandbox.folder.glob(pattern)]
    assert sizes == [SIZE] * episodes, len(sizes)
