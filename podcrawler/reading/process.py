"""The program that reading processes are forks of: it has imported the sites, and does nothing but fork.

A node at work cannot fork itself: it has threads, an event loop and connections. This program has none of these, and
its forks take some milliseconds, so that a reader that was killed is replaced at once. It is told what it needs by the
node, and uses no settings, Redis or disk.

It lives as long as its socket to the node is open. When that ends, whatever ended the node, it ends with all its forks.
"""

import contextlib
import gc
import importlib
import os
import resource
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from podcrawler.reading.messages import END, FORK, NUMBER, READY, Connection
from podcrawler.reading.reader import work
from podcrawler.sites.known import all_sites, read_sites, use_sites


def serve(node: socket.socket, sites: str, modules: Sequence[str], memory: int) -> NoReturn:
    """Fork for the node until it closes the socket.

    ``sites`` is the folder of ``PODCRAWLER_SITES``, ``modules`` are those of sites that the user has registered by
    importing them; a fork may take ``memory`` bytes more than this process.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # A node that stops ends this process by closing the socket, and its terminal is none of this one's business.
        signal.signal(number, signal.SIG_IGN)
    for module in modules:
        importlib.import_module(module)
    all_sites()
    use_sites(read_sites(sites))
    # What was loaded until now is shared by all forks, as long as none of them writes to it.
    gc.collect()
    gc.freeze()
    forks: set[int] = set()
    try:
        node.sendall(READY)
        while True:
            _obey(node, forks, memory)
    finally:
        # Its group: itself and its forks, which may be in the middle of a document.
        os.killpg(0, signal.SIGKILL)


def _obey(node: socket.socket, forks: set[int], memory: int) -> None:
    message, descriptors, _, _ = socket.recv_fds(node, 1, 1)
    if message == FORK:
        (descriptor,) = descriptors
        pid = os.fork()
        if not pid:
            node.close()
            _read(socket.socket(fileno=descriptor), memory)
        os.close(descriptor)
        forks.add(pid)
        node.sendall(NUMBER.pack(pid))
    elif message == END:
        (pid,) = NUMBER.unpack(node.recv(NUMBER.size, socket.MSG_WAITALL))
        # It is this process's child until it is waited for, so the number is of no other process.
        forks.remove(pid)
        os.kill(pid, signal.SIGKILL)
        node.sendall(NUMBER.pack(os.waitpid(pid, 0)[1]))
    else:
        raise EOFError


def _read(node: socket.socket, memory: int) -> NoReturn:
    """What a fork does."""
    status = 1
    try:
        _limit(memory)
        # A process that has grown is replaced; what a document is made of has no cycles.
        gc.disable()
        with contextlib.suppress(EOFError, ConnectionError):
            work(Connection(node), memory)
        status = 0
    except BaseException as error:
        print(f"A reading process fails: {error!r}", file=sys.stderr, flush=True)
    finally:
        # Not sys.exit: this is inside of the loop of the process that it was forked from.
        os._exit(status)


def _limit(memory: int) -> None:
    """Let this process take ``memory`` bytes more than it has. It is also the first that a system without memory ends,
    before the node, and leaves no dump of what it read."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
        now = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + memory, now + memory))
