"""The node's side of the program that reading processes are forks of (process.py): starts, asks and ends it."""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from typing import NamedTuple

from podcrawler.reading.process import END, FORK, NUMBER, READY
from podcrawler.sites import all_sites

#: What is run. Its socket is its standard input, its argument what ``serve`` is told.
_PROGRAM = """
import json, socket, sys
arguments = json.loads(sys.argv[1])
sys.path[:] = arguments.pop("path")
from podcrawler.reading.process import serve
serve(socket.socket(fileno=0), **arguments)
"""
#: Seconds that it may take to start, and to answer.
_TIMEOUT = 60.0
#: What it gets of the environment: nothing that might be a secret.
_ENVIRONMENT = ("LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "TZ", "TZDIR")


class Fork(NamedTuple):
    """A reading process."""

    #: The program that it is a fork of.
    parent: "subprocess.Popen[bytes]"
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
        self._process: subprocess.Popen[bytes] | None = None
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
        modules = {type(site).__module__ for site in all_sites()}
        own = [name for name in modules if not name.startswith("podcrawler.") and name != "__main__"]
        arguments = {"path": sys.path, "sites": self._sites, "modules": sorted(own), "memory": self._memory}
        command = [sys.executable, "-I", "-c", _PROGRAM, json.dumps(arguments)]
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        ours, theirs = socket.socketpair()
        ours.settimeout(_TIMEOUT)
        with theirs:
            # In a session of its own, so that Ctrl-C does not end it before the node, and its group can be ended.
            self._process = subprocess.Popen(
                command, stdin=theirs.fileno(), stdout=2, env=environment, start_new_session=True
            )
        self._control = ours
        try:
            if ours.recv(1) != READY:
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
