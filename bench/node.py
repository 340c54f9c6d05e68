"""Nodes under measurement: real processes in an empty folder, on a Valkey of their own."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from podcrawler.redis.embedded import EmbeddedServer


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process took."""

    #: Wall clock.
    seconds: float
    #: Peak of the resident memory.
    megabytes: float


@dataclass(frozen=True, slots=True)
class Place:
    """An empty folder and an empty Redis."""

    folder: Path
    redis: Redis
    environment: dict[str, str]

    def start(self, *command: str) -> "subprocess.Popen[bytes]":
        """Start a Python module with arguments; what it prints goes to the file ``log``."""
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *command], cwd=self.folder, env=self.environment, stdout=log, stderr=log
            )

    def log(self) -> str:
        return (self.folder / "log").read_text()


@contextmanager
def place() -> Iterator[Place]:
    """A place that is gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="podcrawler-bench-") as folder:
        server = EmbeddedServer(Path(folder) / "valkey")
        url = server.enter()
        root = str(Path(__file__).parent.parent)
        environment = {**os.environ, "REDIS_URL": url, "PYTHONPATH": root}
        try:
            yield Place(Path(folder), Redis.from_url(url), environment)
        finally:
            server.leave()


def wait(processes: Sequence["subprocess.Popen[bytes]"]) -> list[Usage]:
    """Wait for the processes; what each took, as the operating system counted it."""
    started = time.monotonic()
    usages = []
    for process in processes:
        _, status, taken = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{process.args!r} ended with status {process.returncode}")
        usages.append(Usage(time.monotonic() - started, taken.ru_maxrss / 1024))
    return usages
