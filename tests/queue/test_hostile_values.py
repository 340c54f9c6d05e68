"""Redis is input: whatever is in the place of anything there, every entry ends in a state, and the rest is read.

The catalogue of what is there is docs/queue-keys.md.
"""

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scrapy.settings import Settings
from typing_extensions import override

from podcrawler.exceptions import EntryError
from podcrawler.fleet.job import Job
from podcrawler.fleet.status import read_status
from podcrawler.fleet.waiting import standing, waiting
from podcrawler.ids import PODCAST_ID
from podcrawler.items import Enclosure, Episode
from podcrawler.logins import Login
from podcrawler.queue import acks, codec
from podcrawler.queue.archive import Archive, Imported
from podcrawler.queue.broker import Broker
from podcrawler.queue.choices import Choices
from podcrawler.queue.dates import Dates, Visit
from podcrawler.queue.entries import entry_of, episode_request, page_request
from podcrawler.queue.given_hosts import GivenHosts
from podcrawler.queue.host_limits import HostLimits
from podcrawler.queue.identities import Traits, settle
from podcrawler.queue.inventory import Inventory
from podcrawler.queue.keys import Keys
from podcrawler.queue.leases import Lease
from podcrawler.queue.listings import Listings
from podcrawler.queue.media_hosts import MediaHosts
from podcrawler.queue.naming import Names
from podcrawler.queue.overview import InHand, Report
from podcrawler.queue.parts_key import parts_key
from podcrawler.queue.records import Change, Records
from podcrawler.queue.requests import request_to_dict
from podcrawler.queue.versions import Versions
from podcrawler.queue.watch import Watch
from podcrawler.sites.packed import Packed
from podcrawler.sites.wanted import Latest, Wanted
from podcrawler.subscriptions.records import CHECKED, Checked, Subscription, dumped
from podcrawler.subscriptions.requests import check_request, claim_of
from podcrawler.subscriptions.rhythm import Rhythm
from podcrawler.subscriptions.store import Subscriptions
from tests.builders import NOW, episode, fail, finish, finish_page, lease_one, make_broker, retry
from tests.conftest import Client
from tests.queue.hostile import SCORES, VALUES, places, spoil

PAGE = "http://example.com/feed.xml"
LATER = NOW + 61_000
LIMITS = HostLimits(2, {})
#: Keys that are not there while nodes work, or whose value is not looked at.
ABSENT = {"{podcrawler}:paused", "{podcrawler}:only", "{podcrawler}:schema", "podcasts:start_urls"}
#: Likewise: only while an ``archive`` works beside what an earlier one left.
ABSENT |= {"{podcrawler}:<queue>:aside"}
EXAMPLES = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def redis(every_redis: Client) -> Client:
    return every_redis


def request_of(number: int) -> str:
    item = Episode(str(number), "show", f"Title {number}", Enclosure(f"http://media.example/{number}.mp3"))
    return codec.dumps(request_to_dict(episode_request(item)))


def episode_in(payload: str) -> Episode:
    found: Episode = codec.loads(payload)["meta"]["episode"]
    return found


#: What a page offers, as entries.
OFFERS = [episode(number, payload=request_of(number)) for number in range(3)]


