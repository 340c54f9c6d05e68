"""The queue's scripts, on every server that they must work on, with the time as an argument."""

import json
import time

import pytest

from podcrawler.queue import acks
from podcrawler.queue.archive import Archive
from podcrawler.queue.broker import Broker, Pushed
from podcrawler.queue.keys import Keys
from podcrawler.queue.leases import Lease
from podcrawler.queue.states import Counts
from tests.builders import NOW, episode, fail, finish, finish_page, lease_one, make_broker, page, retry
from tests.conftest import Client


@pytest.fixture
def redis(every_redis: Client) -> Client:
    return every_redis


@pytest.fixture
def queue(redis: Client) -> Broker:
    return make_broker(redis)


def release(queue: Broker, leases: list[Lease]) -> list[bool]:
    return queue.acknowledge([acks.release(lease) for lease in leases])


def test_leases_come_in_the_order_of_pushing(queue: Broker) -> None:
    queue.push_many(episode(number) for number in range(5))
    assert [lease.name for lease in queue.lease(queue.new_tokens(3), NOW).leases] == ["0", "1", "2"]
    assert [lease.name for lease in queue.lease(queue.new_tokens(3), NOW).leases] == ["3", "4"]
    assert queue.lease(queue.new_tokens(3), NOW).leases == []


def test_leasing_is_idempotent(queue: Broker) -> None:
    """A node repeats a call whose answer did not arrive."""
    queue.push_many(episode(number) for number in range(5))
    tokens = queue.new_tokens(2)
    first = queue.lease(tokens, NOW).leases
    assert queue.lease(tokens, NOW).leases == first
    assert finish(queue, first[0], size=1, path="x")
    assert queue.lease(tokens, NOW).leases[1] == first[1]
    assert queue.counts(["show"]).leased == 2


def test_higher_priority_comes_first(queue: Broker) -> None:
    queue.push_many([episode(1), episode(2, priority=1), episode(3, priority=1), episode(4, priority=-1)])
    assert [lease.name for lease in queue.lease(queue.new_tokens(4), NOW).leases] == ["2", "3", "1", "4"]


def test_hosts_take_turns(queue: Broker) -> None:
    queue.push_many(episode(number, host="a.example") for number in range(4))
    queue.push_many([episode(8, host="b.example"), episode(9, host="b.example")])
    names = [queue.lease(queue.new_tokens(1), NOW + turn).leases[0].name for turn in range(6)]
    assert names == ["0", "8", "1", "9", "2", "3"]


def test_the_state_is_the_duplicate_filter(queue: Broker) -> None:
    assert queue.push_many([episode(1), episode(1)]) == Pushed(added=1, known=1)
    lease = lease_one(queue)
    assert queue.push_many([episode(1)]) == Pushed(known=1)
    finish(queue, lease, size=10, path="show/1.x.mp3")
    assert queue.push_many([episode(1)]) == Pushed(finished=1)
    assert queue.lease(queue.new_tokens(1), NOW).leases == []


@pytest.mark.parametrize("state", ["pending", "delayed", "leased"])
def test_a_changed_request_replaces_one_that_is_not_leased(queue: Broker, state: str) -> None:
    queue.push_many([episode(1, payload="old")])
    if state != "pending":
        lease = lease_one(queue)
        if state == "delayed":
            retry(queue, lease, "timeout", "Too slow.", NOW)
    pushed = queue.push_many([episode(1, payload="new", host="other.example")])
    if state == "leased":
        assert pushed == Pushed(known=1)
    else:
        assert pushed == Pushed(changed=1)
        (lease,) = queue.lease(queue.new_tokens(5), NOW + 60_000).leases
        assert lease.payload == b"new"


def test_a_changed_failed_entry_becomes_pending_again(queue: Broker) -> None:
    queue.push_many([episode(1, payload="old")])
    fail(queue, lease_one(queue), "http-404", "Not there.", NOW)
    assert queue.push_many([episode(1, payload="old")]) == Pushed(failed=1)
    assert queue.push_many([episode(1, payload="new")]) == Pushed(added=1)
    assert queue.counts(["show"]) == Counts(pending=1, leased=0, delayed=0, failed=0, finished=0)
    assert lease_one(queue).tries == 0


def test_another_address_of_the_same_file_is_no_change_but_is_what_is_requested(queue: Broker) -> None:
    queue.push_many([episode(number, payload="old", version="a") for number in (1, 2)])
    fail(queue, lease_one(queue), "http-404", "Not there.", NOW)
    again = [episode(number, payload="new", version="a", host="other.example") for number in (1, 2)]
    assert queue.push_many(again) == Pushed(failed=1, known=1)
    assert lease_one(queue).payload == b"new"
    assert queue.requeue(["show/1"]) == 1
    assert lease_one(queue).payload == b"new"


