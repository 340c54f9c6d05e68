"""The story of podcrawler's ancestor, told again: an old folder, a list of two years, a fleet behind a proxy, and a
node that dies in the middle of it."""

import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from podcrawler.queue.keys import Keys
from tests.conftest import Client, Commands, until

#: The address that users of the ancestor know; the proxy serves the sample for it.
LIST = "http://podcast.rthk.hk/podcast/item_all.php?pid=287"
#: What the ancestor would have called the files: the last five characters of the address, `/` as `-`, `:` as `：`.
OLD = "20001.第一回：燈塔的聲音.wav"
NEW = {
    "20002.A Letter from the Ferry： Part 1-2.wav",
    "20003.A Letter from the Ferry： Part 2-2.wav",
    "20004.問答 Q-A：街市與茶樓.wav",
    "20005.除夕特輯： 海旁倒數.wav",
}
NODE = ("-s", "PODCRAWLER_LEASE_TIME=2", "-s", "PODCRAWLER_CONCURRENT_EPISODES=1")


@pytest.fixture
def proxied(fleet: Commands, sample: str) -> Commands:
    fleet.environment["http_proxy"] = sample.rstrip("/")
    return fleet


@pytest.mark.fresh
def test_the_story_of_the_ancestor(proxied: Commands, redis: Client) -> None:
    old = proxied.folder / "old"
    old.mkdir()
    (old / OLD).write_bytes(b"\0what was downloaded years ago")
    (old / "20002.broken.wav").touch()
    imported = proxied.run("import", "old", "--podcast", "rthk-287")
    assert "1 media file, 1 recorded as finished; 1 file left out." in imported.out

    redis.lpush("podcasts:start_urls", LIST)
    assert proxied.run("crawl", "podcasts", "-s", "PODCRAWLER_EXIT_WHEN_DONE=1").status == 0
    assert redis.zcard("{podcrawler}:episodes:pending:podcast.rthk.hk") == 4

    with ExitStack() as fleet:
        nodes = [
            fleet.enter_context(proxied.start("crawl", "episodes", *NODE, "-s", f"LOG_FILE={n}.log")) for n in range(3)
        ]
        until(lambda: redis.hlen("{podcrawler}:finished:rthk-287") >= 2)
        nodes[0].send_signal(signal.SIGKILL)
        nodes[0].wait()
        nodes[0] = fleet.enter_context(proxied.start("crawl", "episodes", *NODE, "-s", "LOG_FILE=0.log"))
        until(lambda: redis.hlen("{podcrawler}:finished:rthk-287") == 5)
        until(lambda: any(name.endswith(f"-{nodes[0].pid}".encode()) for name in redis.zrange(Keys().nodes, 0, -1)))
        for node in nodes:
            node.terminate()
        assert [node.wait(30) for node in nodes] == [130, 130, 130]

    assert {Path(path).name for path in proxied.files()} == NEW
    assert {Path(path).parent.name for path in proxied.files()} == {"rthk-287"}
    assert redis.hlen("{podcrawler}:episodes:failed") == 0
