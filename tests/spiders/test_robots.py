"""robots.txt counts for web pages that the user did not name, and for nothing else; and hosts are told who asks."""

import re
from collections.abc import Iterator
from textwrap import dedent

import pytest

from podcrawler import __version__
from tests.changing_web import AUDIO, Web, changing_web, feed
from tests.conftest import Client, Commands
from tests.spiders.test_private_addresses import failures
from tests.stand_in import Page

HOST = "http://radio.example"
ROBOTS, LIST, SECOND, EPISODE, OLD = (
    f"{HOST}{path}" for path in ("/robots.txt", "/shows/tea", "/shows/tea?page=2", "/episodes/2", "/episodes/1")
)
FILES = [f"{HOST}/{number}.mp3" for number in (1, 2)]
SITE = r"""
    url = 'http://radio\.example/shows/tea(\?page=\d+)?'
    [podcast]
    id = 'radio-tea'
    address = '/shows/tea'
    title = 'h1'
    [list]
    each = 'article'
    page = 'a'
    id = '::attr(data-number)'
    title = 'a'
    next = '.next'
    [episode]
    url = 'http://radio\.example/episodes/\d+'
    title = 'h1'
    audio = 'audio'
"""


@pytest.fixture
def web(fleet: Commands) -> Iterator[Web]:
    sites = fleet.folder / "sites"
    sites.mkdir()
    (sites / "radio.toml").write_text(dedent(SITE))
    with changing_web() as web:
        fleet.environment |= {"http_proxy": web.address, "PODCRAWLER_SITES": str(sites)}
        web.pages = {
            LIST: page(2, more='<a class="next" href="?page=2">Older</a>'),
            SECOND: page(1),
            EPISODE: Page(f'<html><h1>Two</h1><audio src="{FILES[1]}"></audio></html>'),
            OLD: Page(f'<html><h1>One</h1><audio src="{FILES[0]}"></audio></html>'),
            **dict.fromkeys(FILES, AUDIO),
        }
        yield web


def page(number: int, more: str = "") -> Page:
    article = f'<article data-number="{number}"><a href="/episodes/{number}">Part {number}</a></article>'
    return Page(f"<html><h1>Tea</h1>{article}{more}</html>")


def robots(*rules: str) -> Page:
    return Page("\n".join(["User-agent: *", *rules]), "text/plain")


def drain(fleet: Commands, address: str = LIST, *settings: str) -> str:
    """Work on the address until nothing is left to do; the log."""
    options = [word for setting in ("PODCRAWLER_RETRY_DELAY=0.01", *settings) for word in ("-s", setting)]
    ended = fleet.drain("-a", f"address={address}", *options)
    print(ended.err)
    return ended.err


def asked(web: Web) -> list[str]:
    return [address for address, _ in web.asked]


def test_pages_that_a_page_lists_are_left_alone_and_fail_once(fleet: Commands, redis: Client, web: Web) -> None:
    web.pages[ROBOTS] = robots("Disallow: /episodes/2", "Disallow: /*page=", "Disallow: /*.mp3")
    log = drain(fleet)
    assert failures(redis) == {"radio-tea/2": "robots", SECOND: "robots"}
    assert "radio.example asks programs not to fetch this page (robots.txt); set PODCRAWLER_ROBOTS to False" in log
    assert sorted(asked(web)) == [ROBOTS, LIST]
    fleet.run("retry", "--all")
    assert "[robots]" not in drain(fleet, LIST, "PODCRAWLER_ROBOTS=False")
    assert not failures(redis)
    assert set(FILES) < set(asked(web)), "although robots.txt forbids them: they are published for programs"
    assert asked(web).count(ROBOTS) == 1


def test_an_address_of_the_users_is_fetched_and_so_are_its_files(fleet: Commands, redis: Client, web: Web) -> None:
    shows = f"{HOST}/feed.xml"
    web.pages |= {ROBOTS: robots("Disallow: /"), shows: feed("Show", FILES[0])}
    drain(fleet, shows)
    assert asked(web) == [shows, FILES[0]]
    assert not failures(redis)


