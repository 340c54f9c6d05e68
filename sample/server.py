"""The web server of the sample: HTTP/1.1 on the loopback address.

It also accepts requests in absolute form, as a forward proxy does (RFC 9112 §3.2.2), and answers for the host in the
URL. The tests use this to record pages under real addresses.
"""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType

from typing_extensions import override

from sample.site import answer


class SampleServer:
    """A context manager that serves in a thread; yields the base URL, ``http://127.0.0.1:PORT/``."""

    def __init__(self, port: int = 0, *, repeats: int = 1) -> None:
        """``port`` is used if it is free; else, and for 0, any free one. The tunes are repeated so many times."""
        try:
            self._server = _Server(("127.0.0.1", port), _Handler)
        except OSError:
            self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.repeats = repeats
        self._thread = Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}/"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    repeats = 1

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        """Print no traceback when a client disconnects during a response."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    server: _Server

    def do_GET(self) -> None:
        url = self.path if self.path.startswith("http://") else f"http://{self.headers['Host']}{self.path}"
        status, content_type, body = answer(url, self.server.repeats)
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the terminal is for the output of podcrawler."""
