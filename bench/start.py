"""What it costs to start: whole programs, from the start of the process until it has exited, and their CPU time.

CPU time is that of all descendants: this process adopts those whose parents have ended (prctl(2),
``PR_SET_CHILD_SUBREAPER``), such as reading processes, and waits for them.
"""

import compileall
import ctypes
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import podcrawler
from bench import rivals
from bench.nginx import Host, serving
from bench.node import Sandbox, open_sandbox
from bench.result import Options, Result
from bench.rivals import Job, Program

_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that ``archive`` is asked to do, and the most that it may take, as a ratio to podcast-archiver."""

    name: str
    files: int
    size: int
    most: float
    #: Whether all is there already.
    nothing_new: bool = False


_CASES = (
    Case("nothing new", 1, 1_000_000, 1.5, nothing_new=True),
    Case("one episode of 1 MB", 1, 1_000_000, 1.5),
    Case("12 of 100 MB", 12, 100_000_000, 1.0),
    Case("400 of 1 MB", 400, 1_000_000, 1.0),
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a program took, in seconds."""

    wall: float
    #: User and system, of all processes.
    cpu: float


def measure(options: Options) -> Result:
    """what starting costs: `archive` as a whole program, compared with podcast-archiver"""
    _prepare()
    costs = _archive_costs(options)
    return Result(
        title="Starting",
        about=(
            "Whole programs, from the start of the process until it has exited, with the CPU time of all of its "
            "processes: `archive`, with a Valkey of its own, and podcast-archiver, in turns, from nginx on the same "
            f"machine over http; medians of {options.repetitions}. Data of earlier runs is synced before each run. The "
            "modules of both are compiled, as installers leave them. Scrapy beside them is a spider that asks for the "
            "feed and does nothing with it: no program on Scrapy starts sooner."
        ),
        commands=["podcrawler archive ADDRESS", "podcast-archiver --concurrency 8 --quiet --feed ADDRESS ..."],
        head=("case", "program", "seconds", "CPU seconds", "time to podcast-archiver's", "CPU to podcast-archiver's"),
        rows=_archive_rows(costs),
        findings=_archive_findings(costs),
    )


def _prepare() -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    # A checkout may have been changed since it was used last, or be used without writing bytecode.
    compileall.compile_dir(Path(podcrawler.__file__).parent, quiet=1)


def run(command: Sequence[str], sandbox: Sandbox, **environment: str) -> Cost:
    """The cost of a program in the folder of the sandbox. Raises SystemExit if it exits with an error."""
    subprocess.run(["sync", "-f", sandbox.folder], check=True)
    before, started = _cpu_of_children(), time.monotonic()
    process = sandbox.spawn(command, environment)
    status = process.wait()
    wall = time.monotonic() - started
    if status:
        raise SystemExit(f"{command!r} exited with status {status}")
    return Cost(wall, _cpu_of_children() - before)


def _cpu_of_children() -> float:
    """CPU time of all children that have ended, in seconds."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


# archive


def _archive() -> Program:
    def command(job: Job) -> list[str]:
        return [sys.executable, "-m", "podcrawler", "archive", job.feed]

    return Program("podcrawler", podcrawler.__version__, command, "archive/*/*.mp3")


def _archive_costs(options: Options) -> dict[str, dict[str, Cost]]:
    """By case and program: the median cost."""
    archivers = [program for program in (_archive(), rivals.podcast_archiver(options.rivals)) if program]
    found: dict[str, dict[str, Cost]] = {}
    for case in _CASES:
        small = replace(case, files=min(case.files, 12), size=1_000_000) if options.small else case
        programs = [*archivers, rivals.scrapy_alone()] if case.nothing_new else archivers
        costs: dict[str, list[Cost]] = {program.name: [] for program in programs}
        with serving() as host:
            host.add("files", small.files, small.size)
            for _ in range(options.repetitions):
                for program in programs:
                    cost = _archive_cost(program, host, small)
                    costs[program.name].append(cost)
                    print(f"{case.name}, {program.name}: {cost}", file=sys.stderr, flush=True)
        found[case.name] = {name: _median(measured) for name, measured in costs.items()}
    return found


def _archive_cost(program: Program, host: Host, case: Case) -> Cost:
    with open_sandbox() as sandbox:
        # Both keep their own record.
        environment = {name: value for name, value in sandbox.environment.items() if name != "REDIS_URL"}
        (sandbox.folder / "files").mkdir()
        job = Job(replace(sandbox, environment=environment), host, "files", "http", case.files)
        for _ in range(2 if case.nothing_new else 1):
            cost = run(program.command(job), job.sandbox, HOME=str(sandbox.folder))
        if program.pattern:
            sizes = [path.stat().st_size for path in sandbox.folder.glob(program.pattern)]
            assert sizes == [case.size] * case.files, sizes
        return cost


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(statistics.median(cost.wall for cost in costs), statistics.median(cost.cpu for cost in costs))


def _archive_rows(costs: dict[str, dict[str, Cost]]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for case, by_program in costs.items():
        theirs = by_program.get("podcast-archiver")
        for name, cost in by_program.items():
            ratios = (f"{cost.wall / theirs.wall:.2f}", f"{cost.cpu / theirs.cpu:.2f}") if theirs else ("", "")
            rows.append((case, name, f"{cost.wall:.2f}", f"{cost.cpu:.2f}", *ratios))
    return rows


def _archive_findings(costs: dict[str, dict[str, Cost]]) -> list[str]:
    findings = []
    for case in _CASES:
        ours, theirs = costs[case.name]["podcrawler"], costs[case.name].get("podcast-archiver")
        if theirs:
            findings.append(
                f"{case.name}: {ours.wall / theirs.wall:.2f} times the time of podcast-archiver; "
                f"the target is at most {case.most:g}."
            )
    return findings
