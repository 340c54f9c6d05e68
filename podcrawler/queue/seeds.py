"""Seeds: the addresses that users give, on the command line or with ``redis-cli lpush``, checked and made requests.

A seed is an address, or a JSON object in scrapy-redis's form: ``{"url": ..., "meta": {...}}``. It is untrusted, so its
``meta`` is put under ``meta["seed"]``, where it cannot replace podcrawler's own values.
"""

import json
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request

from podcrawler.exceptions import AddressError
from podcrawler.logins import masked
from podcrawler.queue.entries import page_request


def check_address(text: str) -> str:
    """The address as it is requested (ASCII, host in lower case), which is its key in the queue.

    Raises AddressError if podcrawler cannot fetch it.
    """
    address = text.strip()
    try:
        parts = urlsplit(address)
        host = parts.hostname
        _ = parts.port
        url = Request(address).url if parts.scheme else address
    except ValueError as error:
        raise AddressError(f"{_quoted(address)} is not an address: {error}.") from error
    if parts.scheme not in ("http", "https"):
        raise AddressError(
            f"{_quoted(address)} is not the address of a podcast: it must begin with http:// or https://."
        )
    if not host or any(char.isspace() or not char.isprintable() for char in address):
        raise AddressError(f"{_quoted(address)} is not an address: it needs a host name, and no spaces.")
    return url


def seed_request(seed: bytes, encoding: str = "utf-8") -> Request:
    """The request for a seed. Raises AddressError, which says what is wrong, for an invalid seed."""
    try:
        text = seed.decode(encoding)
    except UnicodeDecodeError as error:
        raise AddressError(f"The seed {_quoted(repr(seed))} is not text in {encoding}: push addresses.") from error
    if not text.lstrip().startswith(("{", "[")):
        return page_request(check_address(text))
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise AddressError(f"The seed {_quoted(text)} is broken JSON ({error}).") from error
    url, meta = _fields(fields, text)
    request = page_request(check_address(url))
    if meta:
        request.meta["seed"] = meta
    return request


def _fields(fields: Any, text: str) -> tuple[str, dict[str, Any]]:
    if not isinstance(fields, dict) or not isinstance(fields.get("url"), str):
        raise AddressError(f'The seed {_quoted(text)} has no address: it must be {{"url": "https://..."}}.')
    if unknown := sorted(fields.keys() - {"url", "meta"}):
        raise AddressError(f"The seed {_quoted(text)} has unknown fields: {', '.join(unknown)}.")
    meta = fields.get("meta") or {}
    if not isinstance(meta, dict):
        raise AddressError(f"The seed {_quoted(text)} has a meta that is not a JSON object.")
    return fields["url"], meta


def _quoted(text: str) -> str:
    """The text in quotes, on one short line, without logins and unprintable characters."""
    text = masked(text)
    line = text.encode("unicode_escape").decode() if not text.isprintable() else text
    return f'"{line[:100]}…"' if len(line) > 100 else f'"{line}"'
