"""Programs under measurement: real processes in an empty folder, on a Valkey of their own."""

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

#: Seconds between two looks at the memory of a process.
_SAMPLE = 0.05


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process took."""

    #: Wall clock.
    seconds: float
    #: Peak of the resident memory.
    megabytes: float
    #: Of all processors, in user space and in the kernel.
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Place:
    """An empty folder and an empty Redis."""

    folder: Path
    redis: Redis
    environment: dict[str, str]

    def start(self, *command: str) -> "subprocess.Popen[bytes]":
        """Start a Python module with arguments; what it prints goes to the file ``log``."""
        return self.spawn([sys.executable, "-m", *command])

    def spawn(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> "subprocess.Popen[bytes]":
        """Start any program, with variables added to the environment."""
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
        return (self.folder / "log").read_text()


@contextmanager
def place(kept_in: Path | None = None) -> Iterator[Place]:
    """A place that is gone when the block ends; with ``kept_in`` its files stay, in a folder of that one."""
    folder = Path(tempfile.mkdtemp(prefix="podcrawler-bench-", dir=kept_in))
    server = EmbeddedServer(folder / "valkey")
    url = server.enter()
    root = str(Path(__file__).parent.parent)
    environment = {**os.environ, "REDIS_URL": url, "PYTHONPATH": root}
    try:
        here = Place(folder, Redis.from_url(url), environment)
        try:
            yield here
        except SystemExit:
            sys.stderr.write(here.log()[-5000:])
            raise
    finally:
        server.leave()
        if kept_in is None:
            shutil.rmtree(folder)


def wait(processes: Sequence["subprocess.Popen[bytes]"]) -> list[Usage]:
    """Wait for the processes; what each took, as the operating system counted it."""
    started = time.monotonic()
    left = {os.pidfd_open(process.pid): process for process in processes}
    peaks = dict.fromkeys((process.pid for process in processes), 0.0)
    usages: dict[int, Usage] = {}
    while left:
        ended, _, _ = select.select(left, [], [], _SAMPLE)
        for process in left.values():
            peaks[process.pid] = max(peaks[process.pid], memory(process.pid, "VmHWM"))
        for descriptor in ended:
            process = left.pop(descriptor)
            os.close(descriptor)
            # The peak that wait4 tells is never below that of this process, which every child begins as.
            _, status, taken = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise SystemExit(f"{process.args!r} ended with status {process.returncode}")
            seconds = time.monotonic() - started
            usages[process.pid] = Usage(seconds, peaks[process.pid], taken.ru_utime + taken.ru_stime)
    return [usages[process.pid] for process in processes]


def memory(pid: int, kind: str) -> float:
    """The resident memory of a process and its children in MB: ``VmRSS`` now, or ``VmHWM``, the sum of what each had at
    most so far; 0 when it has ended."""
    return _memory(pid, kind, parent=b"")


def _memory(pid: int, kind: str, parent: bytes) -> float:
    """As ``memory``; ``parent`` is the command of the process that started it."""
    process = Path(f"/proc/{pid}")
    try:
        command = (process / "cmdline").read_bytes()
        status = (process / "status").read_text()
        children = " ".join(path.read_text() for path in process.glob("task/*/children")).split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    # Until a child has begun its own program its memory is that of its parent, which would count twice.
    if command == parent:
        return 0.0
    found = re.search(rf"^{kind}:\s+(\d+) kB", status, re.MULTILINE)
    own = int(found[1]) * 1024 / 1e6 if found else 0.0
    return own + sum(_memory(int(child), kind, command) for child in children)
