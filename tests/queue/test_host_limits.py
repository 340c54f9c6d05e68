"""How many leases of a host are granted, and when it rests, with the time as an argument, on every server."""

import json
from pathlib import Path
from typing import Any

import pytest
from scrapy.settings import Settings

from podcrawler.exceptions import EntryError
from podcrawler.hosts import Host
from podcrawler.networks import host_of
from podcrawler.queue import acks
from podcrawler.queue.broker import Broker
from podcrawler.queue.host_limits import HostLimits
from podcrawler.queue.leases import Entry, Lease
from podcrawler.queue.states import HostWait
from tests.builders import NOW, episode, finish, lease_one, make_broker, page, retry
from tests.conftest import Client

#: Hosts that were never leased from come in the order of their names.
TRACKER, CDN = "a.tracker.example", "cdn.example"
PREFIX = "{podcrawler}:episodes:"


@pytest.fixture
def redis(every_redis: Client) -> Client:
    return every_redis


def broker(redis: Client, connections: int = 8, **hosts: Host) -> Broker:
    """Hosts are given by the first label of their names."""
    limits = HostLimits(connections, {f"{name}.example": host for name, host in hosts.items()})
    return make_broker(redis, host_limits=limits)


def leased(queue: Broker, count: int, now: int = NOW, **more: Any) -> list[Lease]:
    return queue.lease(queue.new_tokens(count), now, **more).leases


def names(queue: Broker, count: int, now: int = NOW, **more: Any) -> list[str]:
    return [lease.name for lease in leased(queue, count, now, **more)]


def episodes(host: str, *numbers: int, podcast: str = "show") -> list[Entry]:
    return [episode(number, host=host, podcast=podcast) for number in numbers]


def move(queue: Broker, lease: Lease, host: str, now: int = NOW) -> bool:
    return queue.acknowledge([acks.move(lease, host, queue.host_limits, now=now)])[0]


def turn(queue: Broker, lease: Lease, host: str, came_from: str, now: int = NOW) -> int:
    return queue.acknowledge([acks.turn(lease, host, came_from, queue.host_limits, now=now)])[0]


def pause(queue: Broker, lease: Lease, seconds: float, now: int = NOW, host: str = "") -> str:
    """End the lease as after a 429 with Retry-After."""
    error = EntryError("http-429", "Slow down.", "busy", retry_after=seconds, host=host)
    rest = queue.retry_policy.rest(error)
    return queue.acknowledge([acks.give_up(lease, error, tries=9, delay=seconds, rest=rest, now=now)])[0]


# Connections


def test_nodes_that_want_connections_of_a_host_share_them(redis: Client) -> None:
    one, other = broker(redis, 4), broker(redis, 4)
    one.push_many(episodes("example.com", *range(1, 20)))
    first = leased(one, 4)
    assert leased(other, 4) == []
    # Without a share, the first would get each connection again that it gives back.
    for lease in first[:2]:
        finish(one, lease, size=1, path="x")
    assert leased(one, 2) == []
    second = leased(other, 4)
    assert len(second) == 2
    assert leased(one, 2) == leased(other, 2) == []
    finish(one, first[2], size=1, path="x")
    assert len(leased(one, 2)) == 1
    finish(other, second[0], size=1, path="x")
    assert len(leased(other, 2)) == 1


def test_a_node_that_wants_no_more_leaves_the_connections_to_others(redis: Client) -> None:
    one, other = broker(redis, 4), broker(redis, 4)
    one.push_many(episodes("example.com", *range(1, 20)))
    first = leased(one, 4)
    assert leased(other, 4) == []
    for lease in first:
        finish(one, lease, size=1, path="x")
    # The other has not asked for three seconds.
    assert len(leased(one, 4, NOW + 3_001)) == 4
    assert not redis.exists(f"{PREFIX}wanting")


def test_a_share_of_one_host_leaves_other_hosts_alone(redis: Client) -> None:
    one, other = broker(redis, 2), broker(redis, 2)
    one.push_many(episodes("a.example", *range(1, 9)))
    first = leased(one, 2)
    assert leased(other, 1) == []
    one.push_many(episodes("b.example", *range(11, 19)))
    finish(one, first[0], size=1, path="x")
    assert names(one, 2) == ["11"]
    assert names(other, 4) == ["3", "12"]


