"""What a killed node costs: one large file, its node killed in the middle, and another node that goes on."""

import hashlib
import time
from pathlib import Path

from bench.node import Place, place, wait
from tests.origin import content, running

SIZE = 1_000_000_000


def measure() -> None:
    """one file of 1 GB, kill -9 at its half: bytes that were sent twice"""
    with running() as origin, place() as here:
        here.redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=1&size={SIZE}")
        with here.start("podcrawler", "crawl", "episodes", "-s", "PODCRAWLER_LEASE_TIME=2") as node:
            while _received(here) < SIZE // 2:
                time.sleep(0.001)
            node.kill()
        at = _received(here)
        (usage,) = wait([here.start("podcrawler", "crawl", "episodes", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1")])
        sent = sum(count for path, count in origin.sent().items() if path.startswith("/bytes/"))
        (file,) = here.folder.glob("archive/*/*.mp3")
        assert _sha256(file) == _expected()
    print(f"killed with {at / SIZE:.1%} on the disk; the rest took {usage.seconds:.1f} s, a lease of 2 s included")
    print(f"sent twice: {(sent - SIZE) / 1e6:.1f} MB, {(sent - SIZE) / SIZE:.2%} of the file")


def _received(here: Place) -> int:
    return max((path.stat().st_size for path in here.folder.glob("archive/*/*.part")), default=0)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _expected() -> str:
    digest = hashlib.sha256()
    for block in content(SIZE, 1):
        digest.update(block)
    return digest.hexdigest()