def populate(redis: Client) -> None:
    """Have something under every key, by the calls of nodes."""
    redis.flushall()
    archive, listings, hosts = Archive(redis, Keys()), Listings(redis, Keys()), MediaHosts(redis, Keys())
    queue, pages = make_broker(redis, host_limits=LIMITS), make_broker(redis, "podcasts")
    pages.push_many(
        entry_of(request, codec.dumps(request_to_dict(request)))
        for request in (page_request(PAGE), page_request(f"{PAGE}?page=2", root=PAGE))
    )
    queue.push_many(
        [episode(number, payload=request_of(number), host=f"host{number % 3}", version="v") for number in range(10)],
        lease_one(pages),
    )
    finish(queue, lease_one(queue), size=7, path="show/0.x.mp3")
    retry(queue, lease_one(queue), "timeout", "Slow.", NOW)
    fail(queue, lease_one(queue), "http-404", "Not there.", NOW)
    died = lease_one(queue)
    queue.lease([], LATER, {died.token: "cdn.example"})
    redis.hset("{podcrawler}:media-hosts", mapping={f"show/host{number}": "cdn.example" for number in range(3)})
    leases = queue.lease(queue.new_tokens(2), LATER).leases
    assert [lease.host for lease in leases] == ["cdn.example"] * 2
    queue.acknowledge([acks.move(leases[0], "tracker.example", queue.host_limits, now=LATER)])
    busy = EntryError("http-429", "Busy.", host="busy.example")
    queue.acknowledge([acks.give_up(leases[1], busy, tries=3, delay=10, rest=1000, now=LATER)])
    queue.push_many([episode(10, payload=request_of(10), host="busy.example")])
    queue.lease(queue.new_tokens(4), LATER)
    queue.push_many([episode(11, payload=request_of(11), host="idle.example")])
    finish_page(pages, lease_one(pages), "show", {"podcast": "show", "title": "Show", "not_followed": []}, [PAGE])
    redis.lpush("episodes:start_urls", "http://example.com/other.xml")
    redis.hset("{podcrawler}:podcasts", "show", json.dumps({"id": "show", "title": "Show", "address": PAGE}))
    redis.hset("{podcrawler}:named", "show", PAGE)
    redis.hset("{podcrawler}:removed:show", "17", NOW)
    archive.keep_login(["show", PAGE], Login("http://example.com:80", "ann", "secret"))
    archive.keep_imported([Imported("show", "abcde", "Old", 7)])
    archive.write_report(Report("a-1", "episodes", 1, "attic", 0, 60, 1, 1, 7, (InHand("show/1", "One", 1, None),)))
    listings.keep_identities("show", {"1": str(Traits("a", "b", "c"))})
    dates = Dates(redis, Keys())
    dates.keep("show", {"1": 10, "2": 20, "3": 30}, Visit("page", "a"))
    dates.keep("show", {"1": 10, "3": 30}, Visit("page", "b"))
    assert dates.note_withdrawn("show", Visit("page", "b"), 10, 30) == ["2"]
    listings.note_listed("show", ["1"], PAGE, seconds=100, is_first=True)
    listings.keep_account("show", PAGE, {"listed": 1, "left_out": {"no-media": 1}, "examples": {}}, is_first=True)
    choices = Choices(redis, Keys())
    choices.leave_out("show", {"18": '{"title": "Old", "reason": "before 2026-01-01"}'})
    choices.keep_latest("show", {"19": Latest(NOW / 1000, "New")}, seconds=100)
    choices.put_into([page_request(PAGE)], Wanted(new_after=NOW / 1000))
    assert Versions(redis, Keys(), "keep", codec).numbered("show", OFFERS) == OFFERS
    subscriptions = Subscriptions(redis, Keys())
    feeds = [f"http://feeds.example/{number}.xml" for number in range(3)]
    subscriptions.subscribe(
        [Subscription(feed, title="Show", groups=("News",), options={"latest": 1}, keep="30d") for feed in feeds]
    )
    checked = Checked(feeds[0], "show", "Show", '"1"', "today", "0a", NOW / 1000, Rhythm((1.0, 2.0), 3.0))
    redis.hset("{podcrawler}:checks", feeds[0], dumped(CHECKED, checked))
    assert subscriptions.claim(seconds=100, gap=1, now=LATER)[0]
    assert subscriptions.claim_changes(100)
    hosts.note_range_refused("show", "host1")
    given = GivenHosts(redis, Keys())
    given.note_addresses([PAGE])
    given.note_public("example.com")
    Watch(redis, Keys()).look()
    parts_key(redis, project_settings())


class Everything:
    """What was in Redis at a moment."""

    def __init__(self, redis: Client) -> None:
        self._redis = redis
        self.places = places(redis)
        #: By key, as DUMP has it.
        self.dumps = {key: redis.dump(key) for key in {place.key for place in self.places}}

    def restore(self) -> None:
        pipe = self._redis.pipeline(transaction=False)
        pipe.flushall()
        for key, dump in self.dumps.items():
            pipe.restore(key, 0, dump)
        pipe.execute()

    @override
    def __repr__(self) -> str:
        return "everything"


@pytest.fixture
def everything(redis: Client) -> Everything:
    populate(redis)
    return Everything(redis)


