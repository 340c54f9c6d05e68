"""Whether the memory of a node grows with the size or with the number of the episodes that it archives."""

import signal
import sys
import time

from bench.nginx import Host, serving
from bench.node import open_sandbox, resident_mb, wait
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
        current, peak = _after_many(host, early, late)
    return Result(
        title="Flat memory",
        about=(
            "Resident memory of an episodes node and of the process that writes small files for it; nginx serves "
            "the files on the same machine. Measured are the peak while one file of each size is archived, and the "
            f"memory after {early:,} and after {late:,} episodes of {TINY} bytes from one feed, which another node has "
            "queued."
        ),
        commands=["podcrawler crawl episodes"],
        head=("what", "memory, MB", "peak until then, MB"),
        rows=[
            *((f"one file of {label}", "", f"{peak:.0f}") for label, peak in peaks.items()),
            *((f"after {count:,} episodes", f"{current[count]:.1f}", f"{peak[count]:.1f}") for count in (early, late)),
        ],
        findings=[
            f"From the smallest file to the largest: {_difference([*peaks.values()])} MB.",
            f"From {early:,} to {late:,} episodes: {_difference([current[early], current[late]])} MB.",
        ],
    )


def _difference(values: list[float]) -> str:
    return f"{values[-1] - values[0]:+.1f}"


def _peak_of_one(host: Host, label: str, size: int) -> float:
    """Peak resident memory in MB while one file of ``size`` bytes is archived."""
    name = label.replace(" ", "").lower()
    host.add(name, 1, size, sparse=True)
    with open_sandbox() as sandbox:
        options = ("-a", f"address={host.feed(name)}", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1")
        (usage,) = wait([sandbox.start("podcrawler", "crawl", "episodes", *options)])
        (path,) = sandbox.folder.glob("archive/*/*.mp3")
        assert path.stat().st_size == size, path.stat().st_size
    print(f"{label}: {usage.megabytes:.0f} MB, {usage.seconds:.1f} s", file=sys.stderr, flush=True)
    return usage.megabytes


def _after_many(host: Host, early: int, late: int) -> tuple[dict[int, float], dict[int, float]]:
    """Current and peak resident memory in MB, each by the number of finished episodes (``early`` and ``late``)."""
    host.add("tiny", late, TINY)
    current, peak = {}, {}
    with open_sandbox() as sandbox:
        exit_when_done = ("-s", "PODCRAWLER_EXIT_WHEN_DONE=1")
        wait([sandbox.start("podcrawler", "crawl", "podcasts", "-a", f"address={host.feed('tiny')}", *exit_when_done)])
        node = sandbox.start("podcrawler", "crawl", "episodes")
        for count in (early, late):
            while sum(map(sandbox.redis.hlen, sandbox.redis.keys("{podcrawler}:finished:*"))) < count:
                if node.poll() is not None:
                    raise SystemExit(f"The node exited too early, with status {node.returncode}")
                time.sleep(0.02)
            current[count], peak[count] = resident_mb(node.pid, "VmRSS"), resident_mb(node.pid, "VmHWM")
            print(f"{count} episodes: {current[count]:.1f} MB", file=sys.stderr, flush=True)
        node.send_signal(signal.SIGTERM)
        node.wait()
    return current, peak
