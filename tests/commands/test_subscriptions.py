"""``subscribe``, ``unsubscribe``, ``subscriptions`` and ``refresh``, as a user runs them."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from podcrawler.subscriptions.records import CHECKED, Checked, dumped
from tests.builders import stored
from tests.changing_web import AUDIO, changing_web, feed
from tests.conftest import Client, Commands
from tests.origin import RunningOrigin

#: What AntennaPod exports: no groups, attributes in this order.
ANTENNAPOD = """<?xml version='1.0' encoding='UTF-8' standalone='no' ?>
<opml version="2.0">
  <head>
    <title>AntennaPod Subscriptions</title>
    <dateCreated>27 Nov 26 07:30:00 +0000</dateCreated>
  </head>
  <body>
    <outline text="Tom &amp; Jerry&apos;s &lt;Hour&gt;" title="Tom &amp; Jerry&apos;s &lt;Hour&gt;" type="rss" \
xmlUrl="https://tom.example/feed?format=mp3&amp;lang=en" htmlUrl="https://tom.example/" />
    <outline text="雨天的茶 Tea &#128104;&#8205;&#128105;" type="rss" xmlUrl="http://tea.example/feed" />
  </body>
</opml>"""
#: What Overcast exports as all of a user's data.
OVERCAST = """<?xml version="1.0" encoding="utf-8"?>
<opml version="1.0">
  <head><title>Overcast Podcast Subscriptions</title></head>
  <body>
    <outline text="playlists">
      <outline type="podcast-playlist" title="All Episodes" smart="1" sorting="reverse-chronological" />
    </outline>
    <outline text="feeds">
      <outline type="rss" overcastId="1" text="text of it" title="Tea" xmlUrl="https://tea.example/feed" \
htmlUrl="https://tea.example/" overcastAddedDate="2019-01-01T00:00:00+00:00" subscribed="1">
        <outline type="podcast-episode" overcastId="2" title="Green" url="https://tea.example/green" \
overcastUrl="https://overcast.fm/+A" enclosureUrl="https://tea.example/green.mp3" />
      </outline>
      <outline type="rss" overcastId="3" text="Gone" title="Gone" xmlUrl="https://gone.example/feed" subscribed="0" />
    </outline>
  </body>
</opml>"""
#: What Pocket Casts exports; and the folders of another app, in both of the ways that there are.
POCKET_CASTS = """<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>
<opml version="1.0">
  <head>
    <title>Pocket Casts Feeds</title>
  </head>
  <body>
    <outline text="feeds">
      <outline type="rss" text="Tea" xmlUrl="https://tea.example/feed" />
      <outline xmlUrl="https://bare.example/feed" />
    </outline>
  </body>
</opml>"""
GROUPED = """<opml version="2.0"><body>
<outline text="News" title="News"><outline text="World/Asia">
  <outline type="rss" text="Far" xmlUrl="https://far.example/feed" category="/not/this"/></outline>
  <outline type="rss" text="Near" xmlUrl="https://near.example/feed"/></outline>
