"""Seeds: the addresses that users give, on the command line or with ``redis-cli lpush``, checked and made requests.

A seed is an address, or a JSON object in scrapy-redis's form: ``{"url": ..., "meta": {...}}``. It is untrusted, so its
``meta`` is put under ``meta["seed"]``, where it cannot replace podcrawler's own values.
"""

import json
from typing import Any

from scrapy import Request

from podcrawler.addresses import candidates, quoted
from podcrawler.exceptions import AddressError
from podcrawler.queue.entries import page_request
from podcrawler.sites.directories import lookups


def address_request(text: str) -> Request:
    """The request for an address that a user gives, with what else the text may mean as its alternatives.

    Raises AddressError if podcrawler cannot fetch it.
    """
    address, *alternatives = candidates(text)
    return page_request(address, alternatives=[*alternatives, *lookups(address)])


def seed_request(seed: bytes, encoding: str = "utf-8") -> Request:
    """The request for a seed. Raises AddressError, which says what is wrong, for an invalid seed."""
    try:
        text = seed.decode(encoding)
    except UnicodeDecodeError as error:
        raise AddressError(f"The seed {quoted(repr(seed))} is not text in {encoding}: push addresses.") from error
    if not text.lstrip().startswith(("{", "[")):
        return address_request(text)
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise AddressError(f"The seed {quoted(text)} is broken JSON ({error}).") from error
    url, meta = _fields(fields, text)
    request = address_request(url)
    if meta:
        request.meta["seed"] = meta
    return request


def _fields(fields: Any, text: str) -> tuple[str, dict[str, Any]]:
    if not isinstance(fields, dict) or not isinstance(fields.get("url"), str):
        raise AddressError(f'The seed {quoted(text)} has no address: it must be {{"url": "https://..."}}.')
    if unknown := sorted(fields.keys() - {"url", "meta"}):
        raise AddressError(f"The seed {quoted(text)} has unknown fields: {', '.join(unknown)}.")
    meta = fields.get("meta") or {}
    if not isinstance(meta, dict):
        raise AddressError(f"The seed {quoted(text)} has a meta that is not a JSON object.")
    return fields["url"], meta
