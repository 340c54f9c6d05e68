"""Serves the corpus on a free port of this machine: feed N at ``/feed/N``, and a sound at any other path.

``python -m tests.sites.corpus`` prints its address, and runs until it is stopped.
"""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from typing_extensions import override

from sample.audio import melody
from tests.sites.corpus import CASES


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # http.server's name
        body, content_type = melody("tea"), "application/octet-stream"
        if self.path.startswith("/feed/"):
            case = CASES[int(self.path.removeprefix("/feed/"))]
            given = case.body.encode() if isinstance(case.body, str) else case.body
            body = given.replace(b"m.example", self.headers["Host"].encode())
            content_type = case.content_type
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:  # http.server's name
        """Say nothing: only the address is printed."""


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()
