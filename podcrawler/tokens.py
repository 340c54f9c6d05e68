"""Addresses that are secret themselves: publishers of private feeds give each listener an address with a token in it.

Nothing says of an address that it has one. So what looks like a token counts as one: a value whose name in the query
says so, and letters and digits without order in the query or the path. An address may be taken for a private one by
mistake, which costs a line in a list; the other mistake would publish what somebody pays for.
"""

import re
from itertools import pairwise
from urllib.parse import urlsplit

from podcrawler.logins import without_login

#: Names in a query whose values are secret, whatever they look like: the name itself, or a word of it.
_SECRET = re.compile(
    r"(?:^|[_.-])(?:api_?key|auth|authkey|code|hash|hmac|jwt|key|login|member(?:ship)?|pass(?:word|wd|code|key)?|pin|"
    r"pwd?|secret|sid|sig|sign|signature|tok|token|user|uid|user_?id|uuid)(?:$|[_.-])|token|secret|passw",
    re.IGNORECASE,
)
#: At the beginning of an address.
_HOST = re.compile(r"\A(?:[A-Za-z][A-Za-z0-9+.-]*://)?[^/?#]*")
_PARAMETER = re.compile(r"(?<=[?&;])([^=&;]+)=([^&;]*)")
#: What may be a token: characters of base64 and of UUIDs in a row.
_RUN = re.compile(r"[A-Za-z0-9_~-]{16,}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_HEX = re.compile(r"(?=.*[0-9])(?=.*[a-f])[0-9a-f]{16,}", re.IGNORECASE)
#: Characters without those that stand between words.
_SHORTEST = 14
#: The share of characters that are of another class (small, capital, digit) than the one before, of which random ones
#: have at least two fifths. A capital before a small letter is the beginning of a word, and not counted.
_DISORDER = 0.25
#: Whose public feeds have addresses that look like this.
_PUBLIC_HOSTS = ("omnycontent.com", "redcircle.com", "castbox.fm", "audiomeans.fr")
_PUBLIC_FOLDER = "/public/"


def without_tokens(address: str) -> str:
    """The address with ``***`` in place of tokens; as it is if it has none."""
    rest = _HOST.sub("", address, count=1)
    host = address.removesuffix(rest)
    rest = _PARAMETER.sub(lambda found: f"{found[1]}=***" if found[2] and _SECRET.search(found[1]) else found[0], rest)
    if not _is_public(address):
        rest = _RUN.sub(lambda found: "***" if _is_token(found[0]) else found[0], rest)
    return host + rest


def without_signatures(address: str) -> str:
    """The address without the parameters of its query whose names say that their values are secret: signatures that
    expire, and tokens of listeners. What is left is as it was."""
    before, mark, query = address.partition("?")
    if not mark:
        return address
    query, fragment_mark, fragment = query.partition("#")
    kept = "&".join(part for part in re.split("[&;]", query) if not _SECRET.search(part.partition("=")[0]))
    return before + (mark + kept if kept else "") + fragment_mark + fragment


def without_secrets(address: str) -> str:
    """The address as whatever leaves the queue has it: without a login, and without signatures."""
    return without_signatures(without_login(address))


def is_secret(address: str) -> bool:
    """Whether whoever has the address has what it leads to."""
    return without_tokens(address) != address


def _is_public(address: str) -> bool:
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return False
    return _PUBLIC_FOLDER in parts.path or any(f".{host}".endswith(f".{public}") for public in _PUBLIC_HOSTS)


def _is_token(run: str) -> bool:
    if _UUID.search(run):
        return True
    bare = re.sub(r"[_~-]", "", run)
    if _HEX.fullmatch(bare):
        return True
    if len(bare) < _SHORTEST:
        return False
    pairs = [(one, other) for one, other in pairwise(bare) if not (one.isupper() and other.islower())]
    changes = sum(_class(one) != _class(other) for one, other in pairs)
    return changes / (len(bare) - 1) >= _DISORDER


def _class(char: str) -> int:
    return 0 if char.isdigit() else 1 if char.isupper() else 2
