"""How fast large files get to the disk, and what that takes, beside other programs in the same run.

Whole programs are measured, from the start of the process to its end and to that of a sync of the file system, so that
what is left in memory by one is not faster than what another has brought to the disk.
"""

import hashlib
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import rivals
from bench.nginx import Host, serving
from bench.node import Usage, place, wait
from bench.result import Options, Result
from bench.rivals import Job, Program

FILES, SIZE = 48, 100_000_000
SCHEMES = ("http", "https")


@dataclass(frozen=True, slots=True)
class _Medians:
    seconds: float
    cpu_seconds: float
    #: The most of all runs.
    megabytes: float


def measure(options: Options) -> Result:
    """many files of 100 MB from nginx on loopback: podcrawler beside other programs"""
    files, size = (12, 10_000_000) if options.small else (_files_that_fit(), SIZE)
    programs, missing = _programs(options.rivals)
    usages: dict[tuple[str, str], list[Usage]] = {}
    commands: dict[str, str] = {}
    with serving() as host:
        host.add("files", files, size)
        for repetition in range(options.repetitions):
            for scheme in SCHEMES:
                # Whoever comes first in one repetition comes last in the next.
                turn = repetition % len(programs)
                for program in [*programs[turn:], *programs[:turn]]:
                    usage, command = _run(program, host, scheme, files, size)
                    usages.setdefault((scheme, program.name), []).append(usage)
                    commands[program.name] = command
                    print(f"{scheme} {program.name}: {usage.seconds:.2f} s", file=sys.stderr, flush=True)
    medians = {
        key: _Medians(
            statistics.median(usage.seconds for usage in measured),
            statistics.median(usage.cpu_seconds for usage in measured),
            max(usage.megabytes for usage in measured),
        )
        for key, measured in usages.items()
    }
    return Result(
        title="Throughput",
        about=(
            f"{files} files of {size / 1e6:g} MB that do not compress, from nginx on the same machine (`sendfile on`, "
            f"4 workers), {rivals.AT_ONCE} at once, but for wget, which has one. Seconds are from the start of the "
            "program to its end and that of a `sync` of the file system; the order rotates; the median of "
            f"{options.repetitions}. Memory is the resident peak of the processes in any run, CPU counts that of Redis "
            "in. Certificates are checked. Each result was complete: all sizes, and the SHA-256 of a sample. "
            f"{_versions(programs)}{_missing(missing)}"
            + ("" if options.small or files == FILES else f" {FILES} files did not fit on the disk twice.")
        ),
        commands=list(commands.values()),
        head=("program", "scheme", "seconds", "MB/s", "memory, MB", "CPU seconds", "time to podcrawler's"),
        rows=[
            (
                name,
                scheme,
                f"{median.seconds:.2f}",
                f"{files * size / 1e6 / median.seconds:.0f}",
                f"{median.megabytes:.0f}",
                f"{median.cpu_seconds:.2f}",
                f"{median.seconds / medians[scheme, 'podcrawler'].seconds:.2f}",
            )
            for (scheme, name), median in sorted(medians.items(), key=lambda item: (item[0][0], item[1].seconds))
        ],
        findings=_findings(medians),
    )


def _programs(folder: Path) -> tuple[list[Program], list[str]]:
    """Those that are there, and the names of those that are not."""
    found = {
        **rivals.downloaders(),
        "podcast-archiver": rivals.podcast_archiver(folder),
        "scrapy-redis": rivals.scrapy_redis(),
        "podcrawler": rivals.podcrawler(),
    }
    return [program for program in found.values() if program], [name for name, program in found.items() if not program]


def _run(program: Program, host: Host, scheme: str, files: int, size: int) -> tuple[Usage, str]:
    """What the program took, and its command with the names of this machine's folders taken out."""
    with place() as here:
        # What the one before left for the disk is not on this one's account.
        subprocess.run(["sync", "-f", here.folder], check=True)
        job = Job(here, host, "files", scheme, files)
        redis_before = _cpu_of_redis(job)
        started = time.monotonic()
        process = program.start(job)
        (usage,) = wait([process])
        subprocess.run(["sync", "-f", here.folder], check=True)
        seconds = time.monotonic() - started
        cpu_seconds = usage.cpu_seconds + _cpu_of_redis(job) - redis_before
        _check(list(here.folder.glob(program.pattern)), files, size, host.folder / "files" / "0.mp3")
        assert isinstance(process.args, list)
        private = {
            job.certificate: "certificate.pem",
            host.addresses[scheme]: f"{scheme}://HOST",
            here.environment["REDIS_URL"]: "unix://SOCKET",
        }
        return Usage(seconds, usage.megabytes, cpu_seconds), _without(private, process.args)


def _without(private: Mapping[str, str], command: Sequence[str]) -> str:
    line = shlex.join([Path(command[0]).name, *command[1:]])
    for name, public in private.items():
        line = line.replace(name, public)
    return line


def _cpu_of_redis(job: Job) -> float:
    told = job.here.redis.info("cpu")
    return float(told["used_cpu_sys"]) + float(told["used_cpu_user"])


def _check(paths: Sequence[Path], files: int, size: int, source: Path) -> None:
    sizes = [path.stat().st_size for path in paths]
    assert sizes == [size] * files, sizes
    with paths[len(paths) // 2].open("rb") as sample, source.open("rb") as original:
        assert hashlib.file_digest(sample, "sha256").digest() == hashlib.file_digest(original, "sha256").digest()


def _files_that_fit() -> int:
    """As many as the disk has room for twice, with a tenth to spare."""
    free = shutil.disk_usage(tempfile.gettempdir()).free
    return max(1, min(FILES, int(free * 0.9) // (2 * SIZE)))


def _versions(programs: Sequence[Program]) -> str:
    return ", ".join(f"{program.name} {program.version}" for program in programs) + "."


def _missing(names: Sequence[str]) -> str:
    return f" Not there, and left out: {', '.join(names)}." if names else ""


def _findings(medians: dict[tuple[str, str], _Medians]) -> list[str]:
    findings = []
    for scheme in SCHEMES:
        ours = medians[scheme, "podcrawler"]
        for name, most in (("aria2c", 1.0), ("curl", 1.3)):
            if theirs := medians.get((scheme, name)):
                ratio = ours.seconds / theirs.seconds
                findings.append(f"{scheme}: {ratio:.2f} times the time of {name}; the target is at most {most:g}.")
    peak = max(median.megabytes for (_, name), median in medians.items() if name == "podcrawler")
    return [*findings, f"Peak memory of the node: {peak:.0f} MB; the target is at most 150."]