def test_the_next_lease_gets_the_address_that_came_during_a_lease(queue: Broker) -> None:
    queue.push_many([episode(1, payload="old", version="a")])
    lease = lease_one(queue)
    assert queue.push_many([episode(1, payload="new", version="b", host="other.example")]) == Pushed(known=1)
    retry(queue, lease, "timeout", "Too slow.", NOW)
    assert lease_one(queue, NOW + 60_000).payload == b"new"


def test_another_file_wakes_a_failed_entry(queue: Broker) -> None:
    queue.push_many([episode(1, payload="old", version="a")])
    fail(queue, lease_one(queue), "http-404", "Not there.", NOW)
    assert queue.push_many([episode(1, payload="new", version="b")]) == Pushed(added=1)


def test_an_entry_without_a_version_gets_one_and_is_not_changed(queue: Broker) -> None:
    """It was pushed by an earlier release."""
    queue.push_many([episode(1, payload="old")])
    fail(queue, lease_one(queue), "http-404", "Not there.", NOW)
    assert queue.push_many([episode(1, payload="new", version="a")]) == Pushed(failed=1)
    assert queue.push_many([episode(1, payload="newer", version="b")]) == Pushed(added=1)


def test_finishing_records_and_forgets(queue: Broker, redis: Client) -> None:
    queue.push_many([episode(1)])
    assert finish(queue, lease_one(queue), size=123, path="show/1.x.mp3")
    assert redis.hgetall("{podcrawler}:finished:show") == {b"1": b"123"}
    assert {key for key in redis.scan_iter() if b"episodes:" in key} == {b"{podcrawler}:episodes:order"}
    ((_, event),) = redis.xrange("{podcrawler}:events")
    assert event[b"path"] == b"show/1.x.mp3"


def test_a_lost_lease_cannot_be_acknowledged(queue: Broker) -> None:
    queue.push_many([episode(1)])
    lost = lease_one(queue)
    held = lease_one(queue, NOW + 60_000)
    assert queue.extend([lost, held], NOW + 60_000) == {lost.token}
    assert not finish(queue, lost, size=1, path="x")
    assert retry(queue, lost, "timeout", "Slow.", NOW) == "lost"
    assert fail(queue, lost, "timeout", "Slow.", NOW) == "lost"
    assert release(queue, [lost]) == [False]
    assert finish(queue, held, size=1, path="x")


def test_finishing_is_idempotent(queue: Broker, redis: Client) -> None:
    """A node repeats a call whose answer did not arrive."""
    queue.push_many([episode(1)])
    lease = lease_one(queue)
    assert finish(queue, lease, size=1, path="x")
    assert finish(queue, lease, size=1, path="x")
    assert redis.hgetall("{podcrawler}:finished:show") == {b"1": b"1"}
    assert redis.xlen("{podcrawler}:events") == 1


def test_a_lease_expires_after_its_time(queue: Broker) -> None:
    queue.push_many([episode(1)])
    lease_one(queue)
    assert queue.lease(queue.new_tokens(1), NOW + 59_999).leases == []
    assert queue.lease(queue.new_tokens(1), NOW + 60_000).leases != []


def test_an_extended_lease_expires_later(queue: Broker) -> None:
    queue.push_many([episode(1)])
    lease = lease_one(queue)
    queue.extend([lease], NOW + 59_000)
    assert queue.lease(queue.new_tokens(1), NOW + 61_000).leases == []
    assert queue.lease(queue.new_tokens(1), NOW + 119_000).leases[0].key == lease.key


def test_an_entry_whose_leases_expire_too_often_fails(queue: Broker) -> None:
    queue.push_many([episode(1)])
    now = NOW
    for _ in range(3):
        assert lease_one(queue, now).tries == 0
        now += 60_000
    assert queue.lease(queue.new_tokens(1), now).leases == []
    (failed,) = queue.failed()
    assert (failed.kind, failed.failure_class) == ("abandoned", "permanent")


def test_released_entries_keep_their_place_and_their_tries(queue: Broker) -> None:
    queue.push_many(episode(number) for number in range(3))
    release(queue, [lease_one(queue)])
    assert [lease.name for lease in queue.lease(queue.new_tokens(3), NOW).leases] == ["0", "1", "2"]


def test_tries_are_delayed_and_limited(queue: Broker) -> None:
    queue.push_many([episode(1)])
    assert retry(queue, lease_one(queue), "timeout", "Slow.", NOW) == "delayed"
    batch = queue.lease(queue.new_tokens(1), NOW + 9_999)
    assert (batch.leases, batch.open, batch.next_due) == ([], 1, 0.001)
    second = lease_one(queue, NOW + 10_000)
    assert second.tries == 1
    assert retry(queue, second, "timeout", "Slow.", NOW) == "delayed"
    assert queue.lease(queue.new_tokens(1), NOW + 24_999).leases == []  # 40 s, had max_retry_delay not been 25
    assert retry(queue, lease_one(queue, NOW + 25_000), "timeout", "Slow.", NOW + 25_000) == "failed"
    (failed,) = queue.failed()
    assert (failed.key, failed.group, failed.kind, failed.reason) == ("show/1", "show", "timeout", "Slow.")
    assert (failed.tries, failed.failure_class, failed.at) == (3, "passing", NOW + 25_000)