def test_of_a_host_with_fewer_connections_than_nodes_each_may_have_one(redis: Client) -> None:
    nodes = [broker(redis, 1) for _ in range(3)]
    nodes[0].push_many(episodes("example.com", *range(1, 9)))
    (lease,) = leased(nodes[0], 1)
    for node in nodes[1:]:
        assert leased(node, 1) == []
    finish(nodes[0], lease, size=1, path="x")
    assert len(leased(nodes[1], 1)) == 1


def test_a_host_gets_no_more_leases_than_connections_and_others_go_on(redis: Client) -> None:
    queue = broker(redis, 2)
    queue.push_many([*episodes("a.example", 1, 2, 3, 4), *episodes("b.example", 5, 6)])
    assert names(queue, 9) == ["1", "5", "2", "6"]
    assert queue.lease([], NOW).is_limited


@pytest.mark.parametrize("end", ["finish", "retry", "fail", "release", "expire", "receive"])
def test_whatever_ends_a_lease_makes_room_for_another(redis: Client, end: str) -> None:
    queue = broker(redis, 1)
    queue.push_many(episodes("a.example", 1, 2))
    lease = lease_one(queue)
    assert names(queue, 1) == []
    match end:
        case "finish":
            finish(queue, lease, size=1, path="x")
        case "retry":
            retry(queue, lease, "timeout", "Slow.", NOW)
        case "fail":
            queue.acknowledge([acks.give_up(lease, EntryError("http-404", "No."), tries=1, delay=0, now=NOW)])
        case "release":
            queue.acknowledge([acks.release(lease)])
        case "expire":
            assert names(queue, 9, NOW + 60_000) == ["1"]
            return
        case "receive":
            assert names(queue, 9, done={lease.token: ""}) == ["2"]
            assert finish(queue, lease, size=1, path="x")
            assert names(queue, 9) == []
            return
    assert len(leased(queue, 9)) == 1


def test_a_repeated_call_counts_once(redis: Client) -> None:
    """A node repeats a call whose answer did not arrive."""
    queue = broker(redis, 2)
    queue.push_many(episodes("a.example", 1, 2, 3))
    tokens = queue.new_tokens(1)
    first = queue.lease(tokens, NOW).leases
    assert queue.lease(tokens, NOW).leases == first
    assert names(queue, 9) == ["2"]
    for _ in range(2):
        queue.lease([], NOW, {first[0].token: ""})
    assert names(queue, 9) == ["3"]


def test_a_table_is_for_subdomains_and_the_nearest_counts(redis: Client) -> None:
    queue = broker(redis, 3, a=Host(connections=1), **{"b.a": Host(connections=2), "c.a": Host(user_agent="x")})
    for number, host in enumerate(["a.example", "x.a.example", "y.b.a.example", "c.a.example", "aa.example"]):
        queue.push_many(episodes(host, 1, 2, 3, 4, podcast=str(number)))
    counts: dict[str, int] = {}
    for lease in leased(queue, 99):
        counts[lease.host] = counts.get(lease.host, 0) + 1
    assert counts == {"a.example": 1, "x.a.example": 1, "y.b.a.example": 2, "c.a.example": 3, "aa.example": 3}


def test_a_host_that_was_full_has_its_old_turn(redis: Client) -> None:
    """It neither loses its turn, nor comes before hosts that have waited for longer."""
    queue = broker(redis, 8, a=Host(connections=1))
    queue.push_many([*episodes("a.example", 1, 2, 3), *episodes("b.example", 4, 5, 6, 7)])
    first = lease_one(queue, NOW)
    assert names(queue, 1, NOW + 1) == ["4"]
    finish(queue, first, size=1, path="x")
    assert names(queue, 1, NOW + 2) == ["2"]
    assert names(queue, 2, NOW + 3) == ["5", "6"]


def test_limits_that_were_lowered_hold_at_once(redis: Client) -> None:
    loose, strict = broker(redis, 3), broker(redis, 1)
    loose.push_many(episodes("a.example", 1, 2, 3, 4, 5, 6))
    first, second, third = leased(loose, 9)
    for ended in (first, second):
        finish(strict, ended, size=1, path="x")
        assert names(strict, 9) == []
    finish(strict, third, size=1, path="x")
    assert names(strict, 9) == ["4"]


