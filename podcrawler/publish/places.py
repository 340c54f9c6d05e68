"""Where a server listens, as users give it."""

from ipaddress import ip_address
from typing import NamedTuple

_PORT = 8000


class Place(NamedTuple):
    """Where to listen."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether nobody but this machine can connect."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @classmethod
    def read(cls, text: str) -> "Place":
        """``HOST``, ``PORT`` or ``HOST:PORT``; an address of IPv6 stands in brackets. Raises ValueError."""
        host, colon, port = text.rpartition(":")
        if not colon or text.endswith("]"):
            host, port = ("127.0.0.1", text) if text.isdecimal() else (text, str(_PORT))
        host = host.strip("[]")
        if not host or not port.isdecimal() or not 0 <= int(port) < 65536:
            raise ValueError("it is no address such as 127.0.0.1:8000")
        return cls(host, int(port))
