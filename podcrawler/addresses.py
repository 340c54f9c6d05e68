"""Addresses as people give them: which addresses of the web a pasted text can mean.

All spellings of an address have one normal form, which is its key in the queue: ASCII, the host in lower case, without
a default port, without a fragment.
"""

import base64
import re
from urllib.parse import unquote, urlsplit

from scrapy import Request

from podcrawler.exceptions import AddressError
from podcrawler.logins import is_ambiguous, masked

#: What podcast apps and directories put in front of the address of a feed.
_WRAPPERS = re.compile(
    r"feeds?|rss|url|podcasts?|pcast|itpcs?|itmss?|itms-podcasts?|view-source|antennapod-subscribe|castro|downcast|"
    r"overcast|pktc|podcastaddict|podkicker"
)
#: What some of these apps put between scheme and address.
_SUBSCRIBE = re.compile(r"(?:subscribe|x-callback-url/add)/?(?=[/?])/?", re.IGNORECASE)
#: Pages that open an app: with the address of the feed in their own, as it is, in a parameter, or in Base64.
_LINKS_TO_APPS = re.compile(
    r"""(?ix) (?:https?://)? (?:www\.)? (?:
        subscribeonandroid\.com/ (?P<plain>.+)
        | (?:antennapod\.org/deeplink/subscribe/?)? \?(?:[^#]*&)?url= (?P<escaped>[^&#]+) .*
        | (?:podcasts\.google\.com/(?:feed/|\?(?:[^#]*&)?feed=)|google\.com/podcasts/?\?(?:[^#]*&)?feed=)
          (?P<base64>[\w-]+) .*
    )"""
)
_ESCAPED = re.compile(r"https?%3a", re.IGNORECASE)
_SCHEME_TWICE = re.compile(r"^(?:https?:?//+)+(?=https?(?::/|//))", re.IGNORECASE)
_ODD_SLASHES = re.compile(r"^(https?)(?::///|//)/*", re.IGNORECASE)
_AROUND = " \t\r\n\f\v\0\u00a0\u200b\u200e\u200f\u2060\ufeff\"'`<>\u201c\u201d\u2018\u2019\u00ab\u00bb\u2039\u203a"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?!\d{1,5}(?:[/?#]|$))", re.ASCII)
_WEB = re.compile(r"(https?):/?(?![/])", re.IGNORECASE)
#: At the beginning of an address without ``//``.
_LOGIN = re.compile(r"\A[^/?#@:\s]+:[^/?#@\s]*@")
_DEFAULT_PORTS = {"http": 80, "https": 443}
#: How files are called, and no host is.
_FILE = re.compile(r"[^/]+\.(?:opml|xml|rss|atom|rdf|json|txt|html?|mp3|m4a|csv)", re.IGNORECASE)
_PATH = re.compile(r"[./~\\]")

_SPOTIFY = re.compile(r"(?:open|play)\.spotify\.com|spotify\.link|spotify\.app\.link|spoti\.fi|link\.tospotify\.com")
_YOUTUBE = re.compile(r"(?:.+\.)?(?:youtube(?:-nocookie)?\.com|youtu\.be)")
_NO_SPOTIFY = (
    "{} is on Spotify, which gives no files to other programs; most podcasts have a feed elsewhere: "
    "give that, or the podcast's page at Apple Podcasts."
)
_NO_YOUTUBE = (
    "{} is on YouTube, which gives no files to podcast programs; if the podcast has a feed elsewhere, give that."
)


def candidates(text: str) -> list[str]:
    """The addresses that a text can mean, in the order in which to ask them; the first is the key of all of them.

    A text without http or https means https first, then http; with a login in it, https alone. Raises AddressError if
    podcrawler cannot fetch it.
    """
    given = text.strip(_AROUND)
    address = _within(given)
    while _WRAPPERS.fullmatch(scheme := _scheme(address)):
        address = _SUBSCRIBE.sub("", address[len(scheme) + 1 :].lstrip("/"), count=1).strip(_AROUND)
        address = mended_scheme(_within(address))
    if scheme in _DEFAULT_PORTS:
        return [_checked(_WEB.sub(r"\1://", address), given)]
    if scheme == "spotify":
        raise AddressError(_NO_SPOTIFY.format(quoted(given)))
    if scheme and not (_LOGIN.match(address) and scheme not in ("mailto", "data", "javascript")):
        raise AddressError(
            f"{quoted(given)} is not the address of a podcast: it must begin with http:// or https:// "
            "(feed:, pcast:, itpc: and podcast: are understood, too)."
        )
    return _on_the_web(address.removeprefix("//"), given)


def mended_scheme(address: str) -> str:
    """An address with one http:// or https:// in front, if it has several, or one without its colon or with too many
    slashes."""
    return _ODD_SLASHES.sub(r"\1://", _SCHEME_TWICE.sub("", address, count=1), count=1)


def _within(text: str) -> str:
    """The address in one of a page that opens an app, or in one that was escaped as a whole."""
    if found := _LINKS_TO_APPS.fullmatch(text):
        encoded = found["base64"]
        text = _from_base64(encoded) if encoded else found["plain"] or unquote(found["escaped"])
    if _ESCAPED.match(text):
        text = unquote(text)
    return mended_scheme(text.replace("&amp;", "&"))


def _from_base64(encoded: str) -> str:
    try:
        return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except ValueError:
        return encoded


def _on_the_web(address: str, given: str) -> list[str]:
    """The addresses that one without a scheme means."""
    if _PATH.match(address) or _FILE.fullmatch(address):
        raise AddressError(f"{quoted(given)} is not an address, and no file that is there; check the name.")
    url = _checked(f"https://{address}", given)
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not (parts.port or "." in host or ":" in host or host == "localhost"):
        raise AddressError(
            f"{quoted(given)} is not the address of a podcast: it must begin with http:// or https://, "
            "or with a host name such as example.com."
        )
    if parts.port == 80:
        return [_checked(f"http://{address}", given)]
    if parts.port == 443 or ":443" in address.partition("/")[0] or "@" in parts.netloc:
        return [url]
    return [url, _checked(f"http://{address}", given)]


def _scheme(address: str) -> str:
    """The scheme in lower case; empty if there is none. ``localhost:8000`` has none."""
    found = _SCHEME.match(address)
    # A host that a port or a login follows has dots, where no scheme that is in use has one.
    return found[1].lower() if found and "." not in found[1] else ""


def _checked(address: str, given: str) -> str:
    """The address in its normal form. Raises AddressError if it cannot be requested."""
    login, at, _ = address.rpartition("@")
    has_broken_login = is_ambiguous(address) or (at and not _is_one_word(login))
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
        url = Request(address).url
    except ValueError as error:
        if not at:
            raise AddressError(f"{quoted(given)} is not an address: {error}.") from error
        has_broken_login = True
    if has_broken_login:
        raise AddressError(
            f"{quoted(given)} is not an address, because its login has special characters: write them "
            "percent-encoded, such as %20 for a blank, %23 for #, %2F for /, %3A for :, %3F for ? and %40 for @, and "
            "%40 for an @ behind the login, too."
        )
    if not host or not _is_one_word(address + url):
        raise AddressError(f"{quoted(given)} is not an address: it needs a host name, and no spaces.")
    for hosts, sentence in ((_SPOTIFY, _NO_SPOTIFY), (_YOUTUBE, _NO_YOUTUBE)):
        if hosts.fullmatch(host):
            raise AddressError(sentence.format(quoted(given)))
    return normal(url) if port != _DEFAULT_PORTS[parts.scheme] else normal(_without_port(url))


def _is_one_word(text: str) -> bool:
    return not any(char.isspace() or not char.isprintable() for char in text)


def normal(url: str) -> str:
    """A URL as Scrapy has it, without its fragment, and with a path."""
    parts = urlsplit(url)
    return parts._replace(path=parts.path or "/", fragment="").geturl()


def _without_port(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition(":")[0]).geturl()


def quoted(text: str, *, is_address: bool = True) -> str:
    """The text in quotes, on one short line, without logins (``masked``) and unprintable characters."""
    text = masked(text, is_address=is_address)
    line = text.encode("unicode_escape").decode() if not text.isprintable() else text
    return f'"{line[:100]}…"' if len(line) > 100 else f'"{line}"'
