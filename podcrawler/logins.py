"""Logins for private podcasts: user and password, each for one origin and no other.

An address may contain a login (``https://user:password@host/feed.xml``). It is removed from the address at once, so
that no key, log line, event, file name or message can show it, and is carried in the request's ``meta["login"]``. The
login that a feed was read with is kept in Redis for its podcast, so that every node sends it with requests for the
podcast's further pages and episodes on the same origin.
"""

import base64
import re
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LOGIN = re.compile(r"(?<=://)[^/?#\s]*@")


class Login(NamedTuple):
    """User and password for one origin."""

    #: ``scheme://host:port``
    origin: str
    user: str
    password: str

    @property
    def header(self) -> str:
        """The value of the Authorization header (RFC 7617, in UTF-8)."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    @classmethod
    def read(cls, value: Any) -> "Login | None":
        """The login whose ``_asdict`` the value is; None for any other value."""
        if not isinstance(value, dict) or value.keys() != set(cls._fields):
            return None
        return cls(**value) if all(isinstance(text, str) for text in value.values()) else None


def origin_of(url: str) -> str:
    """The origin of an address as ``scheme://host:port`` (RFC 6454 §4); empty if it has none."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.hostname}:{port}" if parts.hostname and port else ""


def split_login(url: str) -> tuple[str, Login | None]:
    """The address without its login, and the login; an address without one, or a malformed one, unchanged and None."""
    origin = origin_of(url) if "@" in url else ""
    userinfo, at, host = urlsplit(url).netloc.rpartition("@") if origin else ("", "", "")
    if not at:
        return url, None
    user, _, password = userinfo.partition(":")
    login = Login(origin, unquote(user), unquote(password)) if userinfo.strip(":") else None
    return urlsplit(url)._replace(netloc=host).geturl(), login


def masked(text: str) -> str:
    """The text with ``***`` in place of the login in every address."""
    return _LOGIN.sub("***@", text)
