"""Chaos: nodes are killed at any moment, again and again, and nothing is lost, broken or done twice."""

from functools import partial

import pytest

from tests.builders import finished_episodes, media_requests
from tests.chaos.crew import (
    Feed,
    Watcher,
    check_archive,
    crew_of,
    done,
    until_moving,
    victims,
)
from tests.conftest import Client, Commands, until
from tests.origin import RunningOrigin

KILLS = 20
#: What there is from the start, and what is seeded later, just before a list node is killed.
FIRST = [Feed("alpha", 120, 500_000, pages=8, rate=700_000), Feed("beta", 90, 300_000, pages=3, rate=400_000)]
LATER = [Feed(name, 38, 400_000, pages=19, rate=600_000) for name in ("gamma", "delta", "epsilon", "zeta", "eta")]
FEEDS = [*FIRST, *LATER]
EPISODES = sum(feed.episodes for feed in FEEDS)


@pytest.mark.fresh
@pytest.mark.timeout(240)
def test_nothing_is_lost_however_many_nodes_die(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    assert EPISODES == 400
    leases = ("-s", "PODCRAWLER_LEASE_TIME=3", "-s", "PODCRAWLER_HEARTBEAT=0.5", "-s", "PODCRAWLER_CONCURRENT_PAGES=1")
    seeded = list(FIRST)

    def is_due(episodes: int) -> bool:
        # What is seeded so far may be done before so many are.
        return finished_episodes(redis) >= episodes or done(redis, seeded)

    with Watcher(fleet.archive, FEEDS).watching() as watcher, crew_of(fleet, *leases) as crew:
        for spider in ("podcasts", "episodes", "episodes", "episodes"):
            crew.start(spider)
        redis.lpush("podcasts:start_urls", *(feed.address(origin) for feed in FIRST))
        for number, victim in enumerate(victims(1, KILLS, [0, 1, 2, 3])):
            due = (number + 1) * EPISODES // (KILLS + 2)
            until_moving(lambda: finished_episodes(redis), partial(is_due, due))
            if crew.nodes[victim].spider == "podcasts":
                seeded.append(FEEDS[len(seeded)])
                redis.lpush("podcasts:start_urls", seeded[-1].address(origin))
                until(lambda: redis.zcard("{podcrawler}:podcasts:leases"))
            crew.kill(victim)
        until_moving(lambda: finished_episodes(redis), lambda: done(redis, FEEDS))
        assert crew.dismiss() == [130] * 4
    assert watcher.broken == []
    check_archive(fleet, redis, FEEDS)
    killed_at_work = KILLS - len(LATER)
    assert EPISODES + killed_at_work <= media_requests(origin) <= EPISODES + 8 * KILLS
    assert "Traceback" not in crew.log()
