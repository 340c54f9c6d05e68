"""Subscriptions are checked when they are due, at the cost of one conditional request each."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from podcrawler.queue.keys import Keys
from podcrawler.subscriptions.records import Subscription
from podcrawler.subscriptions.store import Followed, Subscriptions
from tests.changing_web import AUDIO, Web, changing_web, feed
from tests.conftest import Client, Commands, Result, until
from tests.stand_in import Page

SHOW = "http://show.example/feed.xml"
ONE, TWO = "http://show.example/one.mp3", "http://show.example/two.mp3"
ETAG, MODIFIED = {"ETag": '"1"'}, {"Last-Modified": "Fri, 27 Nov 2020 10:00:00 GMT"}
QUICK = ("-s", "PODCRAWLER_CHECK_MIN=1", "-s", "PODCRAWLER_RETRY_DELAY=0.01")


@pytest.fixture
def web(fleet: Commands) -> Iterator[Web]:
    with changing_web() as web:
        fleet.environment["http_proxy"] = web.address
        yield web


@pytest.fixture
def subscriptions(redis: Client) -> Subscriptions:
    return Subscriptions(redis, Keys())


def show(web: Web, *files: str, more: str = "", **headers: str) -> None:
    web.pages |= {SHOW: replace(feed("Show", *files, more=more), headers=headers), **dict.fromkeys(files, AUDIO)}


def followed(subscriptions: Subscriptions) -> Followed:
    (one,) = subscriptions.all()
    return one


def brought_up_to_date(fleet: Commands, status: int = 0) -> Result:
    result = fleet.run("archive", *QUICK)
    assert result.status == status, result.out + result.err
    assert "Traceback" not in result.err
    return result


def answers(web: Web, address: str = SHOW) -> list[int]:
    """The statuses of the answers to requests for this address."""
    return [status for (asked, _), status in zip(web.asked, web.statuses, strict=True) if asked == address]


@pytest.mark.parametrize(("headers", "second"), [(ETAG, 304), (MODIFIED, 304), ({}, 200)], ids=["etag", "date", "none"])
def test_what_has_not_changed_is_not_read_again(
    fleet: Commands, web: Web, redis: Client, subscriptions: Subscriptions, headers: dict[str, str], second: int
) -> None:
    show(web, ONE, **headers)
    assert subscriptions.subscribe([Subscription(SHOW)]) == 1
    brought_up_to_date(fleet)
    before = followed(subscriptions)
    brought_up_to_date(fleet)
    after = followed(subscriptions)
    assert answers(web) == [200, second]
    assert list(fleet.files()) == [f"{before.checked.podcast_id}/one.one.mp3.mp3"]
    whole_at = after.checked.at if second == 200 else before.checked.at
    assert after.checked == replace(before.checked, at=after.checked.at, whole_at=whole_at)
    assert after.checked.at > before.checked.at
    assert not redis.exists("{podcrawler}:podcasts:entries")


def test_what_is_new_is_fetched_once(fleet: Commands, web: Web, subscriptions: Subscriptions) -> None:
    show(web, ONE, **ETAG)
    subscriptions.subscribe([Subscription(SHOW)])
    brought_up_to_date(fleet)
    show(web, ONE, TWO, ETag='"2"')
    brought_up_to_date(fleet)
    brought_up_to_date(fleet)
    assert answers(web) == [200, 200, 304]
    assert sorted(web.files()) == [ONE, TWO]


def test_a_host_that_always_says_that_nothing_has_changed_is_asked_once_more_by_refresh(
    fleet: Commands, web: Web, subscriptions: Subscriptions
) -> None:
    show(web, ONE, **ETAG)
    subscriptions.subscribe([Subscription(SHOW)])
    brought_up_to_date(fleet)
    show(web, ONE, TWO, **ETAG)
    brought_up_to_date(fleet)
    assert fleet.run("refresh", SHOW).status == 0
    brought_up_to_date(fleet)
    assert answers(web) == [200, 304, 200]
    assert sorted(web.files()) == [ONE, TWO]


def test_a_date_in_the_future_is_no_condition(fleet: Commands, web: Web, subscriptions: Subscriptions) -> None:
    dated = {"Last-Modified": format_datetime(datetime.now(UTC) + timedelta(days=400), usegmt=True)}
    show(web, ONE, **dated)
    subscriptions.subscribe([Subscription(SHOW)])
    brought_up_to_date(fleet)
    show(web, ONE, TWO, **dated)
    brought_up_to_date(fleet)
    assert answers(web) == [200, 200]
    assert sorted(web.files()) == [ONE, TWO]


def test_a_node_that_is_left_running_checks_what_is_due(
    fleet: Commands, web: Web, subscriptions: Subscriptions
) -> None:
    show(web, ONE, **ETAG)
    with fleet.start("crawl", "podcasts", *QUICK, "-s", "PODCRAWLER_CHECK_MAX=1") as node:
        subscriptions.subscribe([Subscription(SHOW)])
        until(lambda: 304 in answers(web))
        subscriptions.unsubscribe([SHOW])
        node.terminate()
        node.wait(30)
    assert answers(web)[0] == 200


def test_a_failing_feed_is_asked_once_a_check_and_ever_more_seldom(
    fleet: Commands, web: Web, subscriptions: Subscriptions
) -> None:
    show(web, ONE, **ETAG)
    subscriptions.subscribe([Subscription(SHOW)])
    brought_up_to_date(fleet)
    web.pages[SHOW] = Page("oh no", status=500)
    waits = []
    for _ in range(2):
        brought_up_to_date(fleet, status=2)
        found = followed(subscriptions)
        assert found.due is not None
        waits.append(found.due - max(found.checked.at, found.checked.failing_since))
    assert answers(web) == [200, 500, 500]
    assert (found.checked.failures, found.checked.error) == (2, "http-500")
    assert waits[0] < waits[1]
    show(web, ONE, **ETAG)
    brought_up_to_date(fleet)
    assert (followed(subscriptions).checked.failures, followed(subscriptions).checked.error) == (0, "")


def test_a_feed_that_is_gone_for_good_is_parked_until_the_user_wants_it_checked(
    fleet: Commands, web: Web, subscriptions: Subscriptions
) -> None:
    show(web, ONE)
    subscriptions.subscribe([Subscription(SHOW)])
    brought_up_to_date(fleet)
    web.pages[SHOW] = Page("gone", status=410)
    brought_up_to_date(fleet, status=2)
    parked = followed(subscriptions)
    assert (parked.due, parked.checked.parked) == (None, "the host says that the feed is gone for good (410)")
    show(web, ONE)
    assert subscriptions.check_now(SHOW)
    with fleet.start("crawl", "podcasts", *QUICK) as node:
        until(lambda: not followed(subscriptions).checked.parked)
        node.terminate()
        node.wait(30)


def test_a_home_page_is_asked_once_for_the_way_to_its_feed(
    fleet: Commands, web: Web, subscriptions: Subscriptions
) -> None:
    home = "http://show.example/"
    show(web, ONE, **ETAG)
    web.pages[home] = Page(f'<link rel="alternate" type="application/rss+xml" href="{SHOW}">')
    subscriptions.subscribe([Subscription(home)])
    brought_up_to_date(fleet)
    brought_up_to_date(fleet)
    assert (answers(web, home), answers(web)) == ([200], [200, 304])


def test_a_file_that_is_gone_is_fetched_though_its_feed_has_not_changed(
    fleet: Commands, web: Web, subscriptions: Subscriptions
) -> None:
    show(web, ONE, **ETAG)
    subscriptions.subscribe([Subscription(SHOW)])
    brought_up_to_date(fleet)
    (path,) = fleet.files()
    with suppress(FileNotFoundError):
        (fleet.archive / path).unlink()
    brought_up_to_date(fleet)
    assert list(fleet.files()) == [path]
    assert answers(web) == [200, 200]


def test_what_is_new_comes_before_what_was_there_before(
    fleet: Commands, web: Web, redis: Client, subscriptions: Subscriptions
) -> None:
    old = [f"http://show.example/old-{number}.mp3" for number in range(5)]
    show(web, *old, **ETAG)
    subscriptions.subscribe([Subscription(SHOW)])
    with fleet.start("crawl", "podcasts", *QUICK, "-s", "PODCRAWLER_CHECK_MAX=1") as node:
        until(lambda: redis.hlen("{podcrawler}:episodes:entries") == len(old))
        show(web, *old, TWO, ETag='"2"')
        until(lambda: redis.hlen("{podcrawler}:episodes:entries") == len(old) + 1)
        node.terminate()
        node.wait(30)
    with fleet.start("crawl", "episodes", "-s", "PODCRAWLER_CONCURRENT_EPISODES=1") as node:
        until(lambda: len(fleet.files()) == len(old) + 1)
        node.terminate()
        node.wait(30)
    assert web.files()[0] == TWO


def test_of_a_large_feed_with_one_new_entry_one_is_queued(
    fleet: Commands, web: Web, redis: Client, subscriptions: Subscriptions
) -> None:
    old = [f"http://show.example/old-{number}.mp3" for number in range(3000)]
    show(web, *old, **ETAG)
    subscriptions.subscribe([Subscription(SHOW)])
    options = (*QUICK, "-s", "PODCRAWLER_CHECK_MAX=1", "-s", "LOG_FILE=node.log")
    with fleet.start("crawl", "podcasts", *options) as node:
        until(lambda: redis.hlen("{podcrawler}:episodes:entries") == len(old))
        show(web, *old, TWO, ETag='"2"')
        until(lambda: redis.hlen("{podcrawler}:episodes:entries") > len(old))
        until(lambda: followed(subscriptions).checked.etag == '"2"')
        node.terminate()
        node.wait(30)
    assert redis.hlen("{podcrawler}:episodes:entries") == len(old) + 1
    assert "3001 episodes, 1 of them new" in (fleet.folder / "node.log").read_text()


@pytest.mark.parametrize(
    "listed",
    [
        '{"data": {"feeds": [{"feedId": 1, "feedUrl": "https://show.example/feed.xml"}], "items": []}}',
        "# changed\nhttp://show.example/feed.xml/\nhttp://other.example/feed.xml\n",
        '["http://show.example/feed.xml"]',
    ],
    ids=["index", "lines", "list"],
)
def test_a_feed_that_is_said_to_have_changed_is_checked_at_once(
    fleet: Commands, web: Web, subscriptions: Subscriptions, listed: str
) -> None:
    show(web, ONE, **ETAG)
    quiet, changes = "http://quiet.example/feed.xml", "http://index.example/changes"
    web.pages |= {quiet: replace(feed("Quiet", ONE), headers=ETAG), changes: Page(listed, "text/plain")}
    subscriptions.subscribe([Subscription(SHOW), Subscription(quiet)])
    brought_up_to_date(fleet)
    with fleet.start("crawl", "podcasts", "-s", f"PODCRAWLER_CHANGES={changes}") as node:
        until(lambda: 304 in answers(web))
        node.terminate()
        node.wait(30)
    assert (answers(web, quiet), answers(web, changes)) == ([200], [200])


@pytest.mark.parametrize(
    ("page", "said"), [(Page("<html>", "text/html"), ""), (Page("{]"), "is no list of feeds"), (None, "answered 404")]
)
def test_a_list_of_changes_that_cannot_be_read_is_said_and_harms_nothing(
    fleet: Commands, web: Web, subscriptions: Subscriptions, page: Page | None, said: str
) -> None:
    show(web, ONE, **ETAG)
    changes = "http://index.example/changes"
    if page:
        web.pages[changes] = page
    options = ("-s", f"PODCRAWLER_CHANGES={changes}", "-s", "LOG_FILE=node.log")
    with fleet.start("crawl", "podcasts", *options) as node:
        until(lambda: "feeds have changed" in log(fleet) or "PODCRAWLER_CHANGES:" in log(fleet))
        subscriptions.subscribe([Subscription(SHOW)])
        until(lambda: answers(web) == [200])
        node.terminate()
        node.wait(30)
    assert said in log(fleet)
    assert "Traceback" not in log(fleet)


def log(fleet: Commands) -> str:
    path = fleet.folder / "node.log"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def test_a_subscription_has_options_of_its_own_and_loosening_them_fetches_what_fits_now(
    fleet: Commands, web: Web, subscriptions: Subscriptions
) -> None:
    three = "http://show.example/three.mp3"
    show(web, ONE, TWO, three, **ETAG)
    assert fleet.run("subscribe", SHOW, "--match", "two").status == 0
    brought_up_to_date(fleet)
    assert web.files() == [TWO]
    podcast_id = followed(subscriptions).checked.podcast_id
    assert "left out" in fleet.run("episodes", podcast_id).out
    # The feed has not changed.
    assert "1 changed" in fleet.run("subscribe", podcast_id, "--match", "t").out
    brought_up_to_date(fleet)
    assert sorted(web.files()) == [three, TWO]
    assert fleet.run("subscribe", podcast_id, "--everything").status == 0
    brought_up_to_date(fleet)
    assert sorted(web.files()) == [ONE, three, TWO]
    brought_up_to_date(fleet)
    assert answers(web) == [200, 200, 200, 304]


def test_of_a_subscription_to_what_is_new_nothing_from_before_is_fetched(
    fleet: Commands, web: Web, subscriptions: Subscriptions
) -> None:
    def dated(file: str, when: datetime) -> str:
        item = str(feed("Show", file).body).partition("<item>")[2].partition("</item>")[0]
        return f"<item>{item}<pubDate>{format_datetime(when)}</pubDate></item>"

    def published(*items: str) -> Page:
        return Page(f"<rss><channel><title>Show</title>{''.join(items)}</channel></rss>", "application/rss+xml")

    now = datetime.now(UTC)
    old, new = dated(ONE, now - timedelta(days=1)), dated(TWO, now + timedelta(hours=1))
    web.pages |= {SHOW: published(old), ONE: AUDIO, TWO: AUDIO}
    assert fleet.run("subscribe", SHOW, "--new-only").status == 0
    brought_up_to_date(fleet)
    assert web.files() == []
    since = followed(subscriptions).subscription.options
    web.pages[SHOW] = published(new, old)
    assert fleet.run("subscribe", SHOW, "--new-only").out.startswith("0 new, 1 known")
    brought_up_to_date(fleet)
    assert web.files() == [TWO]
    assert followed(subscriptions).subscription.options == since


def test_a_token_in_an_address_is_in_no_log(fleet: Commands, web: Web, subscriptions: Subscriptions) -> None:
    token = "x7Kq2mZp9vTnR4bW8sYd"
    private = f"http://show.example/feed.xml?token={token}"
    web.pages[private] = feed("Show", ONE)
    fleet.run("subscribe", private)
    options = ("-s", "LOG_FILE=node.log", "-L", "DEBUG", "-s", "PODCRAWLER_CHECK_MAX=1", *QUICK)
    with fleet.start("crawl", "podcasts", *options) as node:
        until(lambda: len(answers(web, private)) > 1)
        web.pages[private] = Page("gone", status=410)
        until(lambda: followed(subscriptions).checked.parked)
        node.terminate()
        node.wait(30)
    assert "listed http://show.example/feed.xml?token=***" in log(fleet)
    assert "is not checked any more" in log(fleet)
    assert token not in log(fleet)
