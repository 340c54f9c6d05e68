"""Servers of http for single tests, which say themselves what is answered. origin.py is the one that misbehaves."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from typing_extensions import override


class Handler(BaseHTTPRequestHandler):
    """What a server answers; logs nothing."""

    def get(self) -> None:
        """Answer a GET."""
        raise NotImplementedError

    def do_GET(self) -> None:
        self.get()

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Send an answer with its length; an underscore in the name of a header stands for a hyphen."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients hang up where TLS is not safe."""


@contextmanager
def serving(
    handler: type[BaseHTTPRequestHandler], host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> Iterator[int]:
    """A server for the time of the block, of https with ``tls``: its port."""
    server = (_Server if tls else ThreadingHTTPServer)((host, 0), handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def serving_folder(folder: Path) -> Iterator[str]:
    """A server of the files in a folder for the time of the block: its address, with a slash at its end."""

    class Files(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

        @override
        def log_message(self, format: str, *args: Any) -> None:
            pass

    with serving(Files) as port:
        yield f"http://127.0.0.1:{port}/"