def test_requeue_resets_the_tries(queue: Broker) -> None:
    queue.push_many([episode(1), episode(2)])
    fail(queue, lease_one(queue), "http-404", "Not there.", NOW)
    assert queue.requeue(["show/1", "show/2", "show/3"]) == 1
    assert queue.counts(["show"]) == Counts(pending=2, leased=0, delayed=0, failed=0, finished=0)
    assert lease_one(queue).tries == 0


def test_open_entries_of_a_group(queue: Broker) -> None:
    queue.push_many([episode(1), episode(2), episode(3), episode(1, podcast="other")])
    leases = queue.lease(queue.new_tokens(2), NOW).leases
    fail(queue, leases[0], "http-404", "Not there.", NOW)
    retry(queue, leases[1], "timeout", "Slow.", NOW)
    assert queue.open_entries(["show"]) == 2
    assert queue.open_entries(["show", "other", "unknown"]) == 3
    assert queue.open_entries([]) == 0


def test_a_page_is_finished_for_one_visit(redis: Client) -> None:
    queue = make_broker(redis, "podcasts")
    root, further = page("http://x/1"), page("http://x/2", root="http://x/1")
    queue.push_many([root])
    result = {"podcast": "show"}
    queue.push_many([further])
    for lease in queue.lease(queue.new_tokens(2), NOW).leases:
        assert finish_page(queue, lease, "show", result)
    assert Archive(redis, Keys()).visits(["http://x/1"]) == {"http://x/1": [result, result]}
    assert queue.push_many([further]) == Pushed(finished=1)
    assert 0 < redis.ttl("{podcrawler}:visit:http://x/1") <= 100
    assert queue.push_many([root]) == Pushed(added=1)
    assert queue.push_many([further]) == Pushed(added=1)


def test_a_page_is_not_finished_when_redis_has_forgotten_entries_of_it(redis: Client) -> None:
    """A push may be acknowledged, and be lost with the last second before a power cut."""
    queue, episodes = make_broker(redis, "podcasts"), make_broker(redis)
    queue.push_many([page("http://x/1")])
    lease = lease_one(queue)
    ack = acks.finish_page(lease, {}, ("show", "{}"), [], pushed_count=3, visit_ttl=100)
    episodes.push_many([episode(1)], lease)
    redis.hdel("{podcrawler}:told", lease.token)
    episodes.push_many([episode(2), episode(3)], lease, 1)
    assert queue.acknowledge([ack]) == [False]
    assert queue.counts([]).pending == 1
    again = lease_one(queue)
    episodes.push_many([episode(number) for number in (1, 2, 3)], again)
    assert queue.acknowledge([ack]) == [False]
    assert queue.acknowledge([acks.finish_page(again, {}, ("show", "{}"), [], pushed_count=3, visit_ttl=100)]) == [True]
    assert not redis.exists("{podcrawler}:told")


def test_a_seed_is_leased_and_not_popped(queue: Broker, redis: Client) -> None:
    redis.lpush("episodes:start_urls", "http://x/1", b"\xff")
    first, second = queue.lease(queue.new_tokens(5), NOW).leases
    assert (first.kind, first.payload, second.payload) == ("seed", b"http://x/1", b"\xff")
    assert redis.llen("episodes:start_urls") == 0
    assert queue.lease(queue.new_tokens(5), NOW + 60_000).leases != []
    assert queue.lease(queue.new_tokens(5), NOW).open == 2


def test_entries_come_before_seeds(queue: Broker, redis: Client) -> None:
    redis.lpush("episodes:start_urls", "http://x/1")
    queue.push_many([episode(1)])
    assert [lease.kind for lease in queue.lease(queue.new_tokens(2), NOW).leases] == ["episode", "seed"]


def test_a_paused_queue_grants_no_leases(queue: Broker, redis: Client) -> None:
    queue.push_many([episode(1)])
    redis.set("{podcrawler}:paused", 1)
    batch = queue.lease(queue.new_tokens(1), NOW)
    assert (batch.leases, batch.open) == ([], 1)


def test_leases_without_a_report_expire_sooner_at_each_look(queue: Broker) -> None:
    queue.push_many([episode(1)])
    queue.lease(queue.new_tokens(1))
    looks = [queue.leases_without([]).expire_in for _ in range(3)]
    assert queue.lease_time >= looks[0] > looks[1] > looks[2] > queue.lease_time - 30


