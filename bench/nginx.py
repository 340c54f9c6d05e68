"""The media host of the benchmarks: nginx on loopback, over http and https, with files and feeds that list them."""

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

#: ``user`` keeps nginx root when it is started as root: its default user may not read the temporary folder.
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
    """A running media host and its document root."""

    folder: Path
    #: Base URL by scheme (``http``, ``https``), without a trailing slash.
    addresses: dict[str, str]
    #: PEM file with the self-signed certificate, which clients have to trust for https.
    certificate: Path

    def add(self, name: str, files: int, size: int, *, sparse: bool = False) -> None:
        """Serve ``files`` files of ``size`` bytes as ``/<name>/<number>.mp3``, and a feed per scheme (see ``feed``).

        All are hard links to one file of random bytes, which do not compress. With ``sparse`` the file is the
        header of an MPEG frame, and zeros that occupy no disk space.
        """
        folder = self.folder / name
        folder.mkdir()
        with (folder / "0.mp3").open("wb") as file:
            if sparse:
                file.write(b"\xff\xfb\x90\xc4")
                file.truncate(size)
            else:
                for start in range(0, size, 1_000_000):
                    file.write(os.urandom(min(1_000_000, size - start)))
        for number in range(1, files):
            (folder / f"{number}.mp3").hardlink_to(folder / "0.mp3")
        for scheme, address in self.addresses.items():
            (folder / f"{scheme}.xml").write_text(_feed(name, f"{address}/{name}", files, size))

    def feed(self, name: str, scheme: str = "http") -> str:
        """URL of the feed of the files added as ``name``; the feed and its enclosures use ``scheme``."""
        return f"{self.addresses[scheme]}/{name}/{scheme}.xml"


@contextmanager
def serving() -> Iterator[Host]:
    """Run a media host; stops it and deletes its files on exit. Raises SystemExit if nginx does not start."""
    with tempfile.TemporaryDirectory(prefix="podcrawler-bench-nginx-") as name:
        folder = Path(name)
        (folder / "files").mkdir()
        http, https = _free_ports(2)
        user = "user root;" if os.getuid() == 0 else ""
        (folder / "nginx.conf").write_text(_CONFIG.format(user=user, http=http, https=https))
        _make_certificate(folder)
        with subprocess.Popen([executable(), "-p", folder, "-c", "nginx.conf", "-e", "error.log"]) as server:
            try:
                _wait_until_listening(http, server)
                addresses = {"http": f"http://127.0.0.1:{http}", "https": f"https://127.0.0.1:{https}"}
                yield Host(folder / "files", addresses, folder / "certificate.pem")
            finally:
                server.terminate()


def executable() -> str:
    """Path of nginx, which Debian installs in a folder that may not be in PATH. Raises SystemExit without nginx."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise SystemExit("nginx, which serves the files of the benchmarks, is not installed: apt-get install nginx")
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
    options = ["-addext", "subjectAltName=IP:127.0.0.1", "-out", "certificate.pem"]
    subprocess.run([*command.split(), *options], cwd=folder, check=True, capture_output=True)


def _wait_until_listening(port: int, server: "subprocess.Popen[bytes]") -> None:
    while server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            return
    raise SystemExit(f"nginx exited before it listened, with status {server.returncode}")
