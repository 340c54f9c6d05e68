"""Entries from requests: how the address of a page, or an episode, becomes a unit of work."""

from collections.abc import Mapping, Sequence
from typing import Any

from scrapy import Request
from scrapy.utils.request import fingerprint

from podcrawler.items import Episode
from podcrawler.logins import LOGIN, TOLD_LOGIN, split_login
from podcrawler.networks import host_of, named_host
from podcrawler.queue.leases import Entry
from podcrawler.sites.identity import digest, media_version
from podcrawler.sites.reading import is_web_url

#: In the meta of a request whose address was told by another host than its own, neither by the user nor by that one.
TOLD_ELSEWHERE = "told_elsewhere"
#: In the meta of the request for a list page: which of its episodes are wanted, as ``Wanted.to_json`` has it; absent if
#: all are.
WANTED = "wanted"
#: In the meta of a request that checks a subscription: the claim (subscriptions/requests.py).
CHECK = "check"
#: The priority of the new episodes of subscriptions: before all that was there when they were subscribed to.
NEW = 1
#: In the meta of a request whose address a page told, and not the user; and of one that is for a web page for certain,
#: and not for a feed (http/robots.py).
IS_TOLD, IS_WEB_PAGE = "is_told", "is_web_page"
_UNREQUESTABLE = "about:invalid"
_VERSION_LENGTH = 8
#: Seconds to connect in, TLS included, where that is tried on the chance only.
_GUESS_SECONDS = 5.0


def page_request(
    address: str,
    root: str | None = None,
    *,
    alternatives: Sequence[str] = (),
    podcast_address: str = "",
    wanted: Mapping[str, Any] | None = None,
) -> Request:
    """The request for a list page: an address that a user gave, or one that was found from the address ``root``.

    ``alternatives`` are asked in their order if the address leads to no podcast. ``podcast_address`` is the address
    that the podcast is known by, if that is not ``root``: one of many in a list of subscriptions. ``wanted`` is as
    ``WANTED`` has it.
    """
    request = private_request(address, is_told=root is not None, dont_filter=True)
    if root:
        request.meta["root"] = root
    if alternatives:
        request.meta["alternatives"] = list(alternatives)
    if podcast_address:
        request.meta["podcast_address"] = podcast_address
    if wanted:
        request.meta[WANTED] = wanted
    if alternatives and alternatives[0].startswith("http:"):
        # A server that does not speak TLS may just be silent.
        request.meta["connect_timeout"] = _GUESS_SECONDS
    return request


def told_by(request: Request, teller: str, root: str) -> Request:
    """The request, with a note that the page at ``teller`` told its address; and with another one if that page is not
    on the host that the user gave with the address ``root``: then the request is not exempt from http/guard.py, even if
    it leads to that host."""
    request.meta[IS_TOLD] = True
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
    """Whether the address of the episode's file, or of its page, can be requested."""
    return is_web_url(episode.enclosure.url if episode.enclosure else episode.page)


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
    fresh = root is None or request.meta.get(CHECK) is not None
    return Entry("page", address, root or address, address, host, payload, request.priority, fresh=fresh)


def _version(episode: Episode) -> str:
    if episode.enclosure is None:
        file = episode.page
    elif is_requestable(episode):
        file = media_version(episode.enclosure.url)
    else:
        file = episode.enclosure.url
    return digest(file, _VERSION_LENGTH)