<outline category="tag,/Fun/Dry Humour,/Other" type="rss" text="Dry" xmlUrl="https://dry.example/feed"/>
</body></opml>"""
TOKEN = "3f9c0d12ab45ef67"
SECRETS = ("ann", "s3cr", TOKEN, "t0ps3cret")


def listed(fleet: Commands) -> dict[str, dict[str, Any]]:
    """What ``subscriptions --json`` prints, by address."""
    ended = fleet.run("subscriptions", "--json")
    assert (ended.status, ended.err) == (0, "")
    lines = [json.loads(line) for line in ended.out.splitlines()]
    return {line["address"]: line for line in lines}


def outlines(document: str) -> set[tuple[str, ...]]:
    """Of each podcast of a list: its groups, its title and its address."""
    found = set()

    def read(element: ET.Element, groups: tuple[str, ...]) -> None:
        for outline in element.findall("outline"):
            if "xmlUrl" in outline.attrib:
                assert outline.attrib["text"] == outline.attrib["title"]
                found.add((*groups, outline.attrib["title"], outline.attrib["xmlUrl"]))
            else:
                read(outline, (*groups, outline.attrib["text"]))

    body = ET.fromstring(document.encode()).find("body")
    assert body is not None
    read(body, ())
    return found


def write(fleet: Commands, name: str, text: str) -> str:
    (fleet.folder / name).write_text(text)
    return name


def note(redis: Client, address: str, **found: Any) -> None:
    """Have a check have found something."""
    redis.hset("{podcrawler}:checks", address, dumped(CHECKED, Checked(**found)))


@pytest.mark.parametrize(
    ("document", "left_out", "expected"),
    [
        (
            ANTENNAPOD,
            "",
            {
                ("Tom & Jerry's <Hour>", "https://tom.example/feed?format=mp3&lang=en"),
                ("雨天的茶 Tea 👨\u200d👩", "http://tea.example/feed"),
            },
        ),
        (
            OVERCAST,
            'left out: list.opml: "Gone": the list says that it is not subscribed to.\n',
            {("Tea", "https://tea.example/feed")},
        ),
        (
            POCKET_CASTS,
            "",
            {("Tea", "https://tea.example/feed"), ("https://bare.example/feed", "https://bare.example/feed")},
        ),
        (
            GROUPED,
            "",
            {
                ("News", "World/Asia", "Far", "https://far.example/feed"),
                ("News", "Near", "https://near.example/feed"),
                ("Fun", "Dry Humour", "Dry", "https://dry.example/feed"),
            },
        ),
    ],
    ids=["AntennaPod", "Overcast", "Pocket Casts", "groups"],
)
def test_lists_of_apps_come_in_and_go_out(
    fleet: Commands, redis: Client, document: str, left_out: str, expected: set[tuple[str, ...]]
) -> None:
    ended = fleet.run("subscribe", write(fleet, "list.opml", document))
    count = left_out.count("\n")
    assert (ended.status, ended.err) == (1 if count else 0, "")
    assert ended.out == f"{left_out}{len(expected)} new, 0 known already, {count} left out.\n"
    exported = fleet.run("subscriptions", "--opml")
    assert (exported.status, exported.err) == (0, "")
    assert outlines(exported.out) == expected
    assert exported.out.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<opml version="2.0">\n')
    # And in again.
    redis.flushall()
    assert fleet.run("subscribe", write(fleet, "ours.opml", exported.out)).status == 0
    assert fleet.run("subscriptions", "--opml").out == exported.out


def test_a_title_of_any_characters_is_well_formed(fleet: Commands, redis: Client) -> None:
    title = "]]> --> \x1b[31m \u202e \udc00 \ufffe & \"'\t<"
    value = json.dumps({"title": "".join(char for char in title if char != "\udc00"), "groups": ["a\x00b", "<&>"]})
    redis.hset("{podcrawler}:subscriptions", "https://a.example/?a=1&b=%22<", value)
    ended = fleet.run("subscriptions", "--opml")
    ((*groups, told, address),) = outlines(ended.out)
    assert groups == ["a\N{REPLACEMENT CHARACTER}b", "<&>"]
    assert told == "]]> --> \N{REPLACEMENT CHARACTER}[31m \u202e  \N{REPLACEMENT CHARACTER} & \"'\t<"
    assert address == "https://a.example/?a=1&b=%22<"
    assert "\x1b" not in ended.out
    assert "\u202e" not in ended.out + fleet.run("subscriptions").out


def test_a_subscription_that_leads_nowhere_keeps_no_other_from_being_checked(
    fleet: Commands, redis: Client, origin: RunningOrigin
) -> None:
    fleet.run("subscribe", f"{origin.address}/feed.xml?episodes=1&size=10")
    redis.hset("{podcrawler}:subscriptions", "nowhere at all", "{}")
    redis.zadd("{podcrawler}:due", {"nowhere at all": 0})
    ended = fleet.run("archive")
    assert ended.status == 1
    assert "the subscription nowhere at all: " in ended.out
    assert len(fleet.files()) == 1


def test_what_is_subscribed_to_stays_as_it_is_unless_something_is_named(fleet: Commands, redis: Client) -> None:
    assert fleet.run("subscriptions").out.startswith("There is no subscription yet; ")
    first = fleet.run(
        "subscribe", "https://a.example/feed", "b.example/feed", "--keep", "10", "--group", "News / World"
    )
    assert (first.status, first.out, first.err) == (0, "2 new, 0 known already, 0 left out.\n", "")
    assert redis.zrange("{podcrawler}:due", 0, -1, withscores=True) == [
        (b"https://a.example/feed", 0),
        (b"https://b.example/feed", 0),
    ]
    assert redis.sismember("{podcrawler}:given-hosts", "https://b.example/feed b.example")
    note(redis, "https://a.example/feed", podcast_id="show-1", etag='"1"')
    redis.zadd("{podcrawler}:due", {"https://a.example/feed": 4_000_000_000_000})

    before = {key: stored(redis, key) for key in redis.scan_iter()}
    # In other spellings, twice, and by a list of an app.
    words = ("http://a.example/feed/", "feed:b.example/feed", "https://b.example/feed", "show-1")
    again = fleet.run("subscribe", *words, write(fleet, "list", "https://a.example/feed\n\n# none\n"))
    assert (again.status, again.out) == (0, "0 new, 2 known already, 0 left out.\n")
    assert {key: stored(redis, key) for key in redis.scan_iter()} == before

    for named in ("show-1", "a.example/feed"):
        days = "30d" if named == "show-1" else "all"
        changed = fleet.run("subscribe", named, "--keep", days)
        assert (changed.status, changed.out) == (0, "0 new, 1 changed, 0 known already, 0 left out.\n")
        one, other = listed(fleet)["https://a.example/feed"], listed(fleet)["https://b.example/feed"]
        assert (one["keep"], one["groups"], one["next_check"]) == (days.removesuffix("all"), ["News", "World"], 0)
        assert (other["keep"], other["groups"]) == ("10", ["News", "World"])
    # What is wanted now may be in the answer that was read already.
    assert json.loads(redis.hget("{podcrawler}:checks", "https://a.example/feed")) == {"podcast_id": "show-1"}


def test_an_archived_podcast_is_subscribed_to_by_its_id(fleet: Commands, redis: Client) -> None:
    redis.hset("{podcrawler}:podcasts", "show-1", '{"title": "Show", "address": "https://a.example/feed"}')
    assert fleet.run("subscribe", "show-1").out == "1 new, 0 known already, 0 left out.\n"
    assert list(listed(fleet)) == ["https://a.example/feed"]
    unknown = fleet.run("subscribe", "show-2", "https://b.example/")
    assert unknown.status == 2
    assert (
        unknown.err
        == "podcrawler: There is no podcast show-2; `python -m podcrawler podcasts` lists those there are.\n"
    )
    assert list(listed(fleet)) == ["https://a.example/feed"]


def test_a_subscription_is_shown_with_its_state(fleet: Commands, redis: Client) -> None:
    hosts = ("current", "failing", "parked", "new")
    assert fleet.run("subscribe", *(f"https://{host}.example/" for host in hosts), "--keep", "5").status == 0
    known = {"title": "Title", "podcast_id": "show-1", "at": 1_790_000_000.0}
    note(redis, "https://current.example/", **known)
    failing = {"failures": 3, "failing_since": 1_790_000_600.0, "error": "http-503"}
    note(redis, "https://failing.example/", **(known | failing), feed="https://feed.example/")
    note(redis, "https://parked.example/", **failing, parked="the host says that the feed is gone for good (410)")
    redis.zadd("{podcrawler}:due", {f"https://{host}.example/": 1_790_003_600_500 for host in ("current", "failing")})
    redis.zrem("{podcrawler}:due", "https://parked.example/")

    rows = {address.split("/")[2].split(".")[0]: row for address, row in listed(fleet).items()}
    assert rows["current"] == {
        "id": "show-1", "address": "https://current.example/", "feed": "https://current.example/", "title": "Title",
        "groups": [], "state": "current", "reason": "", "failing_since": None, "last_check": 1_790_000_000.0,
        "next_check": 1_790_003_600.5, "keep": "5", "options": {},
    }  # fmt: skip
    assert (rows["failing"]["state"], rows["failing"]["reason"]) == ("failing", "http-503")
    assert (rows["failing"]["failing_since"], rows["failing"]["feed"]) == (1_790_000_600.0, "https://feed.example/")
    assert (rows["parked"]["state"], rows["parked"]["next_check"]) == ("parked", None)
    assert (rows["new"]["state"], rows["new"]["last_check"], rows["new"]["next_check"]) == ("new", None, 0)

    checked, due = "checked 2026-09-21 14:13Z", "next 2026-09-21 15:13Z"
    # By title, of which two have none.
    assert fleet.run("subscriptions").out.splitlines() == [
        "https://new.example/  new  next at once  keep 5",
        "https://parked.example/  parked: the host says that the feed is gone for good (410)  keep 5",
        f"show-1  Title  up to date  {checked}  {due}  keep 5",
        f"show-1  Title  failing since 2026-09-21 14:23Z (http-503)  {checked}  {due}  keep 5",
    ]


def test_podcasts_have_their_next_visit(fleet: Commands, redis: Client) -> None:
    for name in ("show-1", "show-2"):
        redis.hset("{podcrawler}:podcasts", name, '{"title": "Show", "address": "https://a.example/feed"}')
    assert fleet.run("subscribe", "show-1").status == 0
    note(redis, "https://a.example/feed", podcast_id="show-1")
    redis.zadd("{podcrawler}:due", {"https://a.example/feed": 1_790_003_600_500})
    assert fleet.run("podcasts").out.splitlines() == [
        "show-1  Show  no episodes  next visit 2026-09-21 15:13Z",
        "show-2  Show  no episodes",
    ]
    visits = [json.loads(line)["next_visit"] for line in fleet.run("podcasts", "--json").out.splitlines()]
    assert visits == [1_790_003_600.5, None]


def test_unsubscribe_and_refresh_take_addresses_and_ids(fleet: Commands, redis: Client) -> None:
    addresses = [f"https://{host}.example/feed" for host in "abc"]
    assert fleet.run("subscribe", *addresses).status == 0
    note(redis, addresses[0], podcast_id="show-1", parked="no")
    redis.zrem("{podcrawler}:due", addresses[0])
    redis.zadd("{podcrawler}:due", dict.fromkeys(addresses[1:], 4_000_000_000_000))

    ended = fleet.run("refresh", "show-1", "http://b.example/feed/", "nobody")
    assert ended.status == 2
    assert ended.out.startswith("2 to be checked at once, ")
    told = "There is no subscription nobody; `python -m podcrawler subscriptions` lists those there are.\n"
    assert ended.err == told
    times = {address: row["next_check"] for address, row in listed(fleet).items()}
    assert times == dict(zip(addresses, (0, 0, 4_000_000_000), strict=True))
    assert fleet.run("refresh", "--all").out.startswith("3 to be checked at once, ")
    assert {row["next_check"] for row in listed(fleet).values()} == {0}

    ended = fleet.run("unsubscribe", "show-1", "b.example/feed", "nobody")
    assert (ended.status, ended.err) == (2, told)
    assert ended.out == "2 unsubscribed; what is archived of them stays.\n"
    assert list(listed(fleet)) == addresses[2:]
    assert fleet.run("unsubscribe", "nobody").out == "0 unsubscribed; what is archived of them stays.\n"
    assert fleet.run("unsubscribe", addresses[2]).status == 0
    for key in ("subscriptions", "checks", "due"):
        assert not redis.exists(f"{{podcrawler}}:{key}")


def test_a_private_feed_stays_private(fleet: Commands, redis: Client) -> None:
    private = [
        "https://ann:s3cr%40et@login.example/feed",
        f"https://path.example/{TOKEN}/rss",
        "https://query.example/rss?auth=t0ps3cret",
    ]
    texts = [fleet.run("subscribe", *private, "https://open.example/feed", "-L", "DEBUG")]
    assert texts[0].out == "4 new, 0 known already, 0 left out.\n"
    note(redis, private[1], feed=f"https://moved.example/?token={TOKEN}")
    texts += [
        fleet.run(*words) for words in (["subscriptions"], ["subscriptions", "--json"], ["subscriptions", "--opml"])
    ]
    texts += [
        fleet.run("podcasts"),
        fleet.run("refresh", *private),
        fleet.run("unsubscribe", "https://a:s3cr@b.example/"),
    ]
    exported = texts[3]
    assert outlines(exported.out) == {("https://open.example/feed", "https://open.example/feed")}
    assert "<!-- 3 private feeds left out. -->\n" in exported.out
    assert exported.err.startswith("3 private feeds left out. --with-secrets has them")
    assert texts[5].out.startswith("3 to be checked")
    for text in texts:
        assert [secret for secret in SECRETS if secret in text.out + text.err] == []
    keys = {key.decode(): str(stored(redis, key)) for key in redis.scan_iter() if b"logins" not in key}
    assert [key for key, value in keys.items() if "s3cr%40" in value or "s3cr@" in value] == []

    whole = fleet.run("subscriptions", "--opml", "--with-secrets")
    assert {address for *_, address in outlines(whole.out)} == {
        private[0], f"https://moved.example/?token={TOKEN}", private[2], "https://open.example/feed"
    }  # fmt: skip
    assert "<!-- 3 private feeds with what gives access to them: " in whole.out
    assert whole.err.startswith("3 private feeds with what gives access to them: ")
    redis.flushall()
    assert fleet.run("subscribe", write(fleet, "whole.opml", whole.out)).status == 0
    assert fleet.run("subscriptions", "--opml", "--with-secrets").out == whole.out


def test_the_login_of_a_subscription_is_that_of_its_feed_and_its_episodes(fleet: Commands, redis: Client) -> None:
    address, file = "http://show.example/feed.xml", "http://show.example/one.mp3"
    with changing_web() as web:
        fleet.environment["http_proxy"] = web.address
        web.pages = {address: feed("Show", file), file: AUDIO}
        assert fleet.run("subscribe", address.replace("//", "//ann:s3cr%40et@")).status == 0
        assert fleet.run("archive").status == 0
        assert web.logins()["ann:s3cr@et"] == {address, file}
    # Another password.
    redis.zadd("{podcrawler}:due", {address: 4_000_000_000_000})
    changed = fleet.run("subscribe", address.replace("//", "//ann:other@"))
    assert changed.out == "0 new, 1 changed, 0 known already, 0 left out.\n"
    assert listed(fleet)[address]["next_check"] == 0
    assert {json.loads(value)["password"] for value in redis.hvals("{podcrawler}:logins")} == {"other"}


def test_an_address_without_a_scheme_leads_to_its_feed(fleet: Commands, origin: RunningOrigin) -> None:
    """By http, on a network that no feed may lead to."""
    address = f"{origin.address}/feed.xml?episodes=1&size=10"
    assert fleet.run("subscribe", address.removeprefix("http://")).out == "1 new, 0 known already, 0 left out.\n"
    archived = fleet.run("archive", "-s", "PODCRAWLER_RETRY_DELAY=0.01")
    assert (archived.status, len(fleet.files())) == (0, 1), archived.err
    ((_, row),) = listed(fleet).items()
    assert (row["feed"], row["state"]) == (address, "current")
    assert fleet.run("subscribe", address).out == "0 new, 1 known already, 0 left out.\n"


def test_a_thousand_subscriptions_of_a_list(fleet: Commands, tmp_path: Path) -> None:
    text = "\n".join(f"https://host-{number}.example/feed" for number in range(1200))
    (tmp_path / "many.txt").write_text(text)
    assert fleet.run("subscribe", str(tmp_path / "many.txt")).out == "1200 new, 0 known already, 0 left out.\n"
    assert fleet.run("subscribe", str(tmp_path / "many.txt")).out == "0 new, 1200 known already, 0 left out.\n"
    assert len(fleet.run("subscriptions").out.splitlines()) == 1200
