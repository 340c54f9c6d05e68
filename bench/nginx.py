"""The media host of measurements: nginx on loopback, http and https, with files and a feed of them."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: nginx as root drops to a user that may not read temporary folders, unless it is told to stay.
_CONFIG = """\
{user}
worker_processes 4;
daemon off;
pid nginx.pid;
error_log error.log;
events {{ worker_connections 512; }}
http {{
    types {{ audio/mpeg mp3; application/rss+xml xml; }}
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 100000;
    client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
    server {{
        listen 127.0.0.1:{http};
        listen 127.0.0.1:{https} ssl;
        ssl_certificate certificate.pem;
        ssl_certificate_key key.pem;
        root files;
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Host:
    """A media host, and the folder that it serves."""

    folder: Path
    #: By scheme, the address of the folder, without a slash at the end.
    addresses: dict[str, str]
    #: What programs have to trust for https.
    certificate: Path

    def add(self, name: str, files: int, size: int, *, sparse: bool = False) -> None:
        """Serve so many files of ``size`` bytes as ``/<name>/<number>.mp3``, and feeds of them: ``feed``.

        The bytes do not compress, and are the same in all files, which are links to one; ``sparse`` makes them zeros
        that take no room on the disk.
        """
        folder = self.folder / name
        folder.mkdir()
        with (folder / "0.mp3").open("wb") as file:
            if sparse:
                file.truncate(size)
            else:
                for start in range(0, size, 1_000_000):
                    file.write(os.urandom(min(1_000_000, size - start)))
        for number in range(1, files):
            (folder / f"{number}.mp3").hardlink_to(folder / "0.mp3")
        for scheme, address in self.addresses.items():
            (folder / f"{scheme}.xml").write_text(_feed(name, f"{address}/{name}", files, size))

    def feed(self, name: str, scheme: str = "http") -> str:
        """The address of a feed of the files added as ``name``, whose enclosures have that scheme."""
        return f"{self.addresses[scheme]}/{name}/{scheme}.xml"


@contextmanager
def serving() -> Iterator[Host]:
    """A media host that is gone, with its files, when the block ends."""
    with tempfile.TemporaryDirectory(prefix="podcrawler-bench-nginx-") as name:
        folder = Path(name)
        (folder / "files").mkdir()
        http, https = _free_ports(2)
        user = "user root;" if os.getuid() == 0 else ""
        (folder / "nginx.conf").write_text(_CONFIG.format(user=user, http=http, https=https))
        _make_certificate(folder)
        with subprocess.Popen([executable(), "-p", folder, "-c", "nginx.conf", "-e", "error.log"]) as server:
            try:
                _await(http, server)
                addresses = {"http": f"http://127.0.0.1:{http}", "https": f"https://127.0.0.1:{https}"}
                yield Host(folder / "files", addresses, folder / "certificate.pem")
            finally:
                server.terminate()


def executable() -> str:
    """nginx's; Debian has it in a folder that is not in everybody's path."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise SystemExit("nginx is not there, which serves the files that are downloaded: apt-get install nginx")
    return found


def _feed(title: str, address: str, files: int, size: int) -> str:
    items = "".join(
        f"<item><title>Episode {number}</title><guid>episode-{number}</guid>"
        f"<pubDate>Mon, 01 Jan 2024 00:00:00 GMT</pubDate>"
        f"<enclosure url='{address}/{number}.mp3' type='audio/mpeg' length='{size}'/></item>\n"
        for number in range(files)
    )
    return f"<rss version='2.0'><channel><title>{title}</title>\n{items}</channel></rss>\n"


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listening.getsockname()[1] for listening in sockets]
    for listening in sockets:
        listening.close()
    return ports


def _make_certificate(folder: Path) -> None:
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=podcrawler-bench -keyout key.pem"
    name = ["-addext", "subjectAltName=IP:127.0.0.1", "-out", "certificate.pem"]
    subprocess.run([*command.split(), *name], cwd=folder, check=True, capture_output=True)


def _await(port: int, server: "subprocess.Popen[bytes]") -> None:
    while server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            return
    raise SystemExit(f"nginx ended at once, with status {server.returncode}")
