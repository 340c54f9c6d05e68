"""The doors by which a feed or page could lead a node into the operator's network, and the hosts that users give.

127.0.0.2 is the private host that nobody gave. Where a test needs a host on the public internet, 127.0.0.3 plays it,
because PODCRAWLER_ALLOW_HOSTS names it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from typing_extensions import override

from podcrawler.queue import codec
from podcrawler.queue.given_hosts import GivenHosts
from podcrawler.queue.keys import Keys
from tests import serving
from tests.conftest import Client, Commands
from tests.listener import Listener, listening

#: The header of a frame of MPEG audio, and silence.
AUDIO = b"\xff\xfb\x90\x00" + bytes(1000)
GIVEN = "{podcrawler}:given-hosts"


@dataclass
class Site:
    """A web server with pages: by path either what a redirect leads to, or the body."""

    port: int = 0
    pages: dict[str, str | bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def at(self, host: str, path: str) -> str:
        return f"http://{host}:{self.port}{path}"


@contextmanager
def serving_site() -> Iterator[Site]:
    """A site on all addresses of IPv4 of this machine."""
    site = Site()

    class Handler(serving.Handler):
        @override
        def get(self) -> None:
            site.asked.append(self.path)
            page = site.pages.get(self.path, AUDIO)
            if isinstance(page, str) and page.startswith("http"):
                self.answer(302, location=page)
                return
            body = page.encode() if isinstance(page, str) else page
            kind = "text/html" if body.startswith(b"<html") else "text/xml"
            self.answer(200, body, content_type=kind if isinstance(page, str) else "audio/mpeg")

    with serving.serving(Handler, "0.0.0.0") as site.port:
        yield site


@pytest.fixture
def site() -> Iterator[Site]:
    with serving_site() as found:
        yield found


@pytest.fixture
def secret() -> Iterator[Listener]:
    with listening("127.0.0.2") as found:
        yield found


def feed(title: str, *enclosures: str, more: str = "") -> str:
    items = "".join(
        f'<item><guid>{n}</guid><title>Part {n}</title><enclosure url="{url}" type="audio/mpeg" length="1"/></item>'
        for n, url in enumerate(enclosures, 1)
    )
    spaces = 'xmlns:a="http://www.w3.org/2005/Atom" xmlns:i="http://www.itunes.com/dtds/podcast-1.0.dtd"'
    return f'<rss version="2.0" {spaces}><channel><title>{title}</title>{more}{items}</channel></rss>'


def failures(redis: Client) -> dict[str, str]:
    """The kinds of all failures, by entry."""
    found: dict[str, str] = {}
    for queue in ("episodes", "podcasts"):
        for key, value in redis.hgetall(f"{{podcrawler}}:{queue}:failed").items():
            record = json.loads(value)
            assert record["kind"] != "private-address" or record["class"] == "permanent"
            found[key.decode()] = record["kind"]
    return found


def seed(redis: Client, *addresses: str) -> None:
    redis.lpush("episodes:start_urls", *reversed(addresses))


def test_no_door_leads_to_a_private_host(fleet: Commands, redis: Client, site: Site, secret: Listener) -> None:
    inside = f"http://127.0.0.2:{secret.port}"
    here = "127.0.0.1"
    meta_refresh = f'<html><head><meta http-equiv="refresh" content="0; url={inside}/x"></head><body>x</body></html>'
    link = (
        f'<html><head><link rel="alternate" type="application/rss+xml" href="{inside}/f"></head><body>x</body></html>'
    )
    site.pages |= {
        "/enclosure": feed("enclosure", f"{inside}/1.mp3", site.at(here, "/good.mp3")),
        "/redirect": f"{inside}/feed",
        "/hop1": site.at(here, "/hop2"),
        "/hop2": site.at(here, "/hop3"),
        "/hop3": f"{inside}/feed",
        "/media-hops": feed("hops", *(site.at(here, f"/media{n}") for n in (1, 2, 3))),
        "/media1": site.at(here, "/media2"),
        "/media2": site.at(here, "/media3"),
        "/media3": f"{inside}/1.mp3",
        "/next": feed("next", site.at(here, "/n.mp3"), more=f'<a:link rel="next" href="{inside}/page2"/>'),
        "/moved": feed("moved", site.at(here, "/m.mp3"), more=f"<i:new-feed-url>{inside}/new</i:new-feed-url>"),
        "/refresh": meta_refresh,
        "/location": f"<redirect><newLocation>{inside}/x</newLocation></redirect>",
        "/link": link,
        "/opml": f'<opml><body><outline xmlUrl="{inside}/a"/><outline xmlUrl="{inside}/b"/></body></opml>',
    }
    doors = ["/enclosure", "/redirect", "/hop1", "/media-hops", "/next", "/moved", "/refresh", "/location", "/link"]
    seed(redis, *(site.at(here, door) for door in (*doors, "/opml")))
    ended = fleet.drain()
    assert ended.status == 1
    found = {
        key.replace(site.at(here, ""), "").replace(inside, "inside"): kind for key, kind in failures(redis).items()
    }
    assert set(found.values()) == {"private-address"}, found
    pages = {"/redirect", "/hop1", "/refresh", "/location", "/link"}
    pages |= {"inside/page2", "inside/new", "inside/a", "inside/b"}
    assert {key for key in found if not key.endswith(("/1", "/2", "/3"))} == pages
    assert sum(key.endswith(("/1", "/2", "/3")) for key in found) == 4
    assert secret.connections == 0
    assert "/good.mp3" in site.asked
    assert "PODCRAWLER_ALLOW_HOSTS=127.0.0.2" in ended.err


def test_a_host_that_the_user_gave_is_for_what_it_lists_itself(fleet: Commands, redis: Client, site: Site) -> None:
    """A feed on the public internet leads to a host that the user gave for another podcast."""
    public = "127.0.0.3"
    site.pages |= {
        "/own": feed("own", site.at("127.0.0.1", "/own.mp3"), site.at("localhost", "/own.mp3?2")),
        "/stranger": feed("stranger", site.at("127.0.0.1", "/stolen.mp3"), site.at(public, "/tracker")),
        "/tracker": site.at("127.0.0.1", "/stolen"),
        "/list": f'<opml version="2.0"><body><outline xmlUrl="{site.at("127.0.0.1", "/stolen-feed")}"/>'
        f'<outline xmlUrl="{site.at(public, "/fine")}"/></body></opml>',
        "/fine": feed("fine", site.at(public, "/fine.mp3")),
        "/away": site.at(public, "/back"),
        "/back": site.at("127.0.0.1", "/stolen-page"),
        "/swap": site.at(public, "/swapped"),
        "/swapped": feed(
            "swapped",
            site.at("127.0.0.1", "/stolen-file"),
            more=f'<a:link rel="next" href="{site.at("127.0.0.1", "/stolen-next")}"/>',
        ),
    }
    given = [site.at("127.0.0.1", path) for path in ("/own", "/away", "/swap")]
    seed(redis, *given, site.at(public, "/stranger"), site.at(public, "/list"))
    ended = fleet.drain(PODCRAWLER_ALLOW_HOSTS=public)
    assert ended.status == 1
    assert [path for path in site.asked if "stolen" in path] == []
    assert {"/own.mp3", "/own.mp3?2", "/fine.mp3", "/tracker", "/back", "/swapped"} <= {*site.asked}
    found = failures(redis)
    assert set(found.values()) == {"private-address"}
    assert len(found) == 6, found


def test_an_entry_in_redis_says_nothing_of_what_the_user_gave(
    fleet: Commands, redis: Client, site: Site, secret: Listener
) -> None:
    """Whatever it claims: an entry may have come from a feed."""
    site.pages["/own"] = feed("own", site.at("127.0.0.1", "/own.mp3"))
    seed(redis, site.at("127.0.0.1", "/own"))
    assert fleet.drain().status == 0
    (podcast_id,) = (key.decode() for key in redis.hkeys("{podcrawler}:podcasts"))
    inside = f"http://127.0.0.2:{secret.port}"
    claims = {"root": inside, "seed": {"url": inside}, "podcast": podcast_id, "lease": {}, "redirect_urls": [inside]}
    episode = {"id": "x", "podcast_id": podcast_id, "title": "X", "enclosure": {"url": f"{inside}/x"}, "page": ""}
    push(redis, "page", f"{inside}/forged", inside, {"url": f"{inside}/forged", "meta": claims})
    push(
        redis,
        "episode",
        f"{podcast_id}/x",
        podcast_id,
        {"url": f"{inside}/x", "meta": {**claims, "episode": {"$episode": episode}}},
    )
    assert fleet.drain().status == 1
    assert set(failures(redis).values()) == {"private-address"}
    assert len(failures(redis)) == 2
    assert secret.connections == 0


def push(redis: Client, kind: str, key: str, group: str, request: dict[str, Any]) -> None:
    """Put an entry into the queue as lua/push_many.lua would."""
    queue = "{podcrawler}:episodes:"
    name = key.rpartition("/")[2] if kind == "episode" else key
    redis.hset(f"{queue}entries", key, json.dumps(request))
    redis.hset(f"{queue}routes", key, json.dumps([kind, group, name, "h", "1", ""]))
    redis.zadd(f"{queue}pending:h", {key: 1})
    redis.zadd(f"{queue}hosts", {"h": 0})
    redis.hincrby(f"{queue}open", group, 1)


def test_what_the_user_gives_to_a_command_is_asked(commands: Commands, site: Site, secret: Listener) -> None:
    commands.environment["REDIS_URL"] = "redis://localhost:1"
    site.pages |= {"/own": feed("own", site.at("127.0.0.1", "/own.mp3")), "/away": f"http://127.0.0.2:{secret.port}/x"}
    for command in (("fetch",), ("parse", "--spider=podcasts", "-c", "parse_page")):
        ended = commands.run(*command, site.at("127.0.0.1", "/own"))
        assert "own.mp3" in ended.out, ended.err
    ended = commands.run("fetch", site.at("127.0.0.1", "/away"))
    assert "PODCRAWLER_ALLOW_HOSTS=127.0.0.2" in ended.err
    assert secret.connections == 0
    assert "secret" in commands.run("fetch", f"http://127.0.0.2:{secret.port}/x").out


def test_robots_txt_of_a_host_that_the_user_gave_is_asked_for(fleet: Commands, redis: Client, site: Site) -> None:
    site.pages |= {
        "/own": feed("own", site.at("127.0.0.1", "/own.mp3")),
        "/robots.txt": b"User-agent: *\nDisallow: /own\n",
    }
    seed(redis, site.at("127.0.0.1", "/own"))
    assert fleet.drain("-s", "ROBOTSTXT_OBEY=True").status == 1
    assert list(failures(redis).values()) == ["robots"]
    assert site.asked == ["/robots.txt"]


# The record


@pytest.fixture
def given_hosts(redis: Client) -> GivenHosts:
    return GivenHosts(redis, Keys())


def test_a_host_is_given_with_an_address_and_for_the_podcasts_that_it_lists(given_hosts: GivenHosts) -> None:
    nas = "http://nas.local/feed"
    given_hosts.note_addresses([nas, "http://[::1]/x"])
    assert given_hosts.is_given(nas, "nas.local")
    assert given_hosts.is_given("", "nas.local")
    assert given_hosts.is_given("http://[::1]/x", "localhost")
    assert not given_hosts.is_given(nas, "localhost")
    given_hosts.note_podcast(nas, "tea-1", "nas.local")
    given_hosts.note_podcast(nas, "rain-2", "localhost")
    given_hosts.note_podcast("http://nas.local/other", "salt-3", "nas.local")
    assert [given_hosts.is_given(name, "nas.local") for name in ("tea-1", "rain-2", "salt-3")] == [True, False, False]


def test_a_name_that_was_on_the_public_internet_is_not_given_when_it_leads_elsewhere(given_hosts: GivenHosts) -> None:
    """Its owner may bind it anew; an address stays what it is."""
    given_hosts.note_addresses(["http://feeds.example/", "http://192.168.1.5/"])
    for host in ("feeds.example", "192.168.1.5"):
        given_hosts.note_public(host)
    assert not given_hosts.is_given("http://feeds.example/", "feeds.example")
    assert given_hosts.is_given("http://192.168.1.5/", "192.168.1.5")


def test_the_record_has_no_logins(fleet: Commands, redis: Client, site: Site) -> None:
    site.pages["/own"] = feed("own", site.at("127.0.0.1", "/own.mp3"))
    address = site.at("ann:s3cret@127.0.0.1", "/own")
    seed(redis, address)
    assert fleet.drain().status == 0
    (podcast_id,) = (key.decode() for key in redis.hkeys("{podcrawler}:podcasts"))
    assert {member.decode() for member in redis.smembers(GIVEN)} == {
        f"{site.at('127.0.0.1', '/own')} localhost",
        f"{podcast_id} localhost",
        " localhost",
    }
    assert codec.loads(redis.hget("{podcrawler}:podcasts", podcast_id))["title"] == "own"
