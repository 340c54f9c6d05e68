"""Whether the memory of a node depends on the size or on the number of what it archives."""

import signal
import sys
import time

from bench.nginx import Host, serving
from bench.node import memory, place, wait
from bench.result import Options, Result

SIZES = {"1 KB": 1000, "1 MB": 10**6, "100 MB": 10**8, "1 GB": 10**9, "4 GB": 4 * 10**9}
EARLY, LATE = 1000, 20_000
TINY = 1000


def measure(options: Options) -> Result:
    """memory of a node: one file from 1 KB to 4 GB, and 20,000 tiny ones"""
    sizes = [*SIZES.items()][: 3 if options.small else None]
    early, late = (100, 500) if options.small else (EARLY, LATE)
    with serving() as host:
        peaks = {label: _peak_of_one(host, label, size) for label, size in sizes}
        now, most = _after_many(host, early, late)
    return Result(
        title="Flat memory",
        about=(
            "Resident memory of the node of episodes and of the process that writes small files for it, from nginx on "
            "the same machine: the peak for one file of each "
            f"size, and that of one node after {early:,} and after {late:,} episodes of {TINY} bytes of one feed, that "
            "another node read."
        ),
        commands=["podcrawler crawl episodes"],
        head=("what", "memory, MB", "peak until then, MB"),
        rows=[
            *((f"one file of {label}", "", f"{peak:.0f}") for label, peak in peaks.items()),
            *((f"after {count:,} episodes", f"{now[count]:.1f}", f"{most[count]:.1f}") for count in (early, late)),
        ],
        findings=[
            f"From the smallest file to the largest: {_difference([*peaks.values()])} MB.",
            f"From {early:,} to {late:,} episodes: {_difference([now[early], now[late]])} MB.",
        ],
    )


def _difference(values: list[float]) -> str:
    return f"{values[-1] - values[0]:+.1f}"


def _peak_of_one(host: Host, label: str, size: int) -> float:
    name = label.replace(" ", "").lower()
    host.add(name, 1, size, sparse=True)
    with place() as here:
        options = ("-a", f"address={host.feed(name)}", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1")
        (usage,) = wait([here.start("podcrawler", "crawl", "episodes", *options)])
        (path,) = here.folder.glob("archive/*/*.mp3")
        assert path.stat().st_size == size, path.stat().st_size
    print(f"{label}: {usage.megabytes:.0f} MB, {usage.seconds:.1f} s", file=sys.stderr, flush=True)
    return usage.megabytes


def _after_many(host: Host, early: int, late: int) -> tuple[dict[int, float], dict[int, float]]:
    """By the number of episodes finished: the memory then, and its peak so far."""
    host.add("tiny", late, TINY)
    now, most = {}, {}
    with place() as here:
        done = ("-s", "PODCRAWLER_EXIT_WHEN_DONE=1")
        wait([here.start("podcrawler", "crawl", "podcasts", "-a", f"address={host.feed('tiny')}", *done)])
        node = here.start("podcrawler", "crawl", "episodes")
        for count in (early, late):
            while sum(map(here.redis.hlen, here.redis.keys("{podcrawler}:finished:*"))) < count:
                if node.poll() is not None:
                    raise SystemExit(f"The node ended early, with status {node.returncode}")
                time.sleep(0.02)
            now[count], most[count] = memory(node.pid, "VmRSS"), memory(node.pid, "VmHWM")
            print(f"{count} episodes: {now[count]:.1f} MB", file=sys.stderr, flush=True)
        node.send_signal(signal.SIGTERM)
        node.wait()
    return now, most