def test_seeds_and_addresses_without_a_host_need_no_connection(redis: Client) -> None:
    queue = broker(redis, 1)
    redis.lpush("episodes:start_urls", "http://x/1", "http://x/2")
    queue.push_many(episodes("", 1, 2))
    assert len(leased(queue, 9)) == 4
    assert not redis.exists(f"{PREFIX}connections")


def test_each_queue_has_connections_of_its_own(redis: Client) -> None:
    queue, pages = broker(redis, 1), make_broker(redis, "podcasts", host_limits=HostLimits(1))
    queue.push_many(episodes("example.com", 1, 2))
    pages.push_many([page("http://example.com/1"), page("http://example.com/2")])
    assert len(leased(queue, 9)) == len(leased(pages, 9)) == 1


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://CDN.Example:8080/x", "cdn.example"),
        ("https://cdn.example./", "cdn.example"),
        ("http://[::1]:80/", "::1"),
        ("about:invalid", ""),
        ("http://[x/", ""),
    ],
)
def test_a_host_is_a_name_in_lower_case_whatever_the_port(url: str, host: str) -> None:
    assert host_of(url) == host


def test_the_limits_are_those_of_the_settings(tmp_path: Path) -> None:
    settings = Settings()
    settings.setmodule("podcrawler.settings")
    assert HostLimits.read(settings).arguments == (8, "{}")
    file = tmp_path / "hosts.toml"
    file.write_text('["A.example"]\nconnections = 2\ndelay = 1.5\n["b.example"]\nrate = "2M"\n')
    settings.setdict({"PODCRAWLER_HOSTS": str(file), "PODCRAWLER_HOST_CONNECTIONS": 3})
    connections, hosts = HostLimits.read(settings).arguments
    assert (connections, json.loads(hosts)) == (3, {"a.example": [2, 1500], "b.example": [0, 0]})


# The host that an entry counts for


def test_a_lease_that_leads_to_another_host_is_counted_there(redis: Client) -> None:
    queue = broker(redis, 1)
    queue.push_many([*episodes(TRACKER, 1, 2), *episodes(CDN, 3)])
    lease = lease_one(queue)
    assert lease.host == TRACKER
    assert move(queue, lease, CDN)
    assert move(queue, lease, CDN), "a node repeats a call whose answer did not arrive"
    assert names(queue, 9) == ["2"]
    finish(queue, lease, size=1, path="x")
    assert names(queue, 9) == ["3"]


def test_an_entry_that_leads_to_a_full_host_waits_there_at_no_cost(redis: Client) -> None:
    queue = broker(redis, 1)
    queue.push_many([*episodes(CDN, 1), *episodes(TRACKER, 2, 3), *episodes(CDN, 4)])
    lease, first = leased(queue, 2)
    assert not move(queue, lease, CDN)
    assert not move(queue, lease, CDN), "the lease is lost"
    assert queue.counts([]).pending == 3
    assert names(queue, 9) == ["3"]
    finish(queue, first, size=1, path="x")
    (again,) = leased(queue, 9)
    assert (again.name, again.host, again.tries) == ("2", CDN, 0)
    assert move(queue, again, CDN)


def test_new_and_pending_episodes_lie_under_the_host_that_the_last_file_came_from(redis: Client) -> None:
    queue = broker(redis, 1)
    queue.push_many([*episodes(TRACKER, 1, 2, 3), *episodes(TRACKER, 7, podcast="other"), *episodes(CDN, 8)])
    lease = lease_one(queue)
    assert move(queue, lease, CDN)
    finish(queue, lease, size=1, path="x")
    queue.push_many(episodes(TRACKER, 4))
    assert redis.zrange(f"{PREFIX}pending:{CDN}", 0, -1) == [b"show/8", b"show/4"]
    assert {(lease.key, lease.host) for lease in leased(queue, 9)} == {("show/8", CDN), ("other/7", TRACKER)}
    # As soon as the tracker's turn came, in their order.
    assert redis.zrange(f"{PREFIX}pending:{CDN}", 0, -1) == [b"show/2", b"show/3", b"show/4"]


def test_an_episode_of_another_address_lies_under_its_own_host(redis: Client) -> None:
    """Where the files of one address come from does not say where those of another do."""
    queue = broker(redis)
    queue.push_many(episodes(TRACKER, 1))
    lease = lease_one(queue)
    assert move(queue, lease, CDN)
    finish(queue, lease, size=1, path="x")
    queue.push_many(episodes("new.example", 2))
    assert lease_one(queue).host == "new.example"


