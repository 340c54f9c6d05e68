"""Entries, the units of work: how a request becomes one, and what a lease on one is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.utils.request import fingerprint

from podcrawler.items import Episode
from podcrawler.logins import LOGIN, TOLD_LOGIN, split_login
from podcrawler.networks import host_of, named_host
from podcrawler.sites.identity import digest, media_version

Kind = Literal["page", "episode", "seed"]

#: In the meta of a request whose address was told by another host than its own, neither by the user nor by that one.
TOLD_ELSEWHERE = "told_elsewhere"
_UNREQUESTABLE = "about:invalid"
_VERSION_LENGTH = 8
#: Seconds to connect in, TLS included, where that is tried on the chance only.
_GUESS_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One unit of work, as it is pushed."""

    kind: Kind
    #: Unique in the archive: ``<podcast id>/<episode id>``, or the address of a list page.
    key: str
    #: What the entry belongs to: the podcast's id, or the address that the user gave.
    group: str
    #: The entry's name in its group.
    name: str
    #: The host of the request, as ``host_of`` has it; hosts take turns.
    host: str
    #: The request, as the codec writes it.
    payload: str
    #: Higher ones are leased first.
    priority: int = 0
    #: True for an address that a user gave: a new visit, even if an earlier one is finished.
    fresh: bool = False
    #: Changes when another file is requested, and not when only its address does, with a token or by way of a tracker.
    #: Empty for a list page: any other request is a change.
    version: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """A node's time-limited hold on an entry, proven by ``token``."""

    key: str
    token: str
    kind: Kind
    group: str
    name: str
    #: How many earlier leases on this entry ended in an error.
    tries: int
    #: The request, as the codec wrote it; of a seed, the bytes that a user pushed.
    payload: bytes
    #: Whether there was an earlier lease on this entry, so that a part of its file may be on disk.
    redelivered: bool = True
    #: The host that the lease was granted for: that of the address, or the one that the podcast's last file came from.
    host: str = ""
    #: That of the address.
    own_host: str = ""


def page_request(
    address: str, root: str | None = None, *, alternatives: Sequence[str] = (), podcast_address: str = ""
) -> Request:
    """The request for a list page: an address that a user gave, or one that was found from the address ``root``.

    ``alternatives`` are asked in their order if the address leads to no podcast. ``podcast_address`` is the address
    that the podcast is known by, if that is not ``root``: one of many in a list of subscriptions.
    """
    request = private_request(address, is_told=root is not None, dont_filter=True)
    if root:
        request.meta["root"] = root
    if alternatives:
        request.meta["alternatives"] = list(alternatives)
    if podcast_address:
        request.meta["podcast_address"] = podcast_address
    if alternatives and alternatives[0].startswith("http:"):
        # A server that does not speak TLS may just be silent.
        request.meta["connect_timeout"] = _GUESS_SECONDS
    return request


def told_by(request: Request, teller: str, root: str) -> Request:
    """The request, with a note if the page at ``teller`` told its address, and not the host that the user gave with
    the address ``root``: then it is not exempt from http/guard.py, even if it leads to that host."""
    if named_host(teller) != named_host(request.url) == named_host(root):
        request.meta[TOLD_ELSEWHERE] = True
    return request


def episode_request(episode: Episode) -> Request:
    """The request for an episode: for its enclosure if that is known, else for its page. An enclosure whose address
    cannot be requested is replaced: the episode fails when it is leased."""
    url = episode.enclosure.url if episode.enclosure else episode.page
    request = private_request(url if is_requestable(episode) else _UNREQUESTABLE, is_told=True, dont_filter=True)
    request.meta["episode"] = episode
    return request


def is_requestable(episode: Episode) -> bool:
    """Whether the address of the episode's file, or of its page, is one of http or https."""
    try:
        parts = urlsplit(episode.enclosure.url if episode.enclosure else episode.page)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def private_request(address: str, *, is_told: bool, **arguments: Any) -> Request:
    """A request for an address. A login in the address is moved into the meta; ``is_told`` says that it is not the
    user who gave it."""
    url, login = split_login(address)
    request = Request(url, **arguments)
    if login:
        request.meta[TOLD_LOGIN if is_told else LOGIN] = login._asdict()
    return request


def entry_of(request: Request, payload: str) -> Entry:
    """The entry for a request: of an episode if ``meta["episode"]`` is one, else of a list page, which was found from
    the address ``meta["root"]`` if there is one. ``payload`` is the request, as the codec writes it."""
    host = host_of(request.url)
    episode = request.meta.get("episode")
    if isinstance(episode, Episode):
        return Entry(
            "episode",
            episode.key,
            episode.podcast_id,
            episode.id,
            host,
            payload,
            request.priority,
            version=_version(episode),
        )
    address = request.url
    if request.method != "GET" or request.body:
        address += f"#{fingerprint(request).hex()}"
    root = request.meta.get("root")
    return Entry("page", address, root or address, address, host, payload, request.priority, fresh=root is None)


def _version(episode: Episode) -> str:
    if episode.enclosure is None:
        file = episode.page
    elif is_requestable(episode):
        file = media_version(episode.enclosure.url)
    else:
        file = episode.enclosure.url
    return digest(file, _VERSION_LENGTH)
