"""How long good feeds take that are read among hostile documents, compared with the same feeds alone."""

import time
from collections.abc import Callable, Sequence
from statistics import median
from urllib.parse import quote

from bench.node import Sandbox, open_sandbox
from bench.result import Options, Result
from tests.reading.hostile_answers import MAX_SIZE
from tests.reading.publisher import ENDINGS, publishing

FEEDS, EPISODES = 10, 2000
_PAUSE = 0.01


def measure(options: Options) -> Result:
    """ten good feeds among hostile documents and answers: the time until all are read, compared with alone"""
    episodes = EPISODES // 10 if options.small else EPISODES
    with publishing() as publisher:
        hostile = [f"{publisher}/{quote(name)}" for name in ENDINGS if not name.startswith("site/")]
        good = [f"{publisher}/good%20{number}?{episodes}" for number in range(FEEDS)]
        runs = [(_seconds(good, []), _seconds(good, hostile)) for _ in range(options.repetitions)]
    alone, among = (median(seconds) for seconds in zip(*runs, strict=True))
    return Result(
        title="Good feeds among hostile documents",
        about=f"{FEEDS} feeds of {episodes} episodes each that are pushed to a node, alone, and "
        f"while it works on {len(hostile)} documents and answers that were made to stop it (tests/reading): the time "
        f"until all feeds are read. Medians of {options.repetitions} runs.",
        commands=[f"podcrawler crawl podcasts -s DOWNLOAD_MAXSIZE={MAX_SIZE}"],
        head=("feeds", "seconds"),
        rows=[("alone", f"{alone:.2f}"), ("among hostile documents", f"{among:.2f}")],
        findings=[f"They take {among / alone:.2f} times as long among hostile documents."],
    )


def _seconds(good: Sequence[str], hostile: Sequence[str]) -> float:
    with open_sandbox() as sandbox:
        node = sandbox.start("podcrawler", "crawl", "podcasts", "-s", f"DOWNLOAD_MAXSIZE={MAX_SIZE}")
        try:
            _until(lambda: sandbox.redis.zcard("{podcrawler}:nodes"))
            if hostile:
                sandbox.redis.lpush("podcasts:start_urls", *hostile)
                _until(lambda: _ended(sandbox) > FEEDS)
            begun = time.monotonic()
            # In front of the hostile ones that wait.
            sandbox.redis.rpush("podcasts:start_urls", *good)
            _until(lambda: sandbox.redis.exists(*(f"{{podcrawler}}:visit:{one}" for one in good)) == len(good))
            return time.monotonic() - begun
        finally:
            node.kill()
            node.wait()


def _ended(sandbox: Sandbox) -> int:
    """How many addresses have ended, well or not."""
    failed = sandbox.redis.hlen("{podcrawler}:podcasts:failed")
    return int(failed) + sum(1 for _ in sandbox.redis.scan_iter("{podcrawler}:visit:*"))


def _until(condition: Callable[[], object]) -> None:
    while not condition():
        time.sleep(_PAUSE)