def test_a_host_that_serves_itself_what_it_redirected_before_counts_again(redis: Client) -> None:
    queue = broker(redis)
    queue.push_many(episodes(TRACKER, 1, 2, 3))
    lease = lease_one(queue)
    queue.lease([], NOW, {lease.token: CDN})
    lease = lease_one(queue)
    assert lease.host == CDN
    queue.lease([], NOW, {lease.token: TRACKER})
    queue.push_many(episodes(TRACKER, 4))
    assert sorted(lease.host for lease in leased(queue, 9)) == [TRACKER, TRACKER]


def test_the_way_from_tracker_to_tracker_keeps_the_connection_at_its_end(redis: Client) -> None:
    queue = broker(redis, 1)
    queue.push_many(episodes(TRACKER, 1, 2, 3))
    lease = lease_one(queue)
    assert move(queue, lease, CDN)
    finish(queue, lease, size=1, path="x")
    lease = lease_one(queue)
    assert lease.host == CDN
    assert move(queue, lease, "second.example")
    assert redis.hgetall(f"{PREFIX}connections") == {CDN.encode(): b"1", b"second.example": b"1"}
    assert names(queue, 9) == []
    assert move(queue, lease, CDN)
    assert redis.hgetall(f"{PREFIX}connections") == {CDN.encode(): b"1"}
    finish(queue, lease, size=1, path="x")
    assert lease_one(queue).host == CDN


def test_a_lease_turns_to_the_host_of_what_is_beside_its_file(redis: Client) -> None:
    """The host that the file came from is known, and has its connection back; the other one gets no more than it may
    have, and is not taken for that of the file."""
    queue = broker(redis, 1)
    queue.push_many([*episodes(TRACKER, 1, 2, 3), *episodes("pictures.example", 4)])
    first, other = leased(queue, 9)
    assert (first.host, other.host) == (TRACKER, "pictures.example")
    assert move(queue, first, CDN)
    assert turn(queue, first, "pictures.example", CDN) == 0
    assert redis.hgetall(f"{PREFIX}connections") == {b"pictures.example": b"1"}
    assert [lease.name for lease in leased(queue, 9)] == ["2"]
    finish(queue, other, size=1, path="x")
    assert [turn(queue, first, "pictures.example", "") for _ in range(2)] == [1, 1]
    assert redis.hgetall(f"{PREFIX}connections") == {CDN.encode(): b"1", b"pictures.example": b"1"}
    finish(queue, first, size=1, path="x")
    assert redis.hgetall("{podcrawler}:media-hosts") == {f"show/{TRACKER}".encode(): CDN.encode()}
    assert turn(queue, first, "pictures.example", "") == -1


def test_a_lease_turns_to_no_host_that_rests(redis: Client) -> None:
    queue = broker(redis)
    queue.push_many([*episodes("a.example", 1), *episodes("b.example", 2, 3)])
    first, other, _ = leased(queue, 3)
    assert pause(queue, other, 20) == "delayed"
    assert turn(queue, first, "b.example", "a.example") == 0
    queue.lease([], NOW + 20_000)
    assert turn(queue, first, "b.example", "", NOW + 20_000) == 1


def test_a_lease_that_found_its_file_turns_to_the_host_that_it_was_granted_for(redis: Client) -> None:
    """Its turn was not used, so it need not wait for another one: the host rests between two of them."""
    queue = broker(redis, slow=Host(delay=10))
    queue.push_many(episodes("slow.example", 1, 2))
    lease = lease_one(queue)
    assert turn(queue, lease, "slow.example", "") == 1
    assert redis.hgetall(f"{PREFIX}connections") == {b"slow.example": b"1"}
    assert turn(queue, lease, "other.example", "") == 1
    assert turn(queue, lease, "slow.example", "") == 0
    queue.lease([], NOW + 10_000)
    assert turn(queue, lease, "slow.example", "", NOW + 10_000) == 1


