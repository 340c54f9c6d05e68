"""Nobody is somebody by claim: what a feed says of itself gives it nothing of another podcast."""

import json
from collections.abc import Iterator

import pytest

from podcrawler.sites.identity import podcast_guid
from tests.changing_web import AUDIO, Web, changing_web, feed
from tests.conftest import Client, Commands
from tests.stand_in import Page

SHOW = "http://show.example/private/feed.xml"
LOGIN = "ann:secret"
WITH_LOGIN = SHOW.replace("://", f"://{LOGIN}@")
EVIL = "http://evil.example/feed.xml"
DECLARED = "917393e3-1b1e-5cef-ace4-edaa54e1f810"
FILE = "http://show.example/private/one.mp3"


def guid(text: str) -> str:
    return f"<podcast:guid>{text}</podcast:guid>"


def moved(to: str) -> str:
    return f"<itunes:new-feed-url>{to}</itunes:new-feed-url>"


@pytest.fixture
def web(fleet: Commands) -> Iterator[Web]:
    with changing_web() as web:
        fleet.environment["http_proxy"] = web.address
        yield web


def read(fleet: Commands, *addresses: str) -> str:
    """Archive what is at these addresses, one after the other; the output of the last."""
    for address in addresses:
        ended = fleet.run("archive", address, "-s", "PODCRAWLER_RETRY_DELAY=0.01")
        assert ended.status == 0, ended.out + ended.err
    return ended.out


def podcasts(redis: Client) -> dict[str, str]:
    """By address: the id of the podcast that it leads to."""
    return {
        field.decode(): value.decode()
        for field, value in redis.hgetall("{podcrawler}:addresses").items()
        if not field.startswith(b"podcast:guid:")
    }


@pytest.mark.parametrize("claimed", [DECLARED, podcast_guid(SHOW)], ids=["declared", "computed"])
def test_a_feed_that_claims_to_be_another_gets_nothing_of_it(
    fleet: Commands, redis: Client, web: Web, claimed: str
) -> None:
    own = guid(claimed) if claimed == DECLARED else ""
    web.pages = {SHOW: feed("Show", FILE, more=own), FILE: AUDIO}
    read(fleet, WITH_LOGIN)
    (show_id,) = redis.hkeys("{podcrawler}:podcasts")
    before = redis.hgetall("{podcrawler}:podcasts")
    logins = redis.hgetall("{podcrawler}:logins")

    other, theirs = "http://evil.example/two.mp3", "http://show.example/private/stolen.mp3"
    web.pages |= {EVIL: feed("Show", "http://evil.example/one.mp3", other, theirs, more=guid(claimed) + moved(SHOW))}
    web.pages |= dict.fromkeys(("http://evil.example/one.mp3", other, theirs), AUDIO)
    web.asked.clear()
    out = read(fleet, EVIL, EVIL)
    ids = podcasts(redis)
    assert ids[SHOW] == show_id.decode() != ids[EVIL]
    assert before.items() <= redis.hgetall("{podcrawler}:podcasts").items()
    assert redis.hgetall("{podcrawler}:logins") == logins
    assert web.logins() == {}
    assert set(redis.hkeys(f"{{podcrawler}}:finished:{ids[SHOW]}")) == {b"one"}
    assert set(redis.hkeys(f"{{podcrawler}}:finished:{ids[EVIL]}")) == {b"one", b"two", b"stolen"}
    assert len(fleet.files()) == 4
    if own:
        assert f"declares the guid of {ids[SHOW]}" in out
        assert f"podcrawler merge {ids[EVIL]} {ids[SHOW]}" in out


def test_a_claim_that_comes_first_gets_nothing_either(fleet: Commands, redis: Client, web: Web) -> None:
    """The guid that a podcast without one has can be computed by anybody."""
    mine = "http://evil.example/one.mp3"
    web.pages = {EVIL: feed("Show", mine, more=guid(podcast_guid(SHOW))), mine: AUDIO}
    read(fleet, EVIL)
    web.pages |= {SHOW: feed("Show", FILE), FILE: AUDIO}
    read(fleet, WITH_LOGIN, EVIL)
    ids = podcasts(redis)
    assert ids[SHOW] != ids[EVIL]
    assert set(redis.hkeys("{podcrawler}:logins")) == {SHOW.encode(), ids[SHOW].encode()}
    assert len(fleet.files()) == 2


