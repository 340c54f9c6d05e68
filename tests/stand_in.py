"""A stand-in for the whole web: a proxy that answers for every host, by http and by https, with the pages it was given.

So tests can use the addresses that people have, and ask nobody. ``python -m tests.stand_in PAGES CERTIFICATE`` prints
its address in one line; PAGES is a file of JSON, ``{address: {"status", "headers", "body" (base64)}}``. What is not
there is a 404. ``/asked`` lists the addresses that were asked for, in their order.
"""

import asyncio
import base64
import contextlib
import http.client
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Page:
    body: bytes | str
    content_type: str = "text/html"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        body = self.body.encode() if isinstance(self.body, str) else self.body
        headers = {"Content-Type": self.content_type, "Content-Length": str(len(body)), **self.headers}
        return {"status": self.status, "headers": headers, "body": base64.b64encode(body).decode()}


@dataclass
class RunningStandIn:
    #: For ``PODCRAWLER_PROXY``.
    address: str

    def asked(self) -> list[str]:
        """The addresses that were asked for; of a page that was not answered over TLS, ``tls://host:port``."""
        with contextlib.closing(http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=10)) as connection:
            connection.request("GET", "/asked")
            return list(json.loads(connection.getresponse().read()))


@contextlib.contextmanager
def standing_in(pages: dict[str, Page], folder: Path, certificate: Path) -> Iterator[RunningStandIn]:
    """A stand-in with these pages for the time of the block. Hosts without a page at https do not speak TLS."""
    file = folder / "pages.json"
    file.write_text(json.dumps({address: page.to_json() for address, page in pages.items()}))
    arguments = [sys.executable, "-P", __file__, str(file), str(certificate)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield RunningStandIn(process.stdout.readline().strip())
        finally:
            process.kill()


class _StandIn:
    def __init__(self, pages: dict[str, Any], certificate: str) -> None:
        self._pages = pages
        self._secure_hosts = {urlsplit(address).netloc for address in pages if address.startswith("https:")}
        self._asked: list[str] = []
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        origin = ""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                method, target, _ = head.split(b"\r\n")[0].decode("latin-1").split(" ")
                if method != "CONNECT":
                    await self._answer(origin + target, writer)
                    continue
                host = target.removesuffix(":443")
                if host not in self._secure_hosts:
                    self._asked.append(f"tls://{target}")
                    break
                origin = f"https://{host}"
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
                await writer.start_tls(self._tls)
        writer.close()

    async def _answer(self, address: str, writer: asyncio.StreamWriter) -> None:
        if address == "/asked":
            page = Page(json.dumps(self._asked), "application/json").to_json()
        else:
            self._asked.append(address)
            page = self._pages.get(address) or Page("no such page", status=404).to_json()
        lines = [f"HTTP/1.1 {page['status']} Said So", *(f"{name}: {value}" for name, value in page["headers"].items())]
        writer.write("\r\n".join([*lines, "", ""]).encode() + base64.b64decode(page["body"]))
        await writer.drain()


async def _main(pages: str, certificate: str) -> None:
    stand_in = _StandIn(json.loads(Path(pages).read_text()), certificate)
    server = await asyncio.start_server(stand_in.serve, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