def test_pages_are_not_filed_elsewhere(redis: Client) -> None:
    pages = make_broker(redis, "podcasts")
    pages.push_many([page("http://x/1")])
    lease = lease_one(pages)
    assert pages.acknowledge([acks.move(lease, CDN, pages.host_limits)]) == [True]
    pages.lease([], NOW, {lease.token: CDN})
    assert not redis.exists("{podcrawler}:media-hosts")


# Rests


def test_a_host_rests_for_all_when_it_asks_for_a_pause_and_others_go_on(redis: Client) -> None:
    queue = broker(redis)
    queue.push_many([*episodes("a.example", 1, 2, 3), *episodes("b.example", 4)])
    assert pause(queue, lease_one(queue), 20) == "delayed"
    assert names(queue, 9) == ["4"]
    assert names(queue, 9, NOW + 19_999) == []
    assert queue.lease([], NOW + 19_999).next_due == 0.001
    assert names(queue, 9, NOW + 20_000) == ["1", "2", "3"]
    assert not redis.exists(f"{PREFIX}resting", f"{PREFIX}asked")


def test_a_pause_is_no_longer_than_the_longest_delay(redis: Client) -> None:
    queue = broker(redis)
    queue.push_many(episodes("a.example", 1, 2))
    pause(queue, lease_one(queue), 10**6)
    assert names(queue, 9, NOW + 24_999) == []
    assert names(queue, 9, NOW + 25_000) == ["2"]


def test_only_a_host_that_is_busy_rests(redis: Client) -> None:
    policy = broker(redis).retry_policy
    assert policy.rest(EntryError("http-429", "Slow.", "busy", retry_after=5)) == 5
    assert policy.rest(EntryError("http-429", "Slow.", "busy")) == 0
    assert policy.rest(EntryError("http-403", "No.", "blocked", retry_after=5)) == 0


def test_the_host_that_answered_rests(redis: Client) -> None:
    queue = broker(redis)
    queue.push_many([*episodes(TRACKER, 1, 2), *episodes(CDN, 3, 4)])
    first, second = leased(queue, 2)
    pause(queue, first, 20, host=CDN)
    assert names(queue, 9) == ["2"]
    move(queue, second, "b.example")
    pause(queue, second, 10)
    assert set(redis.zrange(f"{PREFIX}resting", 0, -1)) == {CDN.encode(), b"b.example"}


def test_an_entry_that_leads_to_a_host_that_rests_waits_there(redis: Client) -> None:
    queue = broker(redis)
    queue.push_many([*episodes(CDN, 1), *episodes(TRACKER, 2)])
    lease, first = leased(queue, 2)
    pause(queue, first, 20)
    assert not move(queue, lease, CDN)
    assert names(queue, 9, NOW + 19_999) == []
    assert names(queue, 9, NOW + 20_000) == ["1", "2"]


@pytest.mark.parametrize(
    ("asked", "until"),
    [([9, 9], 10), ([9, 5], 9), ([5, 9], 10), ([9, 3600], 9), ([3600, 9], 10), ([9, 2], 3), ([2, 9], 2)],
)
def test_of_two_pauses_that_differ_by_far_the_longer_one_is_for_its_file_alone(
    redis: Client, asked: list[int], until: int
) -> None:
    queue = broker(redis)
    queue.push_many(episodes("a.example", 1, 2, 3))
    for second, (lease, seconds) in enumerate(zip(leased(queue, 2), asked, strict=True)):
        pause(queue, lease, seconds, NOW + second * 1000)
    assert "3" not in names(queue, 9, NOW + until * 1000 - 1)
    assert "3" in names(queue, 9, NOW + until * 1000)


def test_a_host_with_a_delay_rests_after_each_beginning(redis: Client) -> None:
    queue = broker(redis, a=Host(delay=1.5))
    queue.push_many([*episodes("cdn.a.example", 1, 2, 3), *episodes("d.example", 4, 5)])
    assert names(queue, 9) == ["1", "4", "5"]
    assert names(queue, 9, NOW + 1_499) == []
    assert names(queue, 9, NOW + 1_500) == ["2"]
    assert names(queue, 9, NOW + 1_501) == []


def test_a_delay_does_not_shorten_a_pause(redis: Client) -> None:
    queue = broker(redis, a=Host(delay=5))
    queue.push_many(episodes("a.example", 1, 2, 3))
    first = lease_one(queue, NOW)
    second = lease_one(queue, NOW + 5_000)
    pause(queue, first, 20, NOW + 5_000)
    assert move(queue, second, "b.example")
    assert not move(queue, second, "a.example", NOW + 5_000)
    assert names(queue, 9, NOW + 24_999) == []


