"""How many episodes of a large feed of small files a node archives a second, beside podcast-archiver on the same feed.

Measured from the first file that was finished to the last, so that starting and reading the feed do not count: by the
ids of the stream of events, which are Redis's time, and by the times at which the files of the others were written.
The files of all runs stay until the last has ended, and the runs lie far from one another on the disk: ext4 makes new
files slowly for minutes next to thousands that were deleted, whoever asks for them, and podcast-archiver's database
makes and deletes a journal for every file.
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
from bench.node import Place, place, wait
from bench.result import Options, Result
from bench.rivals import Job, Program

FILES, SIZE = 3000, 20_000
_EVENTS = "{podcrawler}:events"


def measure(options: Options) -> Result:
    """3,000 episodes of 20 KB: episodes a second, with one node and with two, beside podcast-archiver"""
    files = 300 if options.small else FILES
    rates: dict[str, list[float]] = {}
    shares: list[int] = []
    with serving() as host, tempfile.TemporaryDirectory(prefix="podcrawler-bench-small-") as folder:
        kept = Path(folder)
        _spread(kept)
        host.add("small", files, SIZE)
        for _ in range(options.repetitions):
            for nodes in (1, 2):
                rate, shares = _podcrawler(host, files, nodes, kept)
                rates.setdefault(_nodes(nodes), []).append(rate)
            for at_once in (8, 32):
                if program := rivals.podcast_archiver(options.rivals, at_once):
                    theirs = _rival(program, host, files, kept)
                    rates.setdefault(f"podcast-archiver, {at_once} at once", []).append(theirs)
            rates.setdefault("Scrapy FilesPipeline on scrapy-redis", []).append(
                _rival(rivals.scrapy_redis(), host, files, kept)
            )
            print(" ".join(f"{name}: {found[-1]:.0f}/s" for name, found in rates.items()), file=sys.stderr, flush=True)
    medians = {name: statistics.median(found) for name, found in rates.items()}
    best = max((rate for name, rate in medians.items() if "archiver" in name), default=None)
    return Result(
        title="Small files",
        about=(
            f"One feed of {files} episodes of {SIZE / 1000:g} KB, from nginx on the same machine. Episodes a second "
            "between the first that was finished and the last, so that starting and reading the feed do not count; the "
            f"median of {options.repetitions}. podcrawler brings each file and its name to the disk before it counts "
            "as finished (`fsync`), and so does podcast-archiver with the file; podcrawler's Redis syncs its file at "
            "each write (`appendfsync always`). Scrapy's own pipeline does neither, and takes all files from one item "
            "in the memory of one process: it shows what of the time is Scrapy's. The runs lie far from one another on "
            "the disk: ext4 makes new files slowly for minutes next to thousands that were deleted."
        ),
        commands=["podcrawler crawl episodes -s PODCRAWLER_EXIT_WHEN_DONE=1"],
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
    """Have ext4 take the folders in this one for unrelated: each goes to another part of the disk."""
    with suppress(FileNotFoundError):
        subprocess.run(["chattr", "+T", folder], check=False, stderr=subprocess.DEVNULL)


def _nodes(count: int) -> str:
    return "podcrawler, one node" if count == 1 else f"podcrawler, {count} nodes"


def _podcrawler(host: Host, files: int, nodes: int, kept: Path) -> tuple[float, list[int]]:
    """Episodes a second, and how many each node finished."""
    with place(kept) as here:
        options = ("-s", "PODCRAWLER_EXIT_WHEN_DONE=1")
        wait([here.start("podcrawler", "crawl", "podcasts", "-a", f"address={host.feed('small')}", *options)])
        wait([here.start("podcrawler", "crawl", "episodes", *options, "-s", f"LOG_FILE={n}.log") for n in range(nodes)])
        shares = [(here.folder / f"{n}.log").read_text().count("] INFO: finished ") for n in range(nodes)]
        _check(list(here.folder.glob("archive/*/*.mp3")), files)
        return _rate(_finished_at(here)), shares


def _finished_at(here: Place) -> list[float]:
    """When each episode was finished, in seconds."""
    # redis-py's types allow for text where this client answers in bytes.
    events: Any = here.redis.xrange(_EVENTS)
    return [int(name.partition(b"-")[0]) / 1000 for name, told in events if told.get(b"path")]


def _rival(program: Program, host: Host, files: int, kept: Path) -> float:
    """Episodes a second, by the times at which the program's files were written."""
    with place(kept) as here:
        wait([program.start(Job(here, host, "small", "http", files))])
        paths = list(here.folder.glob(program.pattern))
        _check(paths, files)
        return _rate([path.stat().st_mtime_ns / 1e9 for path in paths])


def _check(paths: list[Path], files: int) -> None:
    sizes = [path.stat().st_size for path in paths]
    assert sizes == [SIZE] * files, (len(sizes), set(sizes))


def _rate(times: list[float]) -> float:
    return (len(times) - 1) / (max(times) - min(times))


def _findings(medians: dict[str, float], best: float | None, shares: list[int]) -> list[str]:
    findings = [f"The two nodes finished {' and '.join(map(str, shares))}."]
    if best:
        for nodes, least in ((1, 1.5), (2, 2.5)):
            ratio = medians[_nodes(nodes)] / best
            findings.append(f"{_nodes(nodes)}: {ratio:.2f} times the rate; the target is at least {least:g}.")
    return findings
