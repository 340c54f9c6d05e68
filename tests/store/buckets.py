"""A real HTTP server that speaks S3's language, for tests: ``python -m tests.store.buckets`` prints its address.

It is moto's, with two addresses of our own: ``/_fail?method=PUT&times=<n>`` answers the next n such requests
for objects with status 500 (to be tried again), and ``/_counts`` tells how often what was asked, as JSON.
"""

import contextlib
import http.client
import json
import math
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION_NAME": "us-east-1"}


@dataclass
class RunningBuckets:
    """The server in a child process, as its tests see it."""

    address: str

    @property
    def client(self) -> Any:
        return self.client_of("s3")

    def client_of(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.address,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            region_name="us-east-1",
        )

    def fail(self, times: int, method: str = "PUT") -> None:
        """Refuse the next requests; with 0, none any more."""
        self._get(f"/_fail?method={method}&times={times}")

    def counts(self) -> dict[str, int]:
        """Requests by what was asked: ``PUT object``, ``PUT part``, ``POST complete``..."""
        counts: dict[str, int] = json.loads(self._get("/_counts"))
        return counts

    def _get(self, path: str) -> bytes:
        with contextlib.closing(http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=10)) as connection:
            connection.request("GET", path)
            return connection.getresponse().read()


@contextlib.contextmanager
def running(open_requests: float = math.inf) -> Iterator[RunningBuckets]:
    """The server; it checks signatures and policies after the first ``open_requests`` requests."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.store.buckets"]
    environment = {**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": str(open_requests)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        try:
            assert process.stdout
            yield RunningBuckets(process.stdout.readline().strip())
        finally:
            process.kill()


class _Refusing:
    """A WSGI application in front of moto's."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._refusals: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        query = parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
        if path == "/_fail":
            self._refusals[query["method"][0]] = int(query["times"][0])
            return _answer(start_response, "200 OK", b"")
        if path == "/_counts":
            return _answer(start_response, "200 OK", json.dumps(self._counts).encode())
        if path.strip("/").count("/"):
            what = "part" if "partNumber" in query else "uploads" if "uploads" in query else "object"
            self._counts[f"{method} {what}"] += 1
            if self._refusals[method] > 0:
                self._refusals[method] -= 1
                # What is not read of a body would be taken for the next request.
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                return _answer(start_response, "500 Internal Server Error", b"")
        return self._application(environ, start_response)


def _answer(start_response: Any, status: str, body: bytes) -> list[bytes]:
    start_response(status, [("Content-Length", str(len(body)))])
    return [body]


def main() -> None:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    application = _Refusing(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, True, request_handler=MotoRequestHandler)
    print(f"http://127.0.0.1:{server.port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