def test_every_key_of_the_docs_is_tried(everything: Everything) -> None:
    docs = (Path(__file__).parents[2] / "docs/queue-keys.md").read_text(encoding="utf-8")
    keys = set(re.findall(r"^\| `((?:{podcrawler}|[a-z]+):[^`]*)` \|", docs, re.MULTILINE)) - ABSENT
    assert len(keys) > 30
    there = [key.decode() for key in everything.dumps]
    patterns = {key: re.sub("<.*?>", ".+", re.escape(key).replace("<queue>", "episodes")) for key in keys}
    assert [key for key, pattern in patterns.items() if not any(re.fullmatch(pattern, name) for name in there)] == []


@EXAMPLES
@given(data=st.data())
def test_everything_is_read(redis: Client, everything: Everything, data: st.DataObject) -> None:
    everything.restore()
    for place in data.draw(st.lists(st.sampled_from(everything.places), min_size=1, max_size=4)):
        spoil(redis, place, data.draw(VALUES), data.draw(SCORES), member=data.draw(st.booleans()))
    read_everything(redis)


def project_settings() -> Settings:
    found = Settings()
    found.setmodule("podcrawler.settings")
    return found


def read_everything(redis: Client) -> None:
    """As the commands and nodes do. Nothing is raised."""
    config = project_settings()
    archive, listings, queue = Archive(redis, Keys()), Listings(redis, Keys()), make_broker(redis)
    names = Names(redis, Keys())
    status = read_status(config, redis)
    assert json.dumps(status.to_json())
    assert all(map(waiting, status.hosts))
    assert all(standing(*each) for each in status.unreported.items())
    assert all(str(account) for account in status.accounts.values())
    for failed in queue.failed():
        assert isinstance(failed.at, int)
        assert isinstance(failed.reason, str)
    inventory = Inventory(redis, Keys())
    assert all(PODCAST_ID.fullmatch(podcast.id) for podcast in inventory.podcasts())
    assert all(episode.size is None or episode.size >= 0 for episode in inventory.episodes("show"))
    assert all(dated.published < 1e12 for dated in Dates(redis, Keys()).of("show"))
    choices = Choices(redis, Keys())
    assert all(one.title is not None for one in choices.latest("show").values())
    assert choices.leave_out("show", {"20": "{}"}) == 0
    choices.put_into([request := page_request(PAGE)], Wanted(new_after=NOW / 1000))
    assert Wanted.from_json(request.meta["wanted"]).new_after is not None
    numbered = Versions(redis, Keys(), "keep", codec).numbered("show", OFFERS)
    assert all(entry.is_version == (episode_in(entry.payload).version > 1) for entry in numbered)
    subscriptions = Subscriptions(redis, Keys())
    claims, first = subscriptions.claim(seconds=100, gap=1, now=LATER + 200_000)
    assert first is None or first >= 0
    for claim in claims:
        assert claim_of(check_request(claim)) == claim
    assert all(one.due is None or one.due >= 0 for one in subscriptions.all())
    records = Records(redis, Keys())
    for one in records.finished("show"):
        assert one.size >= 0
        records.change("show", [Change(one.id, one.value, "7 12345678")])
    assert records.one("show/0") is None or records.forget(["show/0"]) == [True]
    assert PODCAST_ID.fullmatch(names.podcast_of([PAGE]) or "show")
    assert PODCAST_ID.fullmatch(names.name(PAGE, ["show", "show-2"]))
    assert PODCAST_ID.fullmatch(names.claimed("917393e3-1b1e-5cef-ace4-edaa54e1f810") or "show")
    assert archive.podcast_address("show") is not None
    assert archive.login("show") is None or archive.login("show") is not None
    assert all(file.size >= 0 for file in archive.imported("show").values())
    assert archive.events_since("0") is not None
    assert len(parts_key(redis, config)) == 64
    item = Episode("1", "show", "One", Enclosure("http://x/1.mp3"), guid="1", twin_id="1-2")
    kept = listings.identities("show")[1]
    known = {name: text for name, text in kept.items() if Traits.read(text)}
    assert settle(Packed([item]), known, lambda names: listings.finished_sizes("show", names)).episodes
    assert listings.finished_sizes("show", ["0"]) is not None
    assert GivenHosts(redis, Keys()).is_given(PAGE, "example.com") in (True, False)
    job = Job(config, redis, [page_request(PAGE)])
    job.start()
    job.new_events()
    assert job.progress().finished >= 0
    assert job.outcome().podcasts is not None


