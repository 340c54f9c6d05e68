"""``publish --serve``, as tests run it."""

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.conftest import Commands, until


@contextmanager
def serving(commands: Commands, host: str, *words: str, **environment: str) -> Iterator[str]:
    """``publish --serve``: its address."""
    port = free_port()
    with commands.start("publish", "--serve", f"{host}:{port}", *words, **environment) as process:
        until(lambda: process.poll() is not None or answers(host, port))
        yield f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}/"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, f"{process.returncode}: {out}{err}"
    assert f"Serving http://{host}:{port}/ until you press Ctrl-C." in out


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def answers(host: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((host, port)):
        return True
    return False
