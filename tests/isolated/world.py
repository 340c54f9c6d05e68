"""A world of its own: a network namespace in which this machine has every address, with a web, a DNS, and a witness.

``unshare --map-root-user --net --mount python -P world.py`` reads a plan as JSON: ``names`` (by name the lists of
addresses that it has, one after the other; the last one stays), ``pages`` (by address ``{"headers", "body"}``),
``commands`` (one after the other, each with its words), ``environment`` and ``folder``. It prints what happened as
JSON: ``ended`` (of each command ``{"status", "out", "err"}``), ``connections`` (``address port`` of every connection of
TCP that was tried, and of every packet of UDP, ``udp`` before it), ``looked_up`` (names), ``asked`` (addresses).
"""

import json
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from typing_extensions import override

_ALL_PACKETS = 3
_A, _AAAA = 1, 28
_SYN, _ACK = 0x02, 0x10


def main() -> None:
    plan: dict[str, Any] = json.load(sys.stdin)
    folder = Path(plan["folder"])
    for command in (
        "ip link set lo up",
        # Whatever the address, it is this machine's.
        "ip route add local default dev lo",
        "ip -6 route add local default dev lo",
    ):
        subprocess.run(command.split(), check=True)
    resolver = folder / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.1\nsearch .\noptions attempts:1 timeout:5\n")
    subprocess.run(["mount", "--bind", str(resolver), "/etc/resolv.conf"], check=True)
    connections: set[str] = set()
    looked_up: list[str] = []
    asked: list[str] = []
    _start(_witness, connections)
    _start(_answer_names, plan["names"], looked_up)
    _start(_serve_pages, plan["pages"], asked)
    ended = []
    for words in plan["commands"]:
        done = subprocess.run(
            words, cwd=folder, env=plan["environment"], stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        ended.append({"status": done.returncode, "out": done.stdout, "err": done.stderr})
    happened = {"ended": ended, "connections": sorted(connections), "looked_up": looked_up, "asked": asked}
    print(json.dumps(happened))


def _start(function: Callable[..., None], *arguments: Any) -> None:
    """Run the function in a thread, once it has opened its socket."""
    is_open = threading.Event()
    threading.Thread(target=function, args=(*arguments, is_open), daemon=True).start()
    assert is_open.wait(10)


def _witness(connections: set[str], is_open: threading.Event) -> None:
    """Note every attempt to connect, and every packet of UDP that is no answer of the DNS."""
    # All that is sent passes the loopback device, because there is no other.
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL_PACKETS)) as device:
        is_open.set()
        while True:
            packet = device.recv(65_536)
            version = packet[0] >> 4
            if version == 4:
                protocol, payload = packet[9], packet[(packet[0] & 15) * 4 :]
                target = socket.inet_ntop(socket.AF_INET, packet[16:20])
            else:
                protocol, payload = packet[6], packet[40:]
                target = socket.inet_ntop(socket.AF_INET6, packet[24:40])
            source_port, port = struct.unpack("!HH", payload[:4])
            if protocol == socket.IPPROTO_TCP and payload[13] & (_SYN | _ACK) == _SYN:
                connections.add(f"{target} {port}")
            elif protocol == socket.IPPROTO_UDP and source_port != 53:
                connections.add(f"udp {target} {port}")


def _answer_names(names: dict[str, list[list[str]]], looked_up: list[str], is_open: threading.Event) -> None:
    """The DNS (RFC 1035 §4.1). A lookup is one question for A, with which the next answer begins, and one for AAAA."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 53))
        is_open.set()
        while True:
            query, client = server.recvfrom(512)
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1 : at + 1 + query[at]].decode())
                at += 1 + query[at]
            name, (kind,) = ".".join(labels).lower(), struct.unpack("!H", query[at + 1 : at + 3])
            if kind == _A:
                looked_up.append(name)
            answers = names.get(name, [[]])
            answer = answers.pop(0) if len(answers) > 1 and kind == _A else answers[0]
            family = socket.AF_INET6 if kind == _AAAA else socket.AF_INET
            found = [address for address in answer if (":" in address) == (kind == _AAAA)]
            records = [socket.inet_pton(family, address) for address in found]
            head = struct.pack("!HHHHH", 0x8180 if name in names else 0x8183, 1, len(records), 0, 0)
            packed = b"".join(struct.pack("!HHHIH", 0xC00C, kind, 1, 0, len(data)) + data for data in records)
            server.sendto(query[:2] + head + query[12 : at + 5] + packed, client)


def _serve_pages(pages: dict[str, Any], asked: list[str], is_open: threading.Event) -> None:
    """The web, at port 80 of every address. What is not in the table is a media file."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = f"http://{self.headers['Host']}{self.path}"
            asked.append(address)
            page = pages.get(address, {})
            headers = {"Content-Type": "text/xml" if page else "audio/mpeg", **page.get("headers", {})}
            body = page.get("body", "").encode() if page else b"\xff\xfb\x90\x00" + bytes(1000)
            self.send_response(302 if "Location" in headers else 200)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6

    with Server(("::", 80), Handler) as server:
        is_open.set()
        server.serve_forever()


if __name__ == "__main__":
    main()
