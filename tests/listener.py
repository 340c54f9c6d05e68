"""A listener that must stay untouched: it counts the connections that are made to it all the same."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: 6\r\n\r\nsecret"


@dataclass
class Listener:
    """Answers every request with ``secret``."""

    port: int
    connections: int = 0


@contextlib.contextmanager
def listening(address: str, port: int = 0) -> Iterator[Listener]:
    """A listener for the time of the block; on ``::`` it has all addresses of both families."""
    is_ipv6 = ":" in address
    family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
    with socket.create_server((address, port), family=family, dualstack_ipv6=is_ipv6) as server:
        found = Listener(server.getsockname()[1])

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    found.connections += 1
                    with connection:
                        connection.recv(65_536)
                        connection.sendall(_ANSWER)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield found
        finally:
            # Wakes the thread.
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
