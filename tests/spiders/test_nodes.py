"""Nodes as a fleet runs them: real ``crawl`` processes on one Redis, against a server that misbehaves."""

import json
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from podcrawler.queue.keys import Keys
from tests.builders import AT_ONCE, file_sha256, media_requested, media_requests, seed, servers_below, sha256
from tests.conftest import Client, Commands, until
from tests.origin import RunningOrigin

MB = 1_000_000


def state(redis: Client) -> set[str]:
    """The parts of the queue of episodes that hold something."""
    return {key.decode().rpartition("episodes:")[2] for key in redis.scan_iter("{podcrawler}:episodes:*")}


def failures(redis: Client) -> dict[str, str]:
    """Episode id to the kind of its failure."""
    failed = redis.hgetall("{podcrawler}:episodes:failed")
    return {key.decode().rpartition("/")[2]: json.loads(failure)["kind"] for key, failure in failed.items()}


def test_two_nodes_share_an_archive_of_400_episodes(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    seed(redis, f"{origin.address}/feed.xml?episodes=400&size={MB}", "podcasts")
    found = fleet.run("crawl", "podcasts", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1")
    assert found.status == 0, found.err
    with ExitStack() as nodes:
        started = [
            nodes.enter_context(
                fleet.start("crawl", "episodes", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1", "-s", f"LOG_FILE={n}.log")
            )
            for n in range(2)
        ]
        assert [node.wait(90) for node in started] == [0, 0]
    shares = [(fleet.folder / f"{n}.log").read_text().count("] INFO: finished ") for n in range(2)]
    assert sum(shares) == 400
    assert min(shares) >= 0.3 * 400

    files = fleet.files()
    assert len(files) == 400
    assert set(files.values()) == {MB}
    for path in files:
        number = int(Path(path).name.split(".")[0].removeprefix("episode-"))
        assert file_sha256(fleet.archive / path) == sha256(MB, number)

    media = {path: count for path, count in origin.counts().items() if path.startswith("/bytes/")}
    assert len(media) == 400
    assert set(media.values()) == {1}
    assert state(redis) == {"order"}


@pytest.mark.fresh
def test_twelve_large_files_take_little_memory(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    seed(redis, f"{origin.address}/feed.xml?episodes=12&size={100 * MB}")
    with fleet.start("crawl", "episodes", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1") as node:
        process = psutil.Process(node.pid)
        peak = 0
        while node.poll() is None:
            try:
                node.wait(0.05)
            except subprocess.TimeoutExpired:
                peak = max(peak, process.memory_info().rss)
        assert node.returncode == 0
    assert list(fleet.files().values()) == [100 * MB] * 12
    assert 0 < peak <= 150 * 2**20


def test_episodes_nodes_alone_do_the_whole_job(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    seed(redis, json.dumps({"url": f"{origin.address}/feed.xml?episodes=3&size=10"}))
    seed(redis, "file:///etc/passwd")
    ended = fleet.drain()
    assert ended.status == 1
    assert len(fleet.files()) == 3
    assert ended.err.count("] ERROR: ") == 1
    assert '"file:///etc/passwd" is not the address of a podcast' in ended.err
    assert "Traceback" not in ended.err


def test_an_address_can_be_given_on_the_command_line(fleet: Commands, origin: RunningOrigin) -> None:
    ended = fleet.drain("-a", f"address={origin.address}/feed.xml?episodes=2&size=10")
    assert ended.status == 0, ended.err
    assert len(fleet.files()) == 2


@pytest.mark.parametrize("limit", ["PODCRAWLER_CONCURRENT_EPISODES", "CONCURRENT_REQUESTS", "CONCURRENT_ITEMS"])
def test_a_node_holds_no_more_leases_than_it_may(
    fleet: Commands, redis: Client, origin: RunningOrigin, limit: str
) -> None:
    seed(redis, f"{origin.address}/feed.xml?episodes=10&size={MB}&stall_after=1000")
    with fleet.start("crawl", "episodes", "-s", f"{limit}=3", *AT_ONCE) as node:
        until(lambda: media_requested(origin) == 3)
        assert redis.zcard("{podcrawler}:episodes:leases") == 3
        node.terminate()
        assert node.wait(20) == 130


def test_a_node_that_is_told_to_stop_hands_back_what_it_holds(
    fleet: Commands, redis: Client, origin: RunningOrigin
) -> None:
    seed(redis, f"{origin.address}/feed.xml?episodes=3&size={MB}&stall_after=1000")
    with fleet.start("crawl", "episodes", *AT_ONCE) as node:
        until(lambda: media_requested(origin) == 3)
        node.terminate()
        assert node.wait(20) == 130
        _, log = node.communicate()
    assert "Traceback" not in log
    assert fleet.files() == {}
    assert state(redis) == {"order", "entries", "routes", "deliveries", "open", "hosts", "pending:127.0.0.1"}
    origin.release()
    assert fleet.drain().status == 0
    assert set(fleet.files().values()) == {MB}


@pytest.mark.fresh
def test_a_killed_node_loses_nothing(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    seed(redis, f"{origin.address}/feed.xml?episodes=20&size={3 * MB}&stall_after={2 * MB}&etag=&modified=")
    with fleet.start("crawl", "episodes", "-s", "PODCRAWLER_LEASE_TIME=2") as node:
        until(lambda: sum(path.endswith(".part") for path in fleet.files()) == 8)
        node.kill()
        node.wait()
    assert not any(path.endswith(".mp3") for path in fleet.files())
    origin.release()
    assert fleet.drain("-s", "PODCRAWLER_LEASE_TIME=2").status == 0
    assert len(fleet.files()) == 20
    assert set(fleet.files().values()) == {3 * MB}
    assert redis.hgetall("{podcrawler}:episodes:tries") == {}


def test_a_file_that_is_there_already_is_adopted(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    """A node that dies between publishing and recording leaves a complete file behind."""
    address = f"{origin.address}/feed.xml?episodes=3&size=10"
    seed(redis, address)
    assert fleet.drain().status == 0
    before = fleet.files()
    redis.flushall()
    origin.reset()
    seed(redis, address)
    assert fleet.drain().status == 0
    assert fleet.files() == before
    assert not [path for path in origin.counts() if path.startswith("/bytes/")]
    assert redis.hlen(Keys().finished(next(iter(before)).split("/")[0])) == 3


@pytest.mark.parametrize(
    ("misbehaviour", "kind", "tries"),
    [
        ("truncate=500&etag=&modified=", "length-mismatch", 2),
        ("status=503", "http-503", 2),
        ("status=404", "http-404", 1),
        ("coding=compress", "encoded", 1),
        ("type=text/html", "not-media", 2),
    ],
)
def test_what_is_broken_is_never_published(
    fleet: Commands, redis: Client, origin: RunningOrigin, misbehaviour: str, kind: str, tries: int
) -> None:
    seed(redis, f"{origin.address}/feed.xml?episodes=1&size=1000&{misbehaviour}")
    ended = fleet.drain("-s", "PODCRAWLER_MAX_TRIES=2", "-s", "PODCRAWLER_RETRY_DELAY=0.01")
    assert ended.status == 1
    assert fleet.files() == {}
    assert list(failures(redis).values()) == [kind]
    assert media_requests(origin) == tries
    assert ended.err.count("] ERROR: failed ") == 1
    assert "Traceback" not in ended.err


def test_an_error_that_passes_is_survived(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    seed(redis, f"{origin.address}/feed.xml?episodes=1&size=1000&fail_first=2")
    assert fleet.drain("-s", "PODCRAWLER_RETRY_DELAY=0.01").status == 0
    assert list(fleet.files().values()) == [1000]


def test_redirects_and_lengths_unknown_before_are_followed(
    fleet: Commands, redis: Client, origin: RunningOrigin
) -> None:
    for behaviour in ("redirect=3", "chunked=1", "no_length=1"):
        seed(redis, f"{origin.address}/feed.xml?episodes=1&size={MB}&{behaviour}")
    assert fleet.drain().status == 0
    assert list(fleet.files().values()) == [MB] * 3


def test_two_episodes_with_one_enclosure_are_two_files(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    """Scrapy's media pipelines would give the second the result of the first."""
    seed(redis, f"{origin.address}/feed.xml?episodes=2&size={MB}&seed=1")
    assert fleet.drain().status == 0
    assert list(fleet.files().values()) == [MB] * 2


def test_media_is_asked_for_as_it_is(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    seed(redis, f"{origin.address}/feed.xml?episodes=1&size=10&sig=a%2Fb%20c")
    assert fleet.drain().status == 0
    (request,) = [request for request in origin.requests() if request.path.startswith("/bytes/")]
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["user-agent"].startswith("podcrawler")


@pytest.mark.parametrize("fill", ["lpush", "rpush", "sadd", "zadd"])
def test_seeds_may_be_kept_as_scrapy_redis_keeps_them(
    fleet: Commands, redis: Client, origin: RunningOrigin, fill: str
) -> None:
    address = f"{origin.address}/feed.xml?episodes=1&size=10"
    getattr(redis, fill)("episodes:start_urls", {address: 1} if fill == "zadd" else address)
    assert fleet.drain().status == 0
    assert len(fleet.files()) == 1


def test_a_key_of_seeds_that_is_none_ends_in_a_sentence(fleet: Commands, redis: Client) -> None:
    redis.set("episodes:start_urls", "http://x/")
    ended = fleet.drain()
    assert ended.status == 2
    assert "episodes:start_urls must be a list, a set or a sorted set of addresses" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PODCRAWLER_CONCURRENT_EPISODES", "0"),
        ("PODCRAWLER_CONCURRENT_EPISODES", "many"),
        ("PODCRAWLER_LEASE_TIME", "0"),
        ("PODCRAWLER_NAMESPACE", "a{b"),
        ("PODCRAWLER_EXIT_WHEN_DONE", "perhaps"),
        ("FILES_STORE", "s3://bucket/"),
    ],
)
@pytest.mark.parametrize("command", [("crawl", "episodes"), ("archive", "http://x/")], ids=["crawl", "archive"])
def test_a_wrong_setting_ends_in_a_sentence(fleet: Commands, command: tuple[str, ...], name: str, value: str) -> None:
    ended = fleet.run(*command, "-s", f"{name}={value}")
    assert ended.status == 2
    assert value in ended.err
    assert "Traceback" not in ended.err


def test_a_bad_seed_is_reported_each_time(fleet: Commands, redis: Client) -> None:
    for _ in range(2):
        redis.lpush("episodes:start_urls", "nonsense")
        assert '"nonsense" is not the address of a podcast' in fleet.drain().err


def test_a_node_works_on_all_that_it_has_leased(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    seed(redis, f"{origin.address}/feed.xml?episodes=20&size={MB}&stall_after=1000")
    with fleet.start(
        "crawl", "episodes", "-s", "PODCRAWLER_CONCURRENT_EPISODES=20", "-s", "PODCRAWLER_HOST_CONNECTIONS=20"
    ):
        until(lambda: media_requested(origin) == 20)


def test_a_node_reports_what_it_has_in_hand(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    seed(redis, f"{origin.address}/feed.xml?episodes=1&size={9 * MB}&rate={MB}")
    with fleet.start("crawl", "episodes", "-s", "PODCRAWLER_NODE_NAME=one") as node:
        name = Keys().node(f"one-{node.pid}")
        until(lambda: any(transfer["rate"] for transfer in json.loads(redis.hget(name, "in_hand") or b"[]")))
        (in_hand,) = json.loads(redis.hget(name, "in_hand"))
        assert redis.zscore(Keys().nodes, f"one-{node.pid}")
        assert "/s" in fleet.run("status").out
    assert in_hand["expected"] == 9 * MB
    assert 0 < in_hand["received"] < 9 * MB
    assert 0 < redis.ttl(name) <= 15


def test_a_node_without_its_supervisor_stops(fleet: Commands) -> None:
    ended = fleet.run("crawl", "episodes", "-s", "PODCRAWLER_SUPERVISOR_PID=1")
    assert ended.status == 130
    assert "The supervisor is gone" in ended.err


@pytest.mark.fresh
def test_a_node_outlives_a_restart_of_redis(commands: Commands, origin: RunningOrigin) -> None:
    """kill -9 of the embedded Valkey in the middle of the work; the supervisor starts it again."""
    address = f"{origin.address}/feed.xml?episodes=30&size={MB}&rate={2 * MB}"
    with commands.start("archive", address) as archive:
        until(lambda: any(not path.endswith(".part") for path in commands.files()))
        (valkey,) = servers_below(commands.archive)
        valkey.send_signal(signal.SIGKILL)
        _, log = archive.communicate(timeout=90)
    assert archive.returncode == 0, log
    assert "was started again" in log
    assert list(commands.files().values()) == [MB] * 30


def test_a_node_of_episodes_is_not_done_before_the_list_pages_are(
    fleet: Commands, redis: Client, origin: RunningOrigin
) -> None:
    seed(redis, f"{origin.address}/feed.xml?episodes=3&size=10", "podcasts")
    redis.config_resetstat()
    with fleet.start("crawl", "episodes", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1") as node:
        until(lambda: redis.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0) >= 3)
        assert node.poll() is None
        assert fleet.run("crawl", "podcasts", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1").status == 0
        assert node.wait(60) == 0
    assert len(fleet.files()) == 3


@pytest.mark.fresh
def test_an_episode_that_kills_its_nodes_ends_failed(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    seed(redis, f"{origin.address}/feed.xml?episodes=1&size={MB}&stall_after=1000")
    options = ("-s", "PODCRAWLER_LEASE_TIME=1", "-s", "PODCRAWLER_MAX_EXPIRIES=1")
    for times in (1, 2):
        with fleet.start("crawl", "episodes", *options) as node:
            until(lambda: media_requests(origin) == times)  # noqa: B023
            node.kill()
            node.wait()
    ended = fleet.drain(*options)
    assert ended.status == 1
    assert failures(redis) == {"episode-1": "abandoned"}
    assert "failed " in ended.err
    assert "[abandoned]: too many nodes that took it died" in ended.err


@pytest.mark.parametrize(("spider", "items"), [("episodes", 8 * 8), ("podcasts", 16)])
def test_episodes_that_wait_for_redis_keep_no_others_from_being_downloaded(
    fleet: Commands, spider: str, items: int
) -> None:
    ended = fleet.run("crawl", spider, "-s", "PODCRAWLER_EXIT_WHEN_DONE=1")
    assert f"'CONCURRENT_ITEMS': {items}," in ended.err
