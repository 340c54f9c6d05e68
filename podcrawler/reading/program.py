"""The node's side of the program that reading processes are forks of (process.py): starts, asks and ends it.

The first one is a fork of the node itself, which has imported all that it needs, if the node has prepared that before
it has threads, an event loop and connections. Else, and when it has died, an interpreter is started, for a second.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import NamedTuple, Protocol

from podcrawler.forks import fork
from podcrawler.reading.messages import END, FORK, NUMBER, READY
from podcrawler.sites.known import load_sites, registered_by

#: What an interpreter runs. Its socket is its standard input; what comes from there first is what ``serve`` is told.
_PROGRAM = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from podcrawler.reading.program import obey
obey()
"""
#: Seconds that it may take to start, and to answer.
_TIMEOUT = 60.0
#: What it gets of the environment: nothing that might be a secret.
_ENVIRONMENT = ("LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "TZ", "TZDIR")


class _Process(Protocol):
    """The program, as a process: a ``subprocess.Popen``, or a fork."""

    pid: int

    def poll(self) -> int | None: ...
    def wait(self) -> int | None: ...


class _Started(NamedTuple):
    process: _Process
    control: socket.socket


#: What ``prepare`` made, until it is used.
_prepared: list[_Started] = []


def prepare(*, at_once: bool) -> None:
    """Fork this process for the first Program that is started in it. To be called before there are threads, an event
    loop, or connections. With ``at_once``, the fork imports what it needs before it is asked to start."""
    ours, theirs = socket.socketpair()
    with theirs:
        # In a session of its own, as the interpreter; see there.
        forked = fork(partial(_be_the_program, at_once=at_once), stdin=theirs.fileno(), output=2)
    _prepared.append(_Started(forked, ours))


def _prepared_before() -> _Started | None:
    while _prepared:
        started = _prepared.pop()
        if started.process.poll() is None:
            return started
        # Whoever stops a node may have sent the signal to all that belongs to it.
        started.control.close()
    return None


def _be_the_program(*, at_once: bool) -> int:
    if at_once:
        import_module("podcrawler.reading.process")
        load_sites()
    environment = _environment()
    os.environ.clear()
    os.environ.update(environment)
    obey()
    return 0


def obey() -> None:
    """Serve the node at the socket that is standard input as it tells; do nothing if it ends before."""
    node = socket.socket(fileno=0)
    with node.makefile() as lines:
        told = lines.readline()
    if told:
        # Only now: a node does not need it.
        from podcrawler.reading.process import serve

        serve(node, **json.loads(told))


class Fork(NamedTuple):
    """A reading process."""

    #: The program that it is a fork of.
    parent: _Process
    pid: int
    #: The node's end of their socket.
    node: socket.socket


class Program:
    """Started with its first fork, and again if it has died. Blocking; for one thread at a time. Its methods raise
    OSError if it cannot be had."""

    def __init__(self, sites: str, memory: int) -> None:
        """As ``process.serve``."""
        self._sites = sites
        self._memory = memory
        self._process: _Process | None = None
        self._control: socket.socket | None = None

    def start(self) -> socket.socket:
        """Start it unless it runs; the socket to it."""
        if self._control is None or self._process is None or self._process.poll() is not None:
            self.stop()
            self._start()
        assert self._control
        return self._control

    def fork(self) -> Fork:
        """A new reading process."""
        control = self.start()
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(control, [FORK], [theirs.fileno()])
                pid = self._answer()
        except BaseException:
            ours.close()
            self.stop()
            raise
        assert self._process
        return Fork(self._process, pid, ours)

    def end(self, fork: Fork) -> int:
        """End a reading process: its status, as ``os.waitpid`` has it."""
        if fork.parent is self._process and self._control:
            try:
                self._control.sendall(END + NUMBER.pack(fork.pid))
                return self._answer()
            except OSError:
                self.stop()
        # It ended with its parent.
        return signal.SIGKILL

    def stop(self) -> None:
        """End it, and with it all its forks."""
        if self._control:
            self._control.close()
            self._control = None
        if self._process:
            with suppress(ProcessLookupError):
                # The number is of no other group until the process has been waited for.
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _start(self) -> None:
        own = [name for name in registered_by() if not name.startswith("podcrawler.") and name != "__main__"]
        arguments = {"sites": self._sites, "modules": sorted(own), "memory": self._memory}
        self._process, self._control = _prepared_before() or _interpreter()
        self._control.settimeout(_TIMEOUT)
        try:
            self._control.sendall(json.dumps(arguments).encode() + b"\n")
            if self._control.recv(1) != READY:
                raise ChildProcessError("it ended at once")
        except OSError:
            self.stop()
            raise

    def _answer(self) -> int:
        assert self._control
        answer = self._control.recv(NUMBER.size, socket.MSG_WAITALL)
        if len(answer) < NUMBER.size:
            raise ChildProcessError("it has died")
        return int(NUMBER.unpack(answer)[0])


def _interpreter() -> _Started:
    ours, theirs = socket.socketpair()
    with theirs:
        # In a session of its own, so that Ctrl-C does not end it before the node, and its group can be ended.
        command = [sys.executable, "-I", "-c", _PROGRAM, json.dumps(sys.path)]
        process = subprocess.Popen(command, stdin=theirs.fileno(), stdout=2, env=_environment(), start_new_session=True)
    return _Started(process, ours)


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
