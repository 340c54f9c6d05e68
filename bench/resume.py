"""How much is transferred twice when a node is killed in the middle of a large file and another node resumes it."""

import hashlib
import time
from pathlib import Path

from bench.node import Sandbox, open_sandbox, wait
from bench.result import Options, Result
from tests.origin import content, running

SIZE = 1_000_000_000
#: Bytes that podcrawler may buffer before it writes.
BLOCK = 1024 * 1024


def measure(options: Options) -> Result:
    """one file of 1 GB, its node killed (kill -9) halfway: bytes that were sent twice"""
    size = SIZE // 10 if options.small else SIZE
    with running() as origin, open_sandbox() as sandbox:
        # The server pauses once at the half, so that no data is left in socket buffers, which a kill always loses.
        pause = f"stall_after={size // 2}&only_first=1"
        sandbox.redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=1&size={size}&{pause}")
        with sandbox.start("podcrawler", "crawl", "episodes", "-s", "PODCRAWLER_LEASE_TIME=2") as node:
            while _received(sandbox) < size // 2 - BLOCK:
                time.sleep(0.001)
            node.kill()
        killed_at = _received(sandbox)
        (usage,) = wait([sandbox.start("podcrawler", "crawl", "episodes", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1")])
        sent = sum(count for path, count in origin.sent().items() if path.startswith("/bytes/"))
        (file,) = sandbox.folder.glob("archive/*/*.mp3")
        assert _sha256(file) == _expected(size)
    twice = sent - size
    return Result(
        title="A killed node",
        about=f"One file of {size / 1e6:g} MB; its node is killed (`kill -9`) halfway, where the server pauses so "
        "that no data is in socket buffers, and another node resumes. A single run; the seconds are those of the "
        "second node and include waiting for a lease of 2 seconds to expire.",
        commands=["podcrawler crawl episodes -s PODCRAWLER_EXIT_WHEN_DONE=1"],
        head=("killed at", "seconds for the rest", "MB sent twice", "of the file"),
        rows=[(f"{killed_at / size:.1%}", f"{usage.seconds:.1f}", f"{twice / 1e6:.1f}", f"{twice / size:.2%}")],
    )


def _received(sandbox: Sandbox) -> int:
    """Size of the part file. Leaves out checkpoints, which are replaced all the time and may vanish before ``stat``."""
    parts = [path for path in sandbox.folder.glob("archive/*/*.part") if not path.name.endswith(".json.part")]
    return max((path.stat().st_size for path in parts), default=0)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _expected(size: int) -> str:
    digest = hashlib.sha256()
    for block in content(size, 1):
        digest.update(block)
    return digest.hexdigest()