@EXAMPLES
@given(data=st.data())
def test_every_entry_ends_in_a_state(redis: Client, everything: Everything, data: st.DataObject) -> None:
    everything.restore()
    # An entry whose key is another one is another entry.
    mine = [
        place for place in everything.places if place.key.startswith(b"{podcrawler}:episodes:") or place.type == b"list"
    ]
    for place in data.draw(st.lists(st.sampled_from(mine), min_size=1, max_size=4)):
        spoil(redis, place, data.draw(VALUES), data.draw(SCORES), member=data.draw(st.booleans()))
    entries = {key.decode() for key in redis.hkeys("{podcrawler}:episodes:entries")}
    work_off(redis, make_broker(redis, host_limits=LIMITS))
    failed = {text.decode(errors="replace") for text in redis.hkeys("{podcrawler}:episodes:failed")}
    finished = {f"show/{name.decode()}" for name in redis.hkeys("{podcrawler}:finished:show")}
    assert entries <= failed | finished
    assert redis.hlen("{podcrawler}:episodes:entries") >= len(failed & entries)
    left = {key.decode().rpartition(":")[2] for key in redis.scan_iter("{podcrawler}:episodes:*")}
    assert left.isdisjoint({"leases", "owners", "connected", "hops", "connections", "full", "delayed", "open"}), left


def work_off(redis: Client, queue: Broker) -> None:
    """As nodes do until nothing is open; time passes quickly."""
    now = LATER + 1000
    for number in range(60):
        batch = queue.lease(queue.new_tokens(5), now)
        ends = [_end(lease) for lease in batch.leases]
        assert all(isinstance(lease.payload, bytes) for lease in batch.leases)
        queue.extend(batch.leases, now)
        queue.acknowledge(ends)
        if batch.open == 0:
            return
        # At last all is due: a host may rest for as long as it likes.
        now += 61_000 if number < 50 else 10**10
    raise AssertionError(f"open for ever: {list(redis.scan_iter('{podcrawler}:episodes:*'))}")


def _end(lease: Lease) -> acks.Ack[Any]:
    if lease.kind == "episode":
        return acks.finish(lease, size=7, path=f"{lease.key}.mp3")
    return acks.give_up(lease, EntryError("unreadable", "No."), tries=1, delay=0)


@pytest.mark.parametrize("route", [None, b"", b"[]", b'["page", "show", "1", "h", "1"]', b'["episode", "show", "1"]'])
@pytest.mark.parametrize("state", ["pending", "leased", "delayed"])
def test_an_entry_whose_route_is_lost_fails_and_can_be_queued_again(
    redis: Client, state: str, route: bytes | None
) -> None:
    queue = make_broker(redis)
    queue.push_many([episode(1), episode(2, host="other")])
    if state != "pending":
        one = next(lease for lease in queue.lease(queue.new_tokens(2), NOW).leases if lease.key == "show/1")
        if state == "delayed":
            retry(queue, one, "timeout", "Slow.", NOW)
    if route is None:
        redis.hdel("{podcrawler}:episodes:routes", "show/1")
    else:
        redis.hset("{podcrawler}:episodes:routes", "show/1", route)
    batch = queue.lease(queue.new_tokens(2), NOW + 61_000)
    assert [lease.key for lease in batch.leases] == ["show/2"]
    assert batch.unreadable == ["show/1"]
    (failed,) = queue.failed()
    assert (failed.key, failed.group, failed.kind) == ("show/1", "show", "unreadable")
    (event,) = [event for event in Archive(redis, Keys()).events_since("0") if event.state == "failed"]
    assert (event.key, event.kind) == ("show/1", "unreadable")
    assert queue.requeue(["show/1"]) == 1
    assert finish(queue, lease_one(queue, NOW + 61_000), size=1, path="show/1.mp3")
    assert redis.hget("{podcrawler}:finished:show", "1") == b"1"
    assert queue.open_entries(["show"]) == 1


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.ERROR):
        yield
