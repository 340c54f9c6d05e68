"""A Redis that answers, but takes nothing new for a while: all wait for it, say why once, and go on."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.server import Server, running
from tests.conftest import Client, Commands, until
from tests.origin import RunningOrigin
from tests.servers import SERVERS, binary_of

pytestmark = pytest.mark.slow

#: The setting that makes it refuse, with that value and the one before; and what is said of it.
STATES = {
    "memory": ("maxmemory", "1", "0", "Redis has no memory for anything new (maxmemory): give it more"),
    "replicas": ("min-replicas-to-write", "1", "0", "Redis takes nothing new while it has too few replicas"),
}
#: Answers of this kind until it works again: a few seconds.
REFUSALS = 20


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    with running(binary_of(request.param), tmp_path / "redis") as server:
        yield server


def refusals(redis: Client) -> int:
    return sum(found["count"] for name, found in redis.info("errorstats").items() if name != "errorstat_NOSCRIPT")


@pytest.mark.fresh
@pytest.mark.parametrize("state", STATES)
def test_what_it_refuses_is_told_once_and_waited_for(
    server: Server, commands: Commands, origin: RunningOrigin, state: str
) -> None:
    setting, value, before, sentence = STATES[state]
    commands.environment["REDIS_URL"] = server.url
    address = f"{origin.address}/feed.xml?episodes=12&size=300000&rate=300000"
    logs = commands.archive / ".podcrawler" / "logs"

    def both(condition: Callable[[str], bool]) -> bool:
        return all(condition((logs / f"{spider}.log").read_text()) for spider in ("podcasts", "episodes"))

    with server.client() as redis, commands.start("archive", address) as archive:
        until(lambda: redis.zcard("{podcrawler}:episodes:leases"))
        redis.config_set(setting, value)
        assert isinstance(archive, subprocess.Popen)
        assert archive.stderr is not None
        assert next(line for line in archive.stderr if sentence in line).endswith(" Waiting until it works again.\n")
        until(lambda: both(lambda log: sentence in log))
        before_that = refusals(redis)
        until(lambda: refusals(redis) >= before_that + REFUSALS)
        assert "12 pending" not in (looked := commands.run("status")).out
        assert looked.status == 0
        assert both(lambda log: "does again" not in log)
        redis.config_set(setting, before)
        out, err = archive.communicate(timeout=60)
    assert archive.returncode == 0, err
    assert "12 finished" in out
    assert sentence not in err
    assert both(lambda log: log.count(sentence) == 1 and "does not answer" not in log and "Traceback" not in log)