def test_everything_but_the_seeds_shares_the_hash_tag(queue: Broker, redis: Client) -> None:
    queue.push_many([episode(1), episode(2)])
    retry(queue, lease_one(queue), "timeout", "Slow.", NOW)
    lease_one(queue)
    assert all(key.startswith(b"{podcrawler}:") for key in redis.scan_iter())


def test_a_person_can_read_what_failed(queue: Broker, redis: Client) -> None:
    queue.push_many([episode(1)])
    fail(queue, lease_one(queue), "http-404", "Nicht da: “ü”.", NOW)
    record = json.loads(redis.hget("{podcrawler}:episodes:failed", "show/1") or b"")
    assert record == {"kind": "http-404", "reason": "Nicht da: “ü”.", "class": "permanent", "tries": 1, "at": NOW}


def test_a_lease_that_redis_has_forgotten_is_given_back(redis: Client, queue: Broker) -> None:
    queue.push_many([episode(1), episode(2)])
    held, done = queue.lease(queue.new_tokens(2), NOW).leases
    finish(queue, done, size=5, path="show/2.x.mp3")
    record = redis.hgetall("{podcrawler}:finished:show")
    redis.flushall()
    redis.hset("{podcrawler}:finished:show", mapping=record)
    assert queue.extend([held, done], NOW) == {done.token}
    assert queue.open_entries(["show"]) == 1
    assert queue.push_many([episode(1)]) == Pushed(known=1)
    assert queue.extend([held], NOW + 1000) == set()
    assert release(queue, [held]) == [True]
    assert lease_one(queue, NOW + 1000).redelivered


def test_an_episode_that_redis_has_forgotten_is_recorded(redis: Client, queue: Broker) -> None:
    queue.push_many([episode(1)])
    lease = lease_one(queue)
    redis.flushall()
    for _ in range(2):
        assert finish(queue, lease, size=5, path="show/1.x.mp3")
    assert redis.hgetall("{podcrawler}:finished:show") == {b"1": b"5"}
    assert redis.xlen("{podcrawler}:events") == 1


def test_what_is_delayed_is_counted_by_host_for_some_groups(redis: Client) -> None:
    broker = make_broker(redis)
    hosts = ["a.example", "b.example", "a.example", "c.example"]
    podcasts = ["show", "show", "show", "other"]
    entries = [episode(n, podcast=podcasts[n], host=host) for n, host in enumerate(hosts)]
    broker.push_many(entries)
    now = int(time.time() * 1000)
    leases = broker.lease(broker.new_tokens(4), now).leases
    for lease in sorted(leases, key=lambda lease: lease.name):
        now += 5000
        assert retry(broker, lease, "timeout", "Slow.", now) == "delayed"
    delays = broker.delays(lambda group: group == "show")
    assert [(delay.host, delay.entries) for delay in delays] == [("a.example", 2), ("b.example", 1)]
    assert 0 < delays[0].next_in < delays[1].next_in <= 20
    assert broker.open_anywhere() == 4
    redis.hset("{podcrawler}:episodes:routes", "show/1", "[3]")
    assert {delay.host for delay in broker.delays(lambda group: group == "show")} == {"a.example", ""}
    assert broker.delays(lambda group: group == "none") == []


def test_what_is_set_aside_is_pending_and_not_leased(redis: Client) -> None:
    queue = make_broker(redis)
    queue.push_many([episode(1), episode(2), episode(3, podcast="own")])
    assert retry(queue, lease_one(queue), "timeout", "Slow.", NOW) == "delayed"
    queue.keep_aside(60)
    assert queue.set_aside(lambda group: group != "own") == 2
    assert queue.counts([]) == Counts(3, 0, 0, 0, 0)
    assert lease_one(queue, NOW + 20_000).key == "own/3"
    tokens = queue.new_tokens(3)
    assert queue.lease(tokens, NOW + 20_000).leases == []
    assert queue.push_many([episode(1), episode(2)]) == Pushed(known=2)
    assert queue.bring_back(lambda group: group == "none") == 0
    queue.keep_aside(0)
    assert queue.bring_back(now=NOW + 5000) == 2
    assert queue.counts([]) == Counts(1, 1, 1, 0, 0)
    assert lease_one(queue, NOW + 6000).key == "show/2"
    assert lease_one(queue, NOW + 10_000).key == "show/1"


def test_what_was_set_aside_by_who_is_gone_is_found(redis: Client) -> None:
    queue = make_broker(redis)
    queue.push_many([episode(1)])
    assert queue.set_aside(lambda _: True) == 1
    queue.lease(queue.new_tokens(1), NOW)
    assert lease_one(queue).key == "show/1"
