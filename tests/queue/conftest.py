"""Every server that the queue's scripts must work on, as far as this machine has it."""

from collections.abc import Iterator

import pytest

from tests.chaos.server import running
from tests.conftest import Client
from tests.servers import SERVERS, binary_of


@pytest.fixture(scope="session", params=SERVERS)
def _server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    name: str = request.param
    with running(binary_of(name), tmp_path_factory.mktemp("server")) as server, server.client() as client:
        info = client.info("server")
        program, _, version = name.partition(" ")
        assert info.get("server_name", "redis") == program
        assert str(info.get(f"{program}_version")).startswith(version)
        yield client


@pytest.fixture
def every_redis(_server: Client) -> Client:
    """A client of one server after the other, each empty."""
    _server.flushall()
    return _server
