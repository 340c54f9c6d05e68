"""How podcasts and episodes get their ids, the same for all sites.

The ids are file and folder names and parts of keys in Redis: a change here needs a migration.
"""

import hashlib
import re
import unicodedata
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from urllib.parse import unquote, urlsplit

from podcrawler.ids import EPISODE_ID
from podcrawler.items import Enclosure, Episode
from podcrawler.sites.order import by_age
from podcrawler.sites.packed import Packed

#: The namespace of computed podcast guids (Podcasting 2.0, ``podcast:guid``).
_PODCAST_NAMESPACE = uuid.UUID("ead4c236-bf58-58c6-a2c6-a6b28d128cb6")
_SLUG_LENGTH = 51
#: A part of a path that is the host of another address: trackers put theirs in front.
_HOST = re.compile(
    r"(?i)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,8}(?!php|html?|aspx?|jspx?|cgi|ashx|m4a|aac|flac|wav|ogg)[a-z]{2,18}"
    r"(?::[0-9]{1,5})?"
)
#: Parameters that change although the file does not: signatures, expiries, sessions, and what counts listeners.
_VOLATILE = re.compile(
    r"(?i)(?:access_?|auth_?|security_?)?token|sig|sign|signature|expir(?:es?|y|ation)|policy|key-pair-id|hmac|auth|nonce|"
    r"session(?:_?id)?|sid|phpsessid|listeningsessionid|timestamp|ts|_|rand(?:om)?|cache(?:buster)?|cb|"
    r"x-(?:amz|goog)-.*|awsaccesskeyid|googleaccessid|response-.*|utm_.*|fbclid|gclid|_ga|aw_0_.*|ref(?:errer)?|played_from"
)


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
        digits = digest(guid, 8)
    ascii_title = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_title)[:_SLUG_LENGTH].strip("-")
    return f"{slug or 'podcast'}-{digits}"


def other_address(address: str, known: Iterable[str]) -> str:
    """The address, if it is none of the ``known`` ones in another spelling; else empty."""
    return address if address and podcast_guid(address) not in set(map(podcast_guid, known)) else ""


def episode_id(guid: str, enclosure_url: str) -> str:
    """The raw guid if it is legal, else the first 16 hex digits of its SHA-256; without guid, of the enclosure URL
    without its query. This is the plain id: another entry of the podcast may have it, too."""
    if EPISODE_ID.fullmatch(guid):
        return guid
    return digest(guid or _without_query(enclosure_url))


def twin_id(plain_id: str, key: str, title: str = "", published: datetime | None = None) -> str:
    """The id of an episode whose plain id belongs to another one. ``key`` is the ``media_key`` of its file; title and
    date are only given if that is not enough to tell them apart."""
    name = f"{plain_id}\n{key}"
    if title or published:
        name += f"\n{title}\n{published.isoformat() if published else ''}"
    return digest(name)


def media_key(url: str) -> str:
    """What identifies a file although the host, the trackers in front of it and the tokens in its query change: the
    path behind the last host in the address, and the other parameters, sorted."""
    return _host_and_key(url)[1]


def media_version(url: str) -> str:
    """As ``media_key``, with the host that has the file: another one may have a file that the first does not have."""
    return "".join(_host_and_key(url))


def _host_and_key(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", url
    # A tracker may have the whole address in its path, escaped or not.
    path = parts.path
    if ":" in path or "%" in path:
        _, scheme, embedded = unquote(path).rpartition("://")
        path = embedded if scheme else path
    segments = path.split("/")
    hosts = [at for at, segment in enumerate(segments[:-1]) if "." in segment and _HOST.fullmatch(segment)]
    key = "/" + "/".join(segments[hosts[-1] + 1 :]) if hosts else "/" + path.lstrip("/")
    host = segments[hosts[-1]] if hosts else parts.netloc
    query = [one for one in parts.query.split("&") if one and not _VOLATILE.fullmatch(one.partition("=")[0])]
    if query:
        key += f"?{'&'.join(sorted(query))}"
    # A file name with a "#" that was not escaped; "t=" is a place in the file.
    return host, key if parts.fragment[:2] in ("", "t=") else f"{key}#{parts.fragment}"


def with_files(episode: Episode, files: Sequence[Enclosure]) -> Episode:
    """The episode of a feed with the first of these as its file, under its plain id."""
    plain_id = episode_id(episode.guid, files[0].url)
    return replace(
        episode,
        id=plain_id,
        enclosure=files[0],
        alternates=list(files[1:]),
        twin_id=twin_id(plain_id, media_key(files[0].url)),
    )


def without_duplicates(episodes: Packed) -> tuple[Packed, Packed]:
    """The entries of one document, which have their plain ids, each once: the first of those that are the same; and the
    others."""
    # By id and file, and not by comparing each with each: all entries of a feed may have one guid.
    known: dict[tuple[str, str], tuple[set[str], set[datetime | None]]] = {}
    duplicates: dict[int, None] = {}
    for position in _sharing(episodes.ids):
        episode = episodes[position]
        name = (episode.id, _key(episode))
        titles, dates = known.setdefault(name, (set(), set()))
        # Without a guid, title or date must be the same, too: some shows publish each episode at one address.
        if titles and (episode.guid or episode.title in titles or episode.published in dates):
            duplicates[position] = None
        else:
            titles.add(episode.title)
            dates.add(episode.published)
    if not duplicates:
        return episodes, Packed()
    unique = [position for position in range(len(episodes)) if position not in duplicates]
    return episodes.at(unique), episodes.at(list(duplicates))


def without_twins(episodes: Packed) -> Packed:
    """The entries of one document, each with an id of its own: the oldest of those that share a plain id keeps it, and
    the others get their twin ids. Only the entries that share it decide which of them is the oldest."""
    sharing: dict[str, list[int]] = {}
    for position in _sharing(episodes.ids):
        sharing.setdefault(episodes.ids[position], []).append(position)
    ids = list(episodes.ids)
    taken = set(ids) if sharing else set()
    for twins in sharing.values():
        for place in by_age([episodes.times[position] for position in twins])[1:]:
            episode = episodes[twins[place]]
            name = episode.twin_id
            if name in taken:
                name = twin_id(episode.id, _key(episode), episode.title, episode.published)
            while name in taken:
                name = digest(name)
            taken.add(name)
            ids[twins[place]] = name
    return episodes.under(ids)


def _sharing(ids: Sequence[str]) -> list[int]:
    """The positions of those that are not unique."""
    counts = Counter(ids)
    return [position for position, name in enumerate(ids) if counts[name] > 1]


def _key(episode: Episode) -> str:
    return media_key(episode.enclosure.url) if episode.enclosure else episode.page


def _without_query(url: str) -> str:
    try:
        return urlsplit(url)._replace(query="", fragment="").geturl()
    except ValueError:
        return url


def digest(text: str, digits: int = 16) -> str:
    """The first hex digits of the SHA-256 of any text, lone surrogates included."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:digits]
