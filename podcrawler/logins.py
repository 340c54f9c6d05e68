"""Logins for private podcasts: user and password, each for one part of one origin and nothing else.

An address may contain a login (``https://user:password@host/feed.xml``). It is removed from the address at once, so
that no key, log line, event, file name or message can show it, and is carried in the meta of the request. The login
that a user gave for a feed is kept in Redis for its podcast, so that every node sends it with requests for what is in
the same folder as the feed, or below. What may contain an address that was not taken apart is masked before it is
shown.
"""

import base64
import re
from dataclasses import fields, is_dataclass, replace
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

#: In the meta of a request: the login that the user gave with its address, or with the one that led to it; and one that
#: a feed, a page or a redirect told with this very address.
LOGIN, TOLD_LOGIN = "login", "told_login"
#: The header Authorization, which is none of the request's headers, because those are shown; and, without one, the part
#: of the web that the login is for. Both are valid for the request's present address.
AUTHORIZATION, WITHHELD = "authorization", "login_is_for"

_DEFAULT_PORTS = {"http": 80, "https": 443}
#: Where an address begins, or one that is part of another; and what it stands in.
_BEGIN = re.compile(r"([\"'<(]?)\b[A-Za-z][A-Za-z0-9+.-]{0,19}://")
_CLOSING = {"<": ">", "(": ")"}
_END = re.compile(r"[\s\"'<>]")
#: A host and a port that are not the beginning of a login with special characters.
_PLAIN_HOST = re.compile(r"(?:(?:[\w-]+\.)+[\w-]+\.?|localhost|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?")
_HOST_AND_PORT = re.compile(r"(?:[^:\[\]]*|\[[^\[\]]*\])(?::(\d{0,5}))?")
#: What sentences tell people to write.
_EXAMPLE = re.compile(r"(?:USER)?:PASSWORD@HOST\b")
#: A value of which its name says that it is secret, in Python's notation or in JSON: a number or a text, which pprint
#: breaks into several.
_SECRET = re.compile(
    r"""(?ix) ( ["'] (?: \w*(?:password|passwd|passphrase|secret|session_token)\w* | \w*_pass ) ["'] \s*:\s* b? )
    (?: (["']) (?:\\.|(?!\2).)* \2 (?: \s+ b?(["']) (?:\\.|(?!\3).)* \3 )* | -?\d[\w.]* )"""
)


class Login(NamedTuple):
    """User and password for one folder of one origin."""

    #: ``scheme://host:port``
    origin: str
    user: str
    password: str
    #: The folder, with a slash at its end, as it is in an address.
    path: str = "/"

    @property
    def header(self) -> str:
        """The value of the Authorization header (RFC 7617, in UTF-8)."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    def is_for(self, url: str) -> bool:
        """Whether the address is in that folder, or below (RFC 7617 §2.2)."""
        if origin_of(url) != self.origin:
            return False
        path = unquote(urlsplit(url).path or "/")
        # The server may resolve it.
        return path.startswith(unquote(self.path)) and ".." not in re.split(r"[/\\;]", unquote(path))

    @property
    def place(self) -> str:
        """What it is for, as an address."""
        port = _DEFAULT_PORTS.get(self.origin.partition(":")[0])
        return self.origin.removesuffix(f":{port}") + self.path

    @classmethod
    def read(cls, value: Any) -> "Login | None":
        """The login whose ``_asdict`` the value is; None for any other value. Earlier releases knew no folder."""
        if not isinstance(value, dict) or not set(cls._fields[:3]) <= value.keys() <= set(cls._fields):
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
    parts = urlsplit(url)
    folder = parts.path[: parts.path.rfind("/") + 1] or "/"
    login = Login(origin, unquote(user), unquote(password), folder) if userinfo.strip(":") else None
    return parts._replace(netloc=host).geturl(), login


def without_login(url: str) -> str:
    """The address without its login; a malformed one with it masked."""
    return masked(split_login(url)[0], is_address=True) if "@" in url else url


def is_ambiguous(url: str) -> bool:
    """Whether what the syntax takes for host, port and path may as well be a login with special characters:
    ``https://ann:12/34@host/``."""
    rest = url.partition("://")[2]
    authority = _authority(rest)
    if "@" not in rest[len(authority) :]:
        return False
    return "@" in authority or (":" in authority and not _PLAIN_HOST.fullmatch(authority))


def masked(text: str, *, is_address: bool = False) -> str:
    """The text with ``***`` in place of the login in every address, and of values that are named as secret.

    A login with special characters ends at the last ``@`` of its address; where the address cannot be parsed, at the
    last one of the line. ``is_address``: all of the text is one address, whatever it contains, with or without scheme.
    """
    if is_address:
        begin = _BEGIN.search(text)
        at = begin.end() if begin else 0
        return text[:at] + _masked_address(text[at:])
    if "://" in text:
        text = "".join(map(_masked_line, text.splitlines(keepends=True)))
    return _SECRET.sub(lambda found: f"{found[1]}{found[2] or ''}***{found[2] or ''}", text)


def without_logins(value: Any) -> Any:
    """The value with the texts in it masked: those of lists, of dictionaries, and of the fields of dataclasses."""
    match value:
        case str():
            return masked(value)
        case list():
            return [without_logins(item) for item in value]
        case dict():
            return {name: without_logins(item) for name, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: without_logins(getattr(value, field.name)) for field in fields(value)})
    return value


def _masked_line(line: str) -> str:
    begins = list(_BEGIN.finditer(line))
    if not begins or "@" not in line:
        return line
    ends = [begin.start() for begin in begins[1:]] + [len(line)]
    parts = (
        begin[0] + _masked_words(line[begin.end() : end], begin[1]) for begin, end in zip(begins, ends, strict=True)
    )
    return line[: begins[0].start()] + "".join(parts)


def _masked_words(text: str, quote: str) -> str:
    """What follows ``://``, up to the next address: the rest of one, in quotes or not, and other words."""
    closing = text.find(_CLOSING.get(quote, quote)) if quote else -1
    end = _END.search(text)
    length = closing if closing >= 0 else end.start() if end else len(text)
    address, words = text[:length], text[length:]
    is_whole = address.startswith("***@") or (closing >= 0 and "@" in address)
    if "@" in words and not is_whole and not _is_parseable(_authority(address)):
        return _masked_address(text)
    return _masked_address(address) + words


def _masked_address(rest: str) -> str:
    """An address without its scheme."""
    inner = _BEGIN.search(rest)
    if _EXAMPLE.match(rest):
        return rest
    if _PLAIN_HOST.fullmatch(_authority(rest)) and not (inner and "@" in rest[inner.end() :]):
        return rest
    _, at, shown = rest.rpartition("@")
    return f"***@{shown}" if at else rest


def _authority(rest: str) -> str:
    return re.split(r"[/?#]", rest, maxsplit=1)[0]


def _is_parseable(authority: str) -> bool:
    found = _HOST_AND_PORT.fullmatch(authority.rpartition("@")[2])
    return found is not None and int(found[1] or 0) < 65536