# What is told


def test_it_is_told_which_hosts_entries_wait_for(redis: Client) -> None:
    queue = broker(redis, 2, d=Host(delay=600))
    assert queue.waits() == []
    queue.push_many([*episodes("a.example", 1, 2, 3, 4), *episodes("b.example", 5, 6, 7), *episodes("c.example", 8)])
    queue.push_many(episodes("d.example", 9, 10))
    now = int(redis.time()[0]) * 1000
    leases = {lease.name: lease for lease in leased(queue, 9, now)}
    pause(queue, leases["1"], 20, now)
    assert queue.waits() == [
        HostWait("a.example", 2, 0, now / 1000 + 20, "http-429"),
        HostWait("b.example", 1, 2, 0, ""),
        HostWait("d.example", 1, 0, now / 1000 + 600, ""),
    ]


# Entries and nodes of earlier releases


def old_entry(redis: Client, number: int, host: str) -> None:
    """An entry as the release before pushed it."""
    key = f"show/{number}"
    redis.hset(f"{PREFIX}entries", key, "{}")
    redis.hset(f"{PREFIX}routes", key, json.dumps(["episode", "show", str(number), host, str(number), "v"]))
    redis.hincrby(f"{PREFIX}open", "show", 1)


def test_entries_and_leases_of_an_earlier_release_go_on(redis: Client) -> None:
    queue = broker(redis, 1)
    for number in (1, 2, 3):
        old_entry(redis, number, "a.example")
    redis.zadd(f"{PREFIX}pending:a.example", {"show/2": 2, "show/3": 3})
    redis.zadd(f"{PREFIX}hosts", {"a.example": 5})
    redis.zadd(f"{PREFIX}leases", {"show/1": NOW + 60_000})
    redis.hset(f"{PREFIX}owners", "show/1", "old")
    redis.hset(f"{PREFIX}tokens", "old", "show/1")
    old = Lease("show/1", "old", "episode", "show", "1", 0, b"{}")
    assert names(queue, 9) == ["2"]
    assert move(queue, old, CDN)
    assert finish(queue, old, size=1, path="x")
    assert redis.hgetall(f"{PREFIX}connections") == {b"a.example": b"1"}


def test_what_a_node_of_an_earlier_release_does_meanwhile_is_put_right(redis: Client) -> None:
    queue = broker(redis, 1)
    queue.push_many(episodes("a.example", 1, 2, 3))
    lease = lease_one(queue)
    # It puts the host where it may be leased from, and ends the lease.
    redis.zadd(f"{PREFIX}hosts", {"a.example": 0})
    assert names(queue, 9) == []
    for hash_name, field in (("owners", lease.key), ("tokens", lease.token), ("entries", lease.key)):
        redis.hdel(PREFIX + hash_name, field)
    redis.zrem(f"{PREFIX}leases", lease.key)
    assert names(queue, 9) == ["2"]
    assert redis.hgetall(f"{PREFIX}connections") == {b"a.example": b"1"}


def test_a_connection_that_such_a_node_has_left_behind_counts_once(redis: Client) -> None:
    """While other leases need none any more, so that the numbers of both do not show it."""
    queue = broker(redis, 2)
    queue.push_many(episodes("a.example", 1, 2))
    lease = lease_one(queue)
    redis.hset(f"{PREFIX}connected", "show/2", "b.example")
    redis.hincrby(f"{PREFIX}connections", "b.example", 1)
    assert names(queue, 9, done={lease.token: ""}) == ["2"]
    assert redis.hgetall(f"{PREFIX}connections") == {b"a.example": b"1"}


# Cost


def test_many_hosts_that_are_full_or_rest_are_passed_over_once(redis: Client) -> None:
    """However many there are: they are set aside when they are met, and not looked at again."""
    queue = broker(redis, 2)
    queue.push_many([episode(number, host=f"{number // 2}.example") for number in range(1000)])
    assert len(leased(queue, 500)) == 500
    strict = broker(redis, 1)
    queue.push_many(episodes("z.example", 9000, 9001))
    for _ in range(3):
        leased(strict, 9)
    assert redis.zcard(f"{PREFIX}hosts") == 0
