"""Runs the measured programs as processes in an empty folder with a Valkey server of their own, and measures them."""

import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from podcrawler.redis.embedded import EmbeddedServer

#: Seconds between two samples of the memory of a process.
_SAMPLE_INTERVAL = 0.05


@dataclass(frozen=True, slots=True)
class Usage:
    """Resource usage of one process, including its children."""

    #: Wall-clock time.
    seconds: float
    #: Peak resident memory, MB of 10^6 bytes.
    megabytes: float
    #: CPU time, user and system, summed over all cores.
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A working folder and a Redis server, both empty at first, that one run has for itself."""

    folder: Path
    redis: Redis
    environment: dict[str, str]

    def start(self, *command: str) -> "subprocess.Popen[bytes]":
        """Start ``python -m command...``; its output is appended to the file ``log``."""
        return self.spawn([sys.executable, "-m", *command])

    def spawn(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> "subprocess.Popen[bytes]":
        """Start any program; ``environment`` is added to that of the sandbox. Output as in ``start``."""
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env={**self.environment, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def log(self) -> str:
        """The output of all processes so far."""
        return (self.folder / "log").read_text()


@contextmanager
def open_sandbox(keep_in: Path | None = None) -> Iterator[Sandbox]:
    """Yield a new sandbox. Its folder is deleted on exit, unless it was made inside ``keep_in``."""
    folder = Path(tempfile.mkdtemp(prefix="podcrawler-bench-", dir=keep_in))
    server = EmbeddedServer(folder / "valkey")
    url = server.enter()
    root = str(Path(__file__).parent.parent)
    environment = {**os.environ, "REDIS_URL": url, "PYTHONPATH": root}
    try:
        sandbox = Sandbox(folder, Redis.from_url(url), environment)
        try:
            yield sandbox
        except SystemExit:
            sys.stderr.write(sandbox.log()[-5000:])
            raise
    finally:
        server.leave()
        if keep_in is None:
            shutil.rmtree(folder)


def wait(processes: Sequence["subprocess.Popen[bytes]"]) -> list[Usage]:
    """Wait for the processes; returns their usage in the order given. Raises SystemExit if one exits with an error."""
    started = time.monotonic()
    running = {os.pidfd_open(process.pid): process for process in processes}
    peaks = dict.fromkeys((process.pid for process in processes), 0.0)
    usages: dict[int, Usage] = {}
    while running:
        ended, _, _ = select.select(running, [], [], _SAMPLE_INTERVAL)
        for process in running.values():
            peaks[process.pid] = max(peaks[process.pid], resident_mb(process.pid, "VmHWM"))
        for descriptor in ended:
            process = running.pop(descriptor)
            os.close(descriptor)
            # ru_maxrss is of no use: a child starts as a copy of this process, so it includes the peak of this one.
            _, status, rusage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise SystemExit(f"{process.args!r} exited with status {process.returncode}")
            seconds = time.monotonic() - started
            usages[process.pid] = Usage(seconds, peaks[process.pid], rusage.ru_utime + rusage.ru_stime)
    return [usages[process.pid] for process in processes]


def resident_mb(pid: int, kind: str) -> float:
    """Resident memory of a process and its descendants in MB, 0 if it has exited.

    ``kind`` is a field of proc_pid_status(5): ``VmRSS`` for the current memory, ``VmHWM`` for the sum of the peaks.
    """
    return _resident_mb(pid, kind, parent=b"")


def _resident_mb(pid: int, kind: str, parent: bytes) -> float:
    """As ``resident_mb``; ``parent`` is the command line of the parent process."""
    process = Path(f"/proc/{pid}")
    try:
        command = (process / "cmdline").read_bytes()
        status = (process / "status").read_text()
        children = " ".join(path.read_text() for path in process.glob("task/*/children")).split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    # Between fork and exec a child shares the memory of its parent, which would be counted twice.
    if command == parent:
        return 0.0
    found = re.search(rf"^{kind}:\s+(\d+) kB", status, re.MULTILINE)
    own = int(found[1]) * 1024 / 1e6 if found else 0.0
    return own + sum(_resident_mb(int(child), kind, command) for child in children)
