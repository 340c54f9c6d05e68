"""Throughput, memory and CPU time for large files, compared with other programs in the same run.

Time runs from the start of the process until it has exited and a sync of the file system has completed, so that a
program gains nothing by leaving data in the page cache.
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
from bench.node import Usage, open_sandbox, wait
from bench.result import Options, Result
from bench.rivals import Job, Program

FILES, SIZE = 48, 100_000_000
SCHEMES = ("http", "https")


@dataclass(frozen=True, slots=True)
class _Medians:
    seconds: float
    cpu_seconds: float
    #: Maximum, not median, of all runs.
    megabytes: float


def measure(options: Options) -> Result:
    """48 files of 100 MB from nginx on loopback: podcrawler compared with other programs"""
    files, size = (12, 10_000_000) if options.small else (_files_that_fit(), SIZE)
    programs, missing = _programs(options.rivals)
    usages: dict[tuple[str, str], list[Usage]] = {}
    commands: dict[str, str] = {}
    with serving() as host:
        host.add("files", files, size)
        for repetition in range(options.repetitions):
            for scheme in SCHEMES:
                # Rotated by one in each repetition, so that no program always runs first.
                first = repetition % len(programs)
                for program in [*programs[first:], *programs[:first]]:
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
            f"4 workers), {rivals.CONCURRENCY} concurrent downloads, except wget, which has one. Seconds are from the "
            "start of the program until it has exited and a `sync` of the file system has completed; the order "
            f"rotates; the median of {options.repetitions}. Memory is the highest resident peak of any "
            "run, CPU time includes that of Redis. "
            "Certificates are verified. Each result was complete: all sizes were checked, and the SHA-256 of a sample. "
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
    """The programs that are installed, and the names of those that are not."""
    found = {
        **rivals.downloaders(),
        "podcast-archiver": rivals.podcast_archiver(folder),
        "scrapy-redis": rivals.scrapy_redis(),
        "podcrawler": rivals.podcrawler(),
    }
    return [program for program in found.values() if program], [name for name, program in found.items() if not program]


def _run(program: Program, host: Host, scheme: str, files: int, size: int) -> tuple[Usage, str]:
    """Usage of the program, and its command line with the paths and addresses of this machine replaced."""
    with open_sandbox() as sandbox:
        # Otherwise writing back the data of the previous program would count for this one.
        subprocess.run(["sync", "-f", sandbox.folder], check=True)
        job = Job(sandbox, host, "files", scheme, files)
        redis_before = _cpu_of_redis(job)
        started = time.monotonic()
        process = program.start(job)
        (usage,) = wait([process])
        subprocess.run(["sync", "-f", sandbox.folder], check=True)
        seconds = time.monotonic() - started
        cpu_seconds = usage.cpu_seconds + _cpu_of_redis(job) - redis_before
        _check(list(sandbox.folder.glob(program.pattern)), files, size, host.folder / "files" / "0.mp3")
        assert isinstance(process.args, list)
        replacements = {
            job.certificate: "certificate.pem",
            host.addresses[scheme]: f"{scheme}://HOST",
            sandbox.environment["REDIS_URL"]: "unix://SOCKET",
        }
        return Usage(seconds, usage.megabytes, cpu_seconds), _replaced(process.args, replacements)


def _replaced(command: Sequence[str], replacements: Mapping[str, str]) -> str:
    line = shlex.join([Path(command[0]).name, *command[1:]])
    for private, public in replacements.items():
        line = line.replace(private, public)
    return line


def _cpu_of_redis(job: Job) -> float:
    """CPU time of the Redis server so far, in seconds."""
    info = job.sandbox.redis.info("cpu")
    return float(info["used_cpu_sys"]) + float(info["used_cpu_user"])


def _check(paths: Sequence[Path], files: int, size: int, source: Path) -> None:
    sizes = [path.stat().st_size for path in paths]
    assert sizes == [size] * files, sizes
    with paths[len(paths) // 2].open("rb") as sample, source.open("rb") as original:
        assert hashlib.file_digest(sample, "sha256").digest() == hashlib.file_digest(original, "sha256").digest()


def _files_that_fit() -> int:
    """Number of files, at most ``FILES``, that fit on the disk twice with a tenth of the free space left."""
    free = shutil.disk_usage(tempfile.gettempdir()).free
    return max(1, min(FILES, int(free * 0.9) // (2 * SIZE)))


def _versions(programs: Sequence[Program]) -> str:
    return ", ".join(f"{program.name} {program.version}" for program in programs) + "."


def _missing(names: Sequence[str]) -> str:
    return f" Not installed, and left out: {', '.join(names)}." if names else ""


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
