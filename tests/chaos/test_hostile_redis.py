"""Nodes at work, and commands, while somebody writes anything to anywhere in their Redis."""

import json
import random

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.builders import finished_episodes
from tests.chaos.crew import crew_of
from tests.conftest import Client, Commands, until
from tests.origin import RunningOrigin
from tests.queue.hostile import SCORES, VALUES, places, spoil

pytestmark = pytest.mark.slow

ROUNDS = 12
#: Strings and numbers that are overwritten in each.
SPOILT = 12


@pytest.mark.timeout(180)
def test_nobody_ends_and_nobody_prints_a_traceback(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    nodes = ("-s", "PODCRAWLER_LEASE_TIME=3", "-s", "PODCRAWLER_HEARTBEAT=0.5", "-s", "PODCRAWLER_RETRY_DELAY=0.1")
    numbers = random.Random(18)
    rounds = 0

    with crew_of(fleet, *nodes) as crew:
        for spider in ("podcasts", "episodes"):
            crew.start(spider)
        until(lambda: redis.zcard("{podcrawler}:nodes") == 2)

        @seed(18)
        @settings(
            max_examples=ROUNDS,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(values=st.lists(st.tuples(VALUES, SCORES, st.booleans()), min_size=SPOILT, max_size=SPOILT))
        def spoil_some(values: list[tuple[bytes, float, bool]]) -> None:
            nonlocal rounds
            rounds += 1
            address = f"{origin.address}/{rounds}/feed.xml?title=a{rounds}&episodes=8&size=20000&rate=20000&pages=2"
            redis.lpush("podcasts:start_urls", address)
            redis.lpush("episodes:start_urls", f"{origin.address}/feed.xml?episodes=2&size=10&status=404&of={rounds}")
            until(lambda: redis.hlen("{podcrawler}:episodes:entries") > 2)
            found = [place for place in places(redis) if place.key != b"{podcrawler}:schema"]
            for (value, score, member), place in zip(values, numbers.choices(found, k=SPOILT), strict=True):
                if redis.type(place.key) == place.type:
                    spoil(redis, place, value, score, member=member)
            for command in (["status"], ["status", "--json"], ["failed"], ["failed", "--json"]):
                ended = fleet.run(*command)
                assert ended.status == 0, ended.err
                assert "Traceback" not in ended.err
                assert all(map(str.isprintable, ended.out.splitlines()))
            assert all(node.process.poll() is None for node in crew.nodes), crew.log()

        spoil_some()
        # They are none the worse for it.
        redis.flushall()
        redis.lpush("podcasts:start_urls", f"{origin.address}/last/feed.xml?title=last&episodes=3&size=10")
        until(lambda: finished_episodes(redis) >= 3)
        until(lambda: len(json.loads(fleet.run("status", "--json").out)["nodes"]) == 2)
        assert crew.dismiss() == [130, 130]
    assert "Traceback" not in crew.log()


@pytest.mark.timeout(120)
def test_an_archive_comes_to_its_end(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    """Whatever it finds on the way, it tells in sentences."""
    numbers = random.Random(18)
    address = f"{origin.address}/feed.xml?title=a&episodes=8&size=20000&rate=10000&pages=2"
    options = ("-s", "PODCRAWLER_LEASE_TIME=3", "-s", "PODCRAWLER_HEARTBEAT=0.5", "-s", "PODCRAWLER_MAX_EXPIRIES=9")
    with fleet.start("archive", address, *options) as archive:
        until(lambda: redis.hlen("{podcrawler}:episodes:entries") > 2)

        @seed(18)
        @settings(max_examples=40, deadline=None, database=None, phases=[Phase.generate])
        @given(value=VALUES, score=SCORES, member=st.booleans())
        def spoil_one(value: bytes, score: float, member: bool) -> None:
            found = [place for place in places(redis) if place.key != b"{podcrawler}:schema"]
            if not found:
                return
            place = numbers.choice(found)
            if redis.type(place.key) == place.type:
                spoil(redis, place, value, score, member=member)

        spoil_one()
        out, err = archive.communicate(timeout=90)
    assert archive.returncode in (0, 1, 2), err
    assert "Traceback" not in err
    assert all(map(str.isprintable, (out + err).splitlines()))
