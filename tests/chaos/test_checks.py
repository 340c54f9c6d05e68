"""List nodes die while they check subscriptions: no check is lost, and none is made twice before it is due again."""

from collections import Counter

import pytest

from podcrawler.queue.archive import Archive
from podcrawler.queue.keys import Keys
from podcrawler.subscriptions.records import Subscription
from podcrawler.subscriptions.store import Subscriptions
from tests.chaos.crew import crew_of
from tests.conftest import Client, Commands, until
from tests.origin import RunningOrigin

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]

FEEDS = 12


def test_list_nodes_that_die_lose_no_check_and_double_none(
    fleet: Commands, redis: Client, origin: RunningOrigin
) -> None:
    subscriptions, archive = Subscriptions(redis, Keys()), Archive(redis, Keys())
    feeds = [
        f"{origin.address}/{number}/feed.xml?title=show{number}&episodes=2&stall_page=1" for number in range(FEEDS)
    ]
    subscriptions.subscribe(map(Subscription, feeds))
    leases = ("-s", "PODCRAWLER_LEASE_TIME=3", "-s", "PODCRAWLER_HEARTBEAT=0.5")
    private = ("-s", "PODCRAWLER_ALLOW_HOSTS=127.0.0.1", "-s", "PODCRAWLER_CONCURRENT_PAGES=4")
    with crew_of(fleet, *leases, *private) as crew:
        for _ in range(2):
            crew.start("podcasts")
        for place in (0, 1, 0):
            asked = sum(origin.counts().values())
            until(lambda asked=asked: sum(origin.counts().values()) > asked)  # type: ignore[misc]
            crew.kill(place)
        until(lambda: redis.zcard("{podcrawler}:podcasts:leases"))
        origin.release()
        until(lambda: all(one.checked.at for one in subscriptions.all()))
        until(lambda: not redis.hlen("{podcrawler}:podcasts:entries"))
        assert crew.dismiss() == [130, 130]
    ended = Counter(event.key for event in archive.events_since("0") if event.state == "finished")
    assert ended == Counter(feeds)
    seconds, _ = redis.time()
    assert all(one.due and one.due > seconds for one in subscriptions.all())
    assert "Traceback" not in crew.log()
