"""Logins for private podcasts: user and password, each for one origin, and for no other.

An address may bring a login along (``https://user:password@host/feed.xml``). It is taken out of the address at once,
so that no key, log, event, file name or sentence can show it, and travels in the request's ``meta["login"]``. What a
feed was read with is kept in Redis for the podcast, so that its further pages and its episodes on the same origin are
asked with it on every node.
"""

import base64
import re
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LOGIN = re.compile(r"(?<=://)[^/?#\s]*@")


class Login(NamedTuple):
    """What one origin is told."""

    #: ``scheme://host:port``
    origin: str
    user: str
    password: str

    @property
    def header(self) -> str:
        """The value of the header Authorization (RFC 7617, in UTF-8)."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    @classmethod
    def read(cls, value: Any) -> "Login | None":
        """The login that ``_asdict`` gave; None for anything else."""
        if not isinstance(value, dict) or value.keys() != set(cls._fields):
            return None
        return cls(**value) if all(isinstance(text, str) for text in value.values()) else None


def origin_of(url: str) -> str:
    """``scheme://host:port`` of an address (RFC 6454 §4); empty if it has none."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.hostname}:{port}" if parts.hostname and port else ""


def split_login(url: str) -> tuple[str, Login | None]:
    """The address without its login, and the login; an address without one, or a malformed one, comes back as it is."""
    origin = origin_of(url) if "@" in url else ""
    userinfo, at, host = urlsplit(url).netloc.rpartition("@") if origin else ("", "", "")
    if not at:
        return url, None
    user, _, password = userinfo.partition(":")
    login = Login(origin, unquote(user), unquote(password)) if userinfo.strip(":") else None
    return urlsplit(url)._replace(netloc=host).geturl(), login


def masked(text: str) -> str:
    """The text with ``***`` in the place of every login in an address."""
    return _LOGIN.sub("***@", text)
