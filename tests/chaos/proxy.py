"""A link to Redis that is long, or cut: ``python -m tests.chaos.proxy URL [--delay SECONDS]`` prints its URL in a line.

A process of its own, so that it shares neither the GIL nor the event loop with what talks through it. It delays what it
passes on by a fixed time each way, in order and without a limit of bandwidth; opening a connection takes a round trip
too, as on a real network. From the line ``cut`` on its standard input until the line ``mend`` it passes nothing on, and
closes nothing: what was sent in the meantime arrives afterwards, even if the sender has gone away, as it may when a
network comes back.
"""

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

_ROOT = Path(__file__).parent.parent.parent
_MOST_BYTES = 256 * 1024


class Link:
    """All connections to one server."""

    def __init__(self, url: str, delay: float) -> None:
        """``delay`` is in seconds, each way."""
        self._target = urlsplit(url)
        self._delay = delay
        self.whole = asyncio.Event()
        self.whole.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its first byte to its last."""
        opened = asyncio.get_running_loop().time() + 2 * self._delay
        try:
            far_reader, far_writer = await self._connect()
        except OSError:
            writer.transport.abort()
            return
        async with asyncio.TaskGroup() as both:
            both.create_task(self._pass_on(reader, far_writer, opened))
            both.create_task(self._pass_on(far_reader, writer, opened))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._target.scheme == "unix":
            return await asyncio.open_unix_connection(unquote(self._target.path))
        return await asyncio.open_connection(self._target.hostname, self._target.port)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, opened: float) -> None:
        """Everything from ``reader`` to ``writer``, ``delay`` seconds later, but not before ``opened``."""
        loop = asyncio.get_running_loop()
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        deliverer = loop.create_task(self._deliver(under_way, writer))
        with contextlib.suppress(OSError):
            while data := await reader.read(_MOST_BYTES):
                under_way.put_nowait((max(loop.time(), opened) + self._delay, data))
        under_way.put_nowait((loop.time() + self._delay, b""))
        await deliverer

    async def _deliver(self, under_way: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while True:
                due, data = await under_way.get()
                if (wait := due - loop.time()) > 0:
                    await asyncio.sleep(wait)
                await self.whole.wait()
                if not data:
                    break
                writer.write(data)
                await writer.drain()
        writer.close()


@dataclass
class RunningProxy:
    """A link in a child process, as its users see it."""

    url: str
    _process: "subprocess.Popen[str]"

    def cut(self) -> None:
        self._tell("cut")

    def mend(self) -> None:
        self._tell("mend")

    def _tell(self, word: str) -> None:
        """Have the child do it; returns when it has."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline().strip() == word


@contextlib.contextmanager
def running(url: str, delay: float = 0) -> Iterator[RunningProxy]:
    """A link to the Redis at ``url`` for the time of the block; ``delay`` is in seconds, each way."""
    command = [sys.executable, "-m", "tests.chaos.proxy", url, "--delay", str(delay)]
    with subprocess.Popen(
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None
            yield RunningProxy(process.stdout.readline().strip(), process)
        finally:
            process.kill()


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--delay", type=float, default=0)
    options = parser.parse_args()
    link = Link(options.url, options.delay)
    server = await asyncio.start_server(link.serve, "127.0.0.1", 0)
    print(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", flush=True)
    loop = asyncio.get_running_loop()
    while word := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
        if word == "cut":
            link.whole.clear()
        else:
            link.whole.set()
        print(word, flush=True)
    # Its user is gone, and every connection with it: nothing is left to be ended in order.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main())
