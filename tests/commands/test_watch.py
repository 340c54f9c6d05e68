"""``status --watch``, on a terminal and in a pipe."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sample.terminal import Terminal
from tests.builders import episode, make_broker
from tests.chaos.server import Server
from tests.servers import binary_of

WATCH = [sys.executable, "-m", "podcrawler", "status", "--watch"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(binary_of("valkey 9"), tmp_path / "redis", "--appendonly", "yes")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def environment(server: Server) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "REDIS_URL": server.url}


def test_a_terminal_shows_what_there_is_now(tmp_path: Path, server: Server, environment: dict[str, str]) -> None:
    with Terminal(WATCH, folder=tmp_path, environment=environment, columns=60) as terminal:
        terminal.wait_for(lambda: "episodes: 0 pending" in terminal.text)
        with server.client() as client:
            make_broker(client).push_many([episode(1), episode(2)])
        terminal.wait_for(lambda: "episodes: 2 pending" in terminal.text)
        assert terminal.text.count("episodes:") == 1
        server.kill()
        terminal.wait_for(lambda: "Redis at 127.0.0.1" in terminal.text)
        assert "episodes:" not in terminal.text
        server.start()
        terminal.wait_for(lambda: "episodes: 2 pending" in terminal.text)
        terminal.press_ctrl_c()
        assert terminal.wait() == 130


def test_a_pipe_gets_one_after_the_other(tmp_path: Path, environment: dict[str, str]) -> None:
    with subprocess.Popen(WATCH, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as watch:
        assert watch.stdout is not None
        first = [next(watch.stdout) for _ in range(5)]
        assert first[0].startswith("episodes: 0 pending")
        assert first[3:] == ["no node is running\n", "\n"]
        assert [next(watch.stdout) for _ in range(5)] == first
        watch.stdout.close()
        assert watch.wait(30) == 141


def test_a_redis_that_is_not_there_ends_it(tmp_path: Path, environment: dict[str, str]) -> None:
    ended = subprocess.run(
        WATCH, cwd=tmp_path, env={**environment, "REDIS_URL": "redis://127.0.0.1:1"}, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert ended.stderr.startswith("podcrawler: Redis at 127.0.0.1:1 cannot be reached")
