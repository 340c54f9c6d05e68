"""Commands without the second that each spends on imports: forks of one process that has imported podcrawler.

``Template`` starts that process, which is this module as a program, and asks it for forks. Each fork does what
``python -m podcrawler`` would do from there on. What is different from an interpreter of its own: the imports are done,
the parent is a keeper that the template made, strings have the hashes that they have in other forks, and modules are
not taken apart at the end. Tests that are marked as ``fresh`` start interpreters.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Protocol, Self

#: All modules of these are imported by the template: what Scrapy and podcrawler load when a command or a node starts.
_PACKAGES = ("podcrawler", "scrapy.commands", "scrapy.downloadermiddlewares", "scrapy.spidermiddlewares")
_MODULES = (
    "scrapy.cmdline",
    *(f"scrapy.extensions.{name}" for name in ("closespider", "corestats", "feedexport", "logcount", "logstats")),
    *(
        f"scrapy.extensions.{name}"
        for name in ("memdebug", "memusage", "remote_control", "spiderstate", "telnet", "throttle")
    ),
    "uvloop",
)
#: These do something when they are imported: read the environment, or run.
_NOT_IMPORTED = {"podcrawler.settings", "podcrawler.__main__"}
#: A process id, or an exit status as ``subprocess`` has it.
_NUMBER = struct.Struct("i")


class Process(Protocol):
    """What tests do with a command that runs: a fork, or a ``subprocess.Popen``. It is waited for at the end of a with
    block."""

    pid: int

    @property
    def returncode(self) -> Any: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def communicate(self, *, timeout: float | None = None) -> tuple[str, str]: ...
    def send_signal(self, number: int, /) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, kind: Any, error: Any, traceback: Any, /) -> None: ...


@dataclass(frozen=True)
class Request:
    """What a fork is to be."""

    arguments: Sequence[str]
    folder: str
    environment: Mapping[str, str]


class Forked:
    """A fork that runs a command; used as a ``subprocess.Popen`` whose output is captured."""

    def __init__(self, report: socket.socket, out: IO[str], err: IO[str]) -> None:
        """``report`` gives the process id, and later the exit status."""
        self._report, self._out, self._err = report, out, err
        self.returncode: int | None = None
        self.pid = self._number()

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            ready, _, _ = select.select([self._report], [], [], timeout)
            if not ready:
                raise subprocess.TimeoutExpired("podcrawler", timeout or 0)
            self.returncode = self._number()
        return self.returncode

    def communicate(self, *, timeout: float | None = None) -> tuple[str, str]:
        self.wait(timeout)
        for file in (self._out, self._err):
            file.seek(0)
        return self._out.read(), self._err.read()

    def send_signal(self, number: int, /) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any, /) -> None:
        self.wait()
        for closable in (self._report, self._out, self._err):
            closable.close()

    def _number(self) -> int:
        (number,) = _NUMBER.unpack(self._report.recv(_NUMBER.size, socket.MSG_WAITALL))
        return int(number)


class Template:
    """The process that is forked."""

    def __init__(self, control: socket.socket, environment: Mapping[str, str]) -> None:
        self._control = control
        self._environment = environment

    def start(self, request: Request) -> Forked:
        """Run a command in a fork, in a session of its own."""
        changed = dict(request.environment.items() ^ self._environment.items())
        assert {name for name in changed if name.startswith("PYTHON")} <= {"PYTHONPATH"}, "that needs an interpreter"
        ours, theirs = socket.socketpair()
        # To append, so that what is read here does not move where the fork writes.
        out, err = tempfile.TemporaryFile("a+"), tempfile.TemporaryFile("a+")  # noqa: SIM115 (the fork closes them)
        with theirs:
            socket.send_fds(self._control, [b"."], [theirs.fileno(), out.fileno(), err.fileno()])
        ours.sendall(json.dumps(asdict(request)).encode() + b"\n")
        return Forked(ours, out, err)


@contextmanager
def running(environment: Mapping[str, str]) -> Iterator[Template]:
    """A template, until the end of the block."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.forking"],
            cwd=Path(__file__).parent.parent,
            env=environment,
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
    with process, ours:
        yield Template(ours, environment)


# The program


def main() -> None:
    """Fork whenever it is asked to, until the tests are gone. In a fork: run podcrawler."""
    for name in (*_MODULES, *_names_of_modules()):
        importlib.import_module(name)
    assert "twisted.internet.reactor" not in sys.modules, "a fork must be able to choose"
    # Otherwise each fork would spend a quarter of a second on collecting, at its end, what was imported here.
    gc.freeze()
    with socket.socket(fileno=0) as control:
        fds = _wait_to_be_forked(control)
        control.detach()
    arguments = _become(*fds)
    _run(arguments)


def _run(arguments: Sequence[str]) -> None:
    sys.argv[1:] = arguments
    try:
        runpy.run_module("podcrawler", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if isinstance(ended.code, int):
            _end(ended.code)
        raise


def _end(status: int) -> None:
    """End as Python does, but for taking apart what the template has imported: that would copy all of its memory, and
    take most of the time of a short command."""
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 (what Python itself does first)
    atexit._run_exitfuncs()  # noqa: SLF001
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


def _names_of_modules() -> Iterator[str]:
    for package in _PACKAGES:
        path = importlib.import_module(package).__path__
        found = (module.name for module in pkgutil.walk_packages(path, f"{package}."))
        yield from (name for name in found if name not in _NOT_IMPORTED)


def _wait_to_be_forked(control: socket.socket) -> list[int]:
    """Returns in the keeper of a fork alone, with the descriptors that came with the request."""
    while True:
        asked, fds, _, _ = socket.recv_fds(control, 1, 3)
        if not asked:
            sys.exit()
        if os.fork() == 0:
            return fds
        for fd in fds:
            os.close(fd)
        # The keepers that have ended.
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass


def _become(report_fd: int, out: int, err: int) -> Sequence[str]:
    """Fork once more, and make a new program of the child; its arguments. This process waits for it, and reports how it
    ended."""
    with socket.socket(fileno=report_fd) as report, report.makefile() as lines:
        request = Request(**json.loads(lines.readline()))
        if (child := os.fork()) != 0:
            _, status = os.waitpid(child, 0)
            # The tests may be gone.
            with suppress(BrokenPipeError):
                report.sendall(_NUMBER.pack(os.waitstatus_to_exitcode(status)))
            os._exit(0)
        os.setsid()
        report.sendall(_NUMBER.pack(os.getpid()))
    for source, target in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (err, 2)):
        os.dup2(source, target)
        os.close(source)
    os.chdir(request.folder)
    os.environ.clear()
    os.environ.update(request.environment)
    path = [folder for folder in request.environment.get("PYTHONPATH", "").split(os.pathsep) if folder]
    # The first entry is the folder that `python -m` was called in.
    sys.path[:1] = [str(Path.cwd()), *path]
    importlib.invalidate_caches()
    return request.arguments


if __name__ == "__main__":
    main()
