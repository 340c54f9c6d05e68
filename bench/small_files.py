"""Episodes per second that a node archives from a large feed of small files, compared with podcast-archiver.

Measured from the first finished file to the last, so that starting up and reading the feed do not count. The times are
the ids of the events stream (Redis's clock) for podcrawler, and the modification times of the files for other programs.
The files of all runs are kept until the last run has ended, and the runs are spread over the disk: for minutes, ext4
creates files slowly next to thousands of deleted ones, for every program, and podcast-archiver's database creates and
deletes a journal for each file.
"""

import statistics
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from bench import rivals
from bench.nginx import Host, serving
from bench.node import Sandbox, open_sandbox, wait
from bench.result import Options, Result
from bench.rivals import Job, Program

FILES, SIZE = 3000, 20_000
_EVENTS = "{podcrawler}:events"


def measure(options: Options) -> Result:
    """3,000 episodes of 20 KB: episodes per second with one node and with two, compared with podcast-archiver"""
    files = 300 if options.small else FILES
    rates: dict[str, list[float]] = {}
    shares: list[int] = []
    with serving() as host, tempfile.TemporaryDirectory(prefix="podcrawler-bench-small-") as folder:
        runs_folder = Path(folder)
        _spread(runs_folder)
        host.add("small", files, SIZE)
        for _ in range(options.repetitions):
            for nodes in (1, 2):
                rate, shares = _podcrawler(host, files, nodes, runs_folder)
                rates.setdefault(_row_name(nodes), []).append(rate)
            for concurrency in (8, 32):
                if program := rivals.podcast_archiver(options.rivals, concurrency):
                    theirs = _rival(program, host, files, runs_folder)
                    rates.setdefault(f"podcast-archiver, {concurrency} at once", []).append(theirs)
            rates.setdefault("Scrapy FilesPipeline on scrapy-redis", []).append(
                _rival(rivals.scrapy_redis(), host, files, runs_folder)
            )
            print(" ".join(f"{name}: {found[-1]:.0f}/s" for name, found in rates.items()), file=sys.stderr, flush=True)
    medians = {name: statistics.median(found) for name, found in rates.items()}
    best = max((rate for name, rate in medians.items() if "archiver" in name), default=None)
    return Result(
        title="Small files",
        about=(
            f"One feed of {files} episodes of {SIZE / 1000:g} KB, from nginx on the same machine. Episodes per second "
            "from the first finished episode to the last, so that starting up and reading the feed do not count; the "
            f"median of {options.repetitions}. podcrawler calls `fsync` for each file and for its folder before the "
            "episode counts as finished, podcast-archiver for the file; podcrawler's Redis syncs its append-only file "
            "at each write (`appendfsync always`). Scrapy's own pipeline does neither, and downloads all files of one "
            "item into the memory of one process: it shows how much of the time is Scrapy's. The runs are spread over "
            "the disk, because for minutes ext4 creates files slowly next to thousands of deleted ones."
        ),
        commands=["podcrawler crawl episodes -s PODCRAWLER_EXIT_WHEN_DONE=1 -s PODCRAWLER_HOST_CONNECTIONS=1000"],
        head=("program", "episodes a second", "slowest", "fastest", "to podcast-archiver's best"),
        rows=[
            (
                name,
                f"{median:.0f}",
                f"{min(rates[name]):.0f}",
                f"{max(rates[name]):.0f}",
                f"{median / best:.2f}" if best else "",
            )
            for name, median in medians.items()
        ],
        findings=_findings(medians, best, shares),
    )


def _spread(folder: Path) -> None:
    """Make ext4 place each subfolder in another part of the disk (the attribute T of chattr(1))."""
    with suppress(FileNotFoundError):
        subprocess.run(["chattr", "+T", folder], check=False, stderr=subprocess.DEVNULL)


def _row_name(count: int) -> str:
    return "podcrawler, one node" if count == 1 else f"podcrawler, {count} nodes"


def _podcrawler(host: Host, files: int, nodes: int, runs_folder: Path) -> tuple[float, list[int]]:
    """Episodes per second, and the number of episodes that each node finished."""
    with open_sandbox(runs_folder) as sandbox:
        # The programs that it is compared with know no limit of all nodes together.
        options = ("-s", "PODCRAWLER_EXIT_WHEN_DONE=1", "-s", "PODCRAWLER_HOST_CONNECTIONS=1000")
        wait([sandbox.start("podcrawler", "crawl", "podcasts", "-a", f"address={host.feed('small')}", *options)])
        wait(
            [
                sandbox.start("podcrawler", "crawl", "episodes", *options, "-s", f"LOG_FILE={n}.log")
                for n in range(nodes)
            ]
        )
        shares = [(sandbox.folder / f"{n}.log").read_text().count("] INFO: finished ") for n in range(nodes)]
        _check(list(sandbox.folder.glob("archive/*/*.mp3")), files)
        return _rate(_finished_at(sandbox)), shares


def _finished_at(sandbox: Sandbox) -> list[float]:
    """Time at which each episode was finished, in seconds since the epoch."""
    # redis-py's types include str, which this client never returns.
    events: Any = sandbox.redis.xrange(_EVENTS)
    return [int(event_id.partition(b"-")[0]) / 1000 for event_id, fields in events if fields.get(b"path")]


def _rival(program: Program, host: Host, files: int, runs_folder: Path) -> float:
    """Episodes per second, by the modification times of the program's files."""
    with open_sandbox(runs_folder) as sandbox:
        wait([program.start(Job(sandbox, host, "small", "http", files))])
        paths = list(sandbox.folder.glob(program.pattern))
        _check(paths, files)
        return _rate([path.stat().st_mtime_ns / 1e9 for path in paths])


def _check(paths: list[Path], files: int) -> None:
    sizes = [path.stat().st_size for path in paths]
    assert sizes == [SIZE] * files, (len(sizes), set(sizes))


def _rate(times: list[float]) -> float:
    """Files per second from the first to the last of ``times`` (seconds)."""
    return (len(times) - 1) / (max(times) - min(times))


def _findings(medians: dict[str, float], best: float | None, shares: list[int]) -> list[str]:
    findings = [f"The two nodes finished {' and '.join(map(str, shares))}."]
    if best:
        for nodes, least in ((1, 1.5), (2, 2.5)):
            ratio = medians[_row_name(nodes)] / best
            findings.append(f"{_row_name(nodes)}: {ratio:.2f} times the rate; the target is at least {least:g}.")
    return findings
