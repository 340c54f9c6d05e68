"""The addresses under which an archive is published: in ASCII, as players of any age take them."""

import os
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, urlsplit

#: What may be in a path as it is (RFC 3986 §3.3), and escapes that are there already.
_PATH = "/%:@!$&'()*+,;=~"


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """The address that the archive's folder has on the web."""

    #: ASCII, with a slash at its end.
    text: str

    @classmethod
    def read(cls, given: str) -> Self:
        """The base URL that a user gives. Raises ValueError with the end of a sentence."""
        try:
            parts = urlsplit(given.strip())
            host, port = parts.hostname or "", parts.port
            # Names of other letters as they are in the DNS; RFC 3986 has addresses of IPv6 in brackets.
            host = f"[{host}]" if ":" in host else host.encode("idna").decode()
        except ValueError:
            raise ValueError("it is no address such as https://example.com/archive/") from None
        if parts.scheme not in ("http", "https") or not host or any(char.isspace() for char in given.strip()):
            raise ValueError("it is no address such as https://example.com/archive/")
        if parts.username is not None:
            raise ValueError("it has a login, which everybody who reads the feeds would have; leave that out")
        if parts.query or parts.fragment:
            raise ValueError("files have addresses below it, so it can have no ? and no #")
        place = host if port is None else f"{host}:{port}"
        return cls(f"{parts.scheme}://{place}{quote(parts.path, safe=_PATH).rstrip('/')}/")

    def of(self, *names: str) -> str:
        """The address of a file below it, whose folders and name these are."""
        return self.text + "/".join(quote(os.fsencode(name), safe="") for name in names)
