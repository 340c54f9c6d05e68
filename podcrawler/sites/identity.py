"""How podcasts and episodes get their ids, the same for all sites.

The ids are file and folder names and parts of keys in Redis: a change here needs a migration.
"""

import hashlib
import re
import unicodedata
import uuid
from urllib.parse import urlsplit

from podcrawler.items import EPISODE_ID

#: The namespace of computed podcast guids (Podcasting 2.0, ``podcast:guid``).
_PODCAST_NAMESPACE = uuid.UUID("ead4c236-bf58-58c6-a2c6-a6b28d128cb6")
_SLUG_LENGTH = 51


def podcast_guid(address: str) -> str:
    """The guid of a feed that declares none (Podcasting 2.0): UUIDv5 of the address without scheme and last slashes."""
    bare = re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*://", "", address).rstrip("/")
    return str(uuid.uuid5(_PODCAST_NAMESPACE, bare))


def podcast_id(title: str, guid: str) -> str:
    """``<slug of the title>-<8 hex digits of the guid>``, within ``[a-z0-9-]{1,60}``.

    A guid that is no UUID gives the first 8 hex digits of its SHA-256.
    """
    try:
        digits = uuid.UUID(guid).hex[:8]
    except ValueError:
        digits = hashlib.sha256(guid.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    ascii_title = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_title)[:_SLUG_LENGTH].strip("-")
    return f"{slug or 'podcast'}-{digits}"


def episode_id(guid: str, enclosure_url: str) -> str:
    """The raw guid if it is legal, else the first 16 hex digits of its SHA-256; without guid, of the enclosure URL
    without its query."""
    if EPISODE_ID.fullmatch(guid):
        return guid
    name = guid or urlsplit(enclosure_url)._replace(query="", fragment="").geturl()
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def media_key(url: str) -> str:
    parts = urlsplit(url)
    return parts.path + "?" + parts.query


def twin_id(plain_id: str, key: str) -> str:
    return hashlib.sha256(f"{plain_id}\n{key}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
