"""A Redis server of a test's own, that it can kill, start again and freeze."""

import contextlib
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import redis

from tests.conftest import Client, until


class Server:
    """A server on a port of the loopback interface, which keeps its data in a folder."""

    def __init__(self, binary: str, folder: Path, *options: str) -> None:
        """``options`` are those of redis-server."""
        folder.mkdir(exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._command = [binary, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", *options]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._start()
        with self.client() as client:
            until(lambda: _answers(client), 20)

    @contextlib.contextmanager
    def loading(self) -> Iterator[None]:
        """Start it, and kill it at the end of the block, in which it says that it loads its data."""
        self._start()
        try:
            with self.client() as client:
                until(lambda: _is_loading(client), 20)
            yield
        finally:
            self.kill()

    def _start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def follow(self, other: "Server") -> None:
        """Become a replica of the other one, and wait until it has what that one has."""
        with self.client() as client:
            client.replicaof("127.0.0.1", other.port)
            until(lambda: client.info("replication")["master_link_status"] == "up")

    def take_over(self, other: "Server") -> None:
        """Answer where the other one did, which is killed, as a replica that is promoted does."""
        other.kill()
        with self.client() as client:
            client.replicaof("NO", "ONE")
            client.config_set("port", other.port)
        self.port = other.port

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """For the time of the block it accepts connections, as a frozen process does, and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def client(self) -> Client:
        return redis.Redis.from_url(self.url)


@contextlib.contextmanager
def running(binary: str, folder: Path, *options: str) -> Iterator[Server]:
    """A server for the time of the block."""
    server = Server(binary, folder, *options)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def _answers(client: Client) -> bool:
    with contextlib.suppress(redis.RedisError):
        return bool(client.ping())
    return False


def _is_loading(client: Client) -> bool:
    with contextlib.suppress(redis.ConnectionError):
        return bool(client.info()["loading"])
    return False