def test_what_a_page_refers_to_is_a_feed_until_it_turns_out_to_be_a_page(
    fleet: Commands, redis: Client, web: Web
) -> None:
    home, other = f"{HOST}/home", f"{HOST}/other"
    links = '<link rel="alternate" type="application/rss+xml" href="/other">'
    web.pages |= {
        ROBOTS: robots("Disallow: /other"),
        home: Page(f"<html><head>{links}</head><body>Show</body></html>"),
        other: feed("Show", FILES[0]),
    }
    drain(fleet, home)
    assert asked(web) == [home, other, FILES[0]]
    web.pages[other] = Page(f'<html><body><h1>One</h1><audio src="{FILES[0]}"></audio></body></html>')
    drain(fleet, home)
    assert failures(redis) == {home: "robots"}


def test_the_rules_for_podcrawler_come_before_those_for_all(fleet: Commands, redis: Client, web: Web) -> None:
    everybodys = "User-agent: *\nDisallow: /\n\n"
    web.pages[ROBOTS] = Page(f"{everybodys}User-Agent: PodCrawler\nUser-agent: other\nDisallow: /episodes/1\n")
    drain(fleet)
    assert failures(redis) == {"radio-tea/1": "robots"}
    assert asked(web).count(ROBOTS) == 1


@pytest.mark.parametrize("status", [404, 403])
def test_a_host_without_robots_txt_forbids_nothing(fleet: Commands, redis: Client, web: Web, status: int) -> None:
    web.pages[ROBOTS] = Page("User-agent: *\nDisallow: /", status=status)
    drain(fleet)
    assert not failures(redis)
    assert asked(web).count(ROBOTS) == 1


@pytest.mark.parametrize("status", [503, 429])
def test_a_host_that_cannot_tell_delays_its_pages_once(fleet: Commands, redis: Client, web: Web, status: int) -> None:
    web.pages[ROBOTS] = Page("busy", status=status)
    log = drain(fleet)
    assert f"[robots]: radio.example answered {status} when it was asked for its robots.txt" in log
    assert not failures(redis)
    assert asked(web).count(ROBOTS) == 2
    assert set(FILES) < set(asked(web))


def test_a_robots_txt_with_rules_for_a_million_agents_takes_no_time(fleet: Commands, redis: Client, web: Web) -> None:
    agents = "\n".join(f"User-agent: a{number}" for number in range(12_000))
    web.pages[ROBOTS] = Page(f"User-agent: *\n{agents}\n" + "\n".join(f"Disallow: /{n}" for n in range(20_000)))
    drain(fleet)
    assert not failures(redis)
    assert set(FILES) < set(asked(web))


# Who asks


@pytest.mark.parametrize(
    ("settings", "agent"),
    [
        ((), f"podcrawler/{__version__} (a podcast archiver; on behalf of one listener)"),
        (("PODCRAWLER_CONTACT=me@example.com",), f"podcrawler/{__version__} (+me@example.com)"),
        (("PODCRAWLER_CONTACT=https://example.com/me", "USER_AGENT=Mine/1"), "Mine/1"),
    ],
    ids=["nobody", "contact", "own"],
)
def test_the_user_agent_tells_whom_to_complain_to(
    fleet: Commands, web: Web, settings: tuple[str, ...], agent: str
) -> None:
    web.agent = agent
    assert not [line for line in drain(fleet, LIST, *settings).splitlines() if re.search(r"\b403\b", line)]
    assert set(FILES) < set(asked(web))


@pytest.mark.parametrize("contact", ["me", "https://a:b@example.com", "me@example.com)", "ftp://example.com/"])
def test_a_contact_is_an_address(fleet: Commands, contact: str) -> None:
    ended = fleet.run("crawl", "episodes", "-s", f"PODCRAWLER_CONTACT={contact}")
    assert ended.status == 2
    assert "PODCRAWLER_CONTACT cannot be" in ended.err
    assert 'it is no address such as "https://example.com/crawler" or "me@example.com"' in ended.err
    assert "Traceback" not in ended.err
