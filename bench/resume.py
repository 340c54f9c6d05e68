"""What a killed node costs: one large file, its node killed in the middle, and another node that goes on."""

import hashlib
import time
from pathlib import Path

from bench.node import Place, place, wait
from bench.result import Options, Result
from tests.origin import content, running

SIZE = 1_000_000_000


def measure(options: Options) -> Result:
    """one file of 1 GB, kill -9 at its half: bytes that were sent twice"""
    size = SIZE // 10 if options.small else SIZE
    with running() as origin, place() as here:
        # It stalls after the half, once, so that it is still under way when this looks.
        stall = f"stall_after={size * 6 // 10}&only_first=1"
        here.redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=1&size={size}&{stall}")
        with here.start("podcrawler", "crawl", "episodes", "-s", "PODCRAWLER_LEASE_TIME=2") as node:
            while _received(here) < size // 2:
                time.sleep(0.001)
            node.kill()
        at = _received(here)
        (usage,) = wait([here.start("podcrawler", "crawl", "episodes", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1")])
        sent = sum(count for path, count in origin.sent().items() if path.startswith("/bytes/"))
        (file,) = here.folder.glob("archive/*/*.mp3")
        assert _sha256(file) == _expected(size)
    twice = sent - size
    return Result(
        title="A killed node",
        about=f"One file of {size / 1e6:g} MB; its node is killed (`kill -9`) in the middle, and another goes on. "
        "Once; the seconds are those of the second node, a lease of 2 seconds that had to run out included.",
        commands=["podcrawler crawl episodes -s PODCRAWLER_EXIT_WHEN_DONE=1"],
        head=("killed at", "seconds for the rest", "MB sent twice", "of the file"),
        rows=[(f"{at / size:.1%}", f"{usage.seconds:.1f}", f"{twice / 1e6:.1f}", f"{twice / size:.2%}")],
    )


def _received(here: Place) -> int:
    return max((path.stat().st_size for path in here.folder.glob("archive/*/*.part")), default=0)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _expected(size: int) -> str:
    digest = hashlib.sha256()
    for block in content(size, 1):
        digest.update(block)
    return digest.hexdigest()
