"""A media host never sees more transfers at once than the operator allows, whatever happens to the nodes."""

import pytest

from podcrawler.queue.archive import Archive
from podcrawler.queue.keys import Keys
from tests.builders import finished_episodes
from tests.chaos.crew import Crew, crew_of, until_moving
from tests.conftest import Client, Commands, until
from tests.origin import RunningOrigin

EPISODES, SIZE, RATE, BUDGET, NODES, KILLS = 100, 100_000, 200_000, 4, 5, 5


@pytest.mark.fresh
@pytest.mark.timeout(240)
@pytest.mark.parametrize("at_host", ["", "&at_host=localhost"], ids=["directly", "by way of another host"])
def test_a_fleet_keeps_to_the_budget_of_a_host_while_its_nodes_die(
    fleet: Commands, redis: Client, origin: RunningOrigin, at_host: str
) -> None:
    """The connections of dead nodes come back with their leases: without them the work would never end."""
    limits = ("-s", f"PODCRAWLER_HOST_CONNECTIONS={BUDGET}", "-s", "PODCRAWLER_CONCURRENT_EPISODES=4")
    leases = ("-s", "PODCRAWLER_LEASE_TIME=6", "-s", "PODCRAWLER_HEARTBEAT=1", "-s", "PODCRAWLER_RETRY_DELAY=0.1")
    with crew_of(fleet, *limits, *leases) as crew:
        for _ in range(NODES):
            crew.start("episodes")
        until(lambda: len(Archive(redis, Keys()).reports()) == NODES)
        # Two podcasts: what is known of the host of one does not help the other.
        for title in ("One", "Two"):
            address = f"{origin.address}/feed.xml?title={title}&episodes={EPISODES // 2}&size={SIZE}&rate={RATE}"
            redis.lpush("episodes:start_urls", address + at_host)
        for number in range(KILLS):
            due = (number + 1) * EPISODES // (KILLS + 2)
            until_moving(lambda: finished_episodes(redis), lambda due=due: finished_episodes(redis) >= due)  # type: ignore[misc]
            crew.kill(_at_work(crew, redis))
        until_moving(lambda: finished_episodes(redis), lambda: finished_episodes(redis) == EPISODES)
        crew.dismiss()
    media_host = "localhost" if at_host else "127.0.0.1"
    assert origin.most_at_host()[media_host] == BUDGET
    requests = [request for request in origin.requests() if request.path.startswith("/bytes/")]
    assert sum(request.host == media_host for request in requests) > EPISODES, "none was killed at work"
    # What a dead node wanted is forgotten after three seconds.
    until(lambda: set(redis.scan_iter("{podcrawler}:episodes:*")) == {b"{podcrawler}:episodes:order"})
    assert "Traceback" not in crew.log()


def _at_work(crew: Crew, redis: Client) -> int:
    """The place of the node that has most downloads in hand."""
    place_of = {node.process.pid: place for place, node in enumerate(crew.nodes)}
    busiest: list[int] = []

    def look() -> bool:
        reports = [report for report in Archive(redis, Keys()).reports() if report.pid in place_of and report.in_hand]
        busiest[:] = [place_of[report.pid] for report in sorted(reports, key=lambda report: -len(report.in_hand))]
        return bool(busiest)

    until(look)
    return busiest[0]
