"""The addresses of proxies, and the rules for them: for ``PODCRAWLER_PROXY``, for the proxies of single hosts
(``PODCRAWLER_HOSTS``), and for the environment's."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from podcrawler.exceptions import SettingError
from podcrawler.namespace import AnySettings

#: By scheme. ``socks5`` and ``socks4`` look host names up here, ``socks5h`` and ``socks4a`` at the proxy, as in curl.
_DEFAULT_PORTS = {"http": 80, "https": 443, "socks4": 1080, "socks4a": 1080, "socks5": 1080, "socks5h": 1080}
_HOW_TO_WRITE = (
    "write http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT with the special characters of both percent-encoded "
    "(http, https, socks4, socks4a, socks5 or socks5h)"
)
#: RFC 1929 §2.
_LONGEST_SOCKS_LOGIN = 255


@dataclass(frozen=True, slots=True)
class ProxyAddress:
    """A proxy, and the login for it; both parts of that are empty if there is none."""

    scheme: str
    #: Without the brackets of IPv6.
    host: str
    port: int
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> "ProxyAddress":
        """Raises ValueError if the text is not the address of a proxy: with the rest of a sentence that does not quote
        the text, because that may hold a password."""
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        is_bare = host and parts.path in ("", "/") and not parts.query and not parts.fragment
        if not is_bare or not text.isascii() or parts.scheme not in _DEFAULT_PORTS or port == 0:
            raise ValueError(f"is not the address of a proxy: {_HOW_TO_WRITE}")
        assert host
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        address = cls(parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme], user, password)
        if address.is_socks:
            _check_socks_login(address)
        return address

    @property
    def name(self) -> str:
        """Host and port, as messages name the proxy."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The address with the login."""
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}@" if self.user or self.password else ""
        return f"{self.scheme}://{login}{self.name}"

    @property
    def is_socks(self) -> bool:
        return self.scheme.startswith("socks")


def read_proxies(settings: AnySettings) -> tuple[ProxyAddress, ...]:
    """The proxies that ``PODCRAWLER_PROXY`` names, none if it is not set. Raises SettingError."""
    value = settings.get("PODCRAWLER_PROXY") or ""
    try:
        return parse_proxies(value if isinstance(value, str) else " ".join(map(str, value)))
    except ValueError as error:
        raise SettingError(f"PODCRAWLER_PROXY {error}.") from None


def parse_proxies(text: str) -> tuple[ProxyAddress, ...]:
    """The proxies of a text: addresses with commas or blanks between them, or ``@FILE`` for those in a file, one per
    line; what follows a ``#`` there is a comment.

    Raises ValueError with the rest of a sentence.
    """
    if text.strip().startswith("@"):
        return _in_file(Path(text.strip()[1:]).expanduser())
    match text.replace(",", " ").split():
        case [word]:
            return (ProxyAddress.parse(word),)
        case words:
            return tuple(
                _parse(word, f"has {len(words)} addresses, of which number {n}") for n, word in enumerate(words, 1)
            )


def _in_file(path: Path) -> tuple[ProxyAddress, ...]:
    try:
        lines = [line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except OSError as error:
        raise ValueError(f"names the file {path}, which cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ValueError(f"names the file {path}, which is no text in UTF-8") from None
    found = tuple(_parse(line, f"names the file {path}, whose line {n}") for n, line in enumerate(lines, 1) if line)
    if not found:
        raise ValueError(f"names the file {path}, which has no address of a proxy: write one on each line")
    return found


def _parse(word: str, which: str) -> ProxyAddress:
    try:
        return ProxyAddress.parse(word)
    except ValueError as error:
        raise ValueError(f"{which} {error}") from None


def _check_socks_login(address: ProxyAddress) -> None:
    login = (address.user, address.password)
    if not all(part.isascii() and len(part) <= _LONGEST_SOCKS_LOGIN for part in login):
        raise ValueError(
            "has a login that no SOCKS proxy can get: at most 255 characters each, and no others than ASCII"
        )
    if address.scheme.startswith("socks5") and bool(address.user) != bool(address.password):
        raise ValueError("has half a login, and SOCKS 5 wants both: write socks5h://USER:PASSWORD@HOST:PORT")
    if ":" in address.user:
        raise ValueError("has a user with a colon, which cannot be told from the password")
