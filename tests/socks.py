"""A SOCKS proxy for tests, of the versions 4, 4a, 5: records whom it was asked for, and misbehaves as it is told.

It answers for every host name, as if that were a name of 127.0.0.1.
"""

import contextlib
import ipaddress
import socket
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from typing_extensions import override

_BLOCK = 65_536
#: The replies that grant a request: RFC 1928 §6, and SOCKS 4.
_GRANTED = {4: 0x5A, 5: 0}


@dataclass
class Socks:
    """The proxy, as its tests see it."""

    #: Host and port of the proxy.
    name: str = ""
    #: User and password that a client must give; for SOCKS 4 the user alone. Anybody may come, if empty.
    login: tuple[str, ...] = ()
    #: The reply to every request, in place of the one that grants it.
    reply: int | None = None
    #: ``hang up`` or ``say nothing`` when a client comes; ``speak http``.
    manner: str = ""
    #: Name or address of each host that it was asked for, in order, with the user that asked.
    asked: list[tuple[str, str]] = field(default_factory=list)
    #: Ends the silence of ``say nothing``.
    released: threading.Event = field(default_factory=threading.Event)

    def address(self, scheme: str) -> str:
        return f"{scheme}://{':'.join(self.login) + '@' if self.login else ''}{self.name}"

    @property
    def hosts(self) -> list[str]:
        return [host for host, _ in self.asked]


@contextlib.contextmanager
def running_socks(*login: str, reply: int | None = None, manner: str = "") -> Iterator[Socks]:
    """A proxy for the time of the block, in a thread."""
    socks = Socks(login=login, reply=reply, manner=manner)

    class Handler(socketserver.BaseRequestHandler):
        @override
        def handle(self) -> None:
            with contextlib.suppress(OSError, EOFError):
                _serve(socks, self.request)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        socks.name = f"127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield socks
        finally:
            socks.released.set()
            server.shutdown()
            thread.join()


def _serve(socks: Socks, client: socket.socket) -> None:
    match socks.manner:
        case "hang up":
            client.recv(1)
            return
        case "say nothing":
            socks.released.wait()
            return
        case "speak http":
            client.recv(_BLOCK)
            client.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            return
    version = _exactly(client, 1)[0]
    asked = _asked_5(socks, client) if version == 5 else _asked_4(client)
    if asked is None:
        return
    host, port, user = asked
    socks.asked.append((host, user))
    reply = _GRANTED[version] if socks.reply is None else socks.reply
    if version == 4 and socks.login and user != socks.login[0]:
        reply = 0x5D
    if reply != _GRANTED[version]:
        client.sendall(_reply(version, reply))
        return
    with socket.create_connection((host if _is_address(host) else "127.0.0.1", port)) as far:
        client.sendall(_reply(version, reply))
        back = threading.Thread(target=_pump, args=(far, client), daemon=True)
        back.start()
        _pump(client, far)
        back.join()


def _asked_5(socks: Socks, client: socket.socket) -> tuple[str, int, str] | None:
    """RFC 1928 §3 to §4, RFC 1929."""
    methods = _exactly(client, _exactly(client, 1)[0])
    user = ""
    if socks.login:
        if 2 not in methods:
            client.sendall(b"\x05\xff")
            return None
        client.sendall(b"\x05\x02")
        _exactly(client, 1)
        user, password = (_exactly(client, _exactly(client, 1)[0]).decode() for _ in range(2))
        is_known = (user, password) == socks.login
        client.sendall(b"\x01\x00" if is_known else b"\x01\x01")
        if not is_known:
            return None
    else:
        client.sendall(b"\x05\x00")
    kind = _exactly(client, 4)[3]
    if kind == 3:
        host = _exactly(client, _exactly(client, 1)[0]).decode()
    else:
        host = str(ipaddress.ip_address(_exactly(client, 4 if kind == 1 else 16)))
    return host, int.from_bytes(_exactly(client, 2), "big"), user


def _asked_4(client: socket.socket) -> tuple[str, int, str]:
    _exactly(client, 1)
    port = int.from_bytes(_exactly(client, 2), "big")
    address = _exactly(client, 4)
    user = _until_zero(client)
    is_name = address[:3] == b"\0\0\0" and address[3]
    return _until_zero(client) if is_name else str(ipaddress.ip_address(address)), port, user


def _reply(version: int, reply: int) -> bytes:
    return bytes([5, reply, 0, 1]) + bytes(6) if version == 5 else bytes([0, reply]) + bytes(6)


def _exactly(client: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        more = client.recv(size - len(found))
        if not more:
            raise EOFError
        found += more
    return found


def _until_zero(client: socket.socket) -> str:
    found = b""
    while (byte := _exactly(client, 1)) != b"\0":
        found += byte
    return found.decode()


def _is_address(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(ipaddress.ip_address(host))
    return False


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_BLOCK):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