def test_the_next_page_of_a_feed_does_not_become_its_own(fleet: Commands, redis: Client, web: Web) -> None:
    mine = "http://evil.example/one.mp3"
    web.pages = {
        EVIL: feed("Mine", mine, more=f'<atom:link rel="next" href="{SHOW}"/>'),
        SHOW: feed("Show", FILE),
        mine: AUDIO,
        FILE: AUDIO,
    }
    read(fleet, EVIL, WITH_LOGIN)
    ids = podcasts(redis)
    assert ids[SHOW] != ids[EVIL]
    assert web.logins() == {LOGIN: {SHOW, FILE}}


def test_an_address_that_has_pointed_to_a_podcast_does_not_become_one_of_its_own(
    fleet: Commands, redis: Client, web: Web
) -> None:
    mine = "http://evil.example/two.mp3"
    web.pages = {SHOW: feed("Show", FILE), FILE: AUDIO, mine: AUDIO}
    web.pages[EVIL] = Page("", status=302, headers={"Location": SHOW})
    read(fleet, SHOW, EVIL)
    assert len(redis.hkeys("{podcrawler}:podcasts")) == 1
    web.pages[EVIL] = feed("Show", mine)
    read(fleet, EVIL)
    ids = podcasts(redis)
    assert ids[SHOW] != ids[EVIL]
    assert redis.hkeys(f"{{podcrawler}}:finished:{ids[SHOW]}") == [b"one"]


def test_what_the_old_address_tells_is_the_same_podcast(fleet: Commands, redis: Client, web: Web) -> None:
    """A redirect, then ``new-feed-url``; and by another scheme or with a slash at the end it was never another."""
    new, newer = "http://new.example/feed", "http://newer.example/feed"
    web.pages = {SHOW: feed("Show", FILE), FILE: AUDIO}
    read(fleet, SHOW)
    web.pages[SHOW] = Page("", status=301, headers={"Location": new})
    web.pages[new] = feed("Show, anew", FILE)
    read(fleet, SHOW)
    web.pages[new] = feed("Show, anew", FILE, more=moved(newer))
    web.pages[newer] = web.pages[f"{newer}/"] = feed("Show, newer", FILE)
    read(fleet, new)
    out = read(fleet, f"{newer}/")
    assert "the one episode is already there" in out
    assert len(set(podcasts(redis).values())) == 1
    assert podcasts(redis).keys() == {SHOW, new, newer, f"{newer}/"}
    assert json.loads(redis.hvals("{podcrawler}:podcasts")[0])["title"] == "Show, newer"


def test_a_login_is_for_the_folder_that_it_was_given_for(fleet: Commands, web: Web) -> None:
    files = [FILE, "http://show.example/private/more/two.mp3", "http://show.example/three.mp3"]
    files += ["http://show.example/private/../four.mp3", "http://show.example:81/private/five.mp3"]
    inside = "http://show.example/private/six.mp3"
    web.pages = dict.fromkeys((*files, "http://show.example/outside.mp3"), AUDIO)
    web.pages[inside] = Page("", status=302, headers={"Location": "http://show.example/outside.mp3"})
    web.pages[SHOW] = feed("Show", *files, inside)
    read(fleet, WITH_LOGIN, SHOW)
    assert web.logins() == {LOGIN: {SHOW, *files[:2], inside}}


def test_that_a_login_was_not_sent_is_told(fleet: Commands, web: Web) -> None:
    outside = "http://show.example/one.mp3"
    web.pages = {SHOW: feed("Show", outside), outside: Page("no", status=401)}
    ended = fleet.run("archive", WITH_LOGIN, "-s", "PODCRAWLER_RETRY_DELAY=0.01")
    assert ended.status == 1
    assert "the login was given for http://show.example/private/ alone" in ended.out


def test_a_login_that_a_feed_tells_replaces_none_of_the_users(fleet: Commands, redis: Client, web: Web) -> None:
    new = "http://show.example/private/new.xml"
    web.pages = {SHOW: feed("Show", FILE), FILE: AUDIO}
    read(fleet, WITH_LOGIN)
    logins = redis.hgetall("{podcrawler}:logins")
    told = FILE.replace("://", "://bob:told@").replace("one", "two")
    web.pages[SHOW] = feed("Show", FILE, told, more=moved(new.replace("://", "://eve:told@")))
    web.pages |= {new: feed("Show", FILE), FILE.replace("one", "two"): AUDIO}
    read(fleet, SHOW)
    assert redis.hgetall("{podcrawler}:logins") == logins
    assert web.logins()["bob:told"] == {FILE.replace("one", "two")}
    assert "told@" not in str(podcasts(redis))
