"""The embedded server, with the real Valkey and real processes as its users."""

import fcntl
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from podcrawler.exceptions import EmbeddedServerError
from podcrawler.redis import embedded
from podcrawler.redis.embedded import EmbeddedServer

USER = """
import json, sys
from pathlib import Path
from podcrawler.redis.embedded import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]))
print("ready", flush=True)
for line in sys.stdin:
    print(json.dumps(getattr(server, line.strip())()), flush=True)
server.leave()
"""


class User:
    """A process with one EmbeddedServer, whose methods a test calls."""

    def __init__(self, state_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(state_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._input, self._output = self.process.stdin, self.process.stdout
        assert self._output.readline() == "ready\n"

    def send(self, method: str) -> None:
        self._input.write(f"{method}\n")
        self._input.flush()

    def receive(self) -> Any:
        return json.loads(self._output.readline())

    def call(self, method: str) -> Any:
        self.send(method)
        return self.receive()

    def end(self, number: signal.Signals | None = None) -> None:
        """End the process: by itself, so that it leaves the server, or by a signal to its process group."""
        if number is not None and self.process.returncode is None:
            os.killpg(self.process.pid, number)
        self.process.communicate()


NewUser = Callable[..., User]
ClientOf = Callable[[str], redis.Redis]


def servers_in(folder: Path) -> list[psutil.Process]:
    """The processes whose working folder is in ``folder``; zombies have none."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(folder):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def runs(state_dir: Path) -> bool:
    return EmbeddedServer(state_dir).attach_if_running() is not None


def kill(server: psutil.Process, state_dir: Path) -> None:
    """Kill the server and wait until all of its threads are gone, which its lock shows."""
    server.kill()
    with (state_dir / "server.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name, in which no process may be left."""
    path = Path(tempfile.mkdtemp(dir="/tmp", prefix="pod")).resolve()
    yield path
    left = servers_in(path)
    for server in left:
        server.kill()
    shutil.rmtree(path, ignore_errors=True)
    assert left == []
    assert not [state for state in embedded._children if state.is_relative_to(path)]


@pytest.fixture
def state(folder: Path) -> Path:
    return folder / "state"


@pytest.fixture
def long_state(folder: Path) -> Path:
    return folder / ("n" * 100) / "state with spaces, ünï#code? and %20"


@pytest.fixture(params=["socket", "port"])
def any_state(request: pytest.FixtureRequest, state: Path, long_state: Path) -> Path:
    return state if request.param == "socket" else long_state


@pytest.fixture
def new_user(state: Path) -> Iterator[NewUser]:
    users = []

    def make(state_dir: Path = state) -> User:
        users.append(User(state_dir))
        return users[-1]

    yield make
    for user in users:
        user.end()


@pytest.fixture
def client_of() -> Iterator[ClientOf]:
    clients = []

    def make(url: str) -> redis.Redis:
        clients.append(redis.Redis.from_url(url, decode_responses=True))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def test_the_package_still_has_its_binary() -> None:
    version = subprocess.run([embedded._binary(), "--version"], capture_output=True, text=True, check=True).stdout
    assert version.startswith("Valkey server v=")


def test_a_missing_or_broken_binary_is_a_sentence(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "pdp11")
    with pytest.raises(EmbeddedServerError, match=r"no embedded Redis server for this machine \(.*pdp11.*REDIS_URL"):
        EmbeddedServer(state).enter()
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(EmbeddedServerError, match=r"no embedded Redis server for this machine .*REDIS_URL"):
        EmbeddedServer(state).enter()
    monkeypatch.setattr(embedded, "_binary", lambda: Path(__file__))
    with pytest.raises(EmbeddedServerError, match=r"no embedded Redis server for this machine .*Permission denied"):
        EmbeddedServer(state).enter()


def test_users_share_one_server_which_the_last_one_stops(state: Path, new_user: NewUser, client_of: ClientOf) -> None:
    first, second = new_user(), new_user()
    url = first.call("enter")
    assert url.startswith("unix:///")
    assert second.call("enter") == url
    first.call("leave")
    assert client_of(url).ping()
    assert second.call("ensure_running") is False
    second.call("leave")
    assert not runs(state)


def test_one_process_can_be_two_users(state: Path, client_of: ClientOf) -> None:
    first, second = EmbeddedServer(state), EmbeddedServer(state)
    url = first.enter()
    assert second.attach_if_running() == url
    first.leave()
    first.leave()
    assert client_of(url).ping()
    second.leave()
    assert not runs(state)


def test_users_that_start_at_the_same_instant_get_one_server(folder: Path, state: Path, new_user: NewUser) -> None:
    users = [new_user() for _ in range(4)]
    for user in users:
        user.send("enter")
    assert len({user.receive() for user in users}) == 1
    assert len(servers_in(folder)) == 1
    for user in users:
        user.send("leave")
    for user in users:
        user.receive()
    assert not runs(state)


def test_attaching_changes_nothing_where_no_server_runs(state: Path, new_user: NewUser) -> None:
    assert EmbeddedServer(state).attach_if_running() is None
    assert not state.exists()
    user = new_user()
    url = user.call("enter")
    other = EmbeddedServer(state)
    assert other.attach_if_running() == url
    other.leave()
    user.call("leave")
    assert not runs(state)


def test_the_state_is_private(state: Path) -> None:
    state.mkdir(mode=0o755)
    server = EmbeddedServer(state)
    server.enter()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (state, *state.iterdir(), *state.glob("redis/*"))}
    server.leave()
    assert modes["state"] == modes["redis"] == modes["valkey.sock"] == 0o700
    assert modes["server.json"] == modes["valkey.conf"] == 0o600


def test_after_a_kill_of_all_users_the_next_one_takes_the_server_over(
    folder: Path, state: Path, new_user: NewUser
) -> None:
    users = [new_user(), new_user()]
    url = users[0].call("enter")
    users[1].call("enter")
    for user in users:
        user.end(signal.SIGKILL)
    (server,) = servers_in(folder)
    heir = new_user()
    assert heir.call("attach_if_running") == url
    assert servers_in(folder) == [server]
    heir.call("leave")
    assert not runs(state)


def test_a_server_that_was_killed_starts_again_on_its_data_and_url(
    folder: Path, any_state: Path, new_user: NewUser, client_of: ClientOf
) -> None:
    supervisor, node = new_user(any_state), new_user(any_state)
    url = supervisor.call("enter")
    node.call("enter")
    client = client_of(url)
    client.set("episode", "1")
    client.waitaof(1, 0, 0)
    (server,) = servers_in(folder)
    kill(server, any_state)
    assert supervisor.call("ensure_running") is True
    assert client.get("episode") == "1"
    assert supervisor.call("ensure_running") is False
    assert node.call("ensure_running") is False
    supervisor.call("leave")
    node.call("leave")
    assert not runs(any_state)


@pytest.mark.parametrize("record", ["{", '{"host": "elsewhere", "url": "redis://"}'])
def test_what_a_kill_of_everything_leaves_does_not_prevent_a_start(
    record: str, folder: Path, any_state: Path, new_user: NewUser, client_of: ClientOf
) -> None:
    user = new_user(any_state)
    client = client_of(user.call("enter"))
    client.set("episode", "1")
    client.set("cut", "short")
    client.waitaof(1, 0, 0)
    user.end(signal.SIGKILL)
    (server,) = servers_in(folder)
    kill(server, any_state)
    (log,) = any_state.glob("redis/appendonlydir/*.incr.aof")
    log.write_bytes(log.read_bytes()[:-3])
    (any_state / "server.json").write_text(record)
    (any_state / "redis" / "valkey.sock").touch()
    heir = new_user(any_state)
    client = client_of(heir.call("enter"))
    assert client.get("episode") == "1"
    assert client.get("cut") is None


def test_a_path_too_long_for_a_socket_gets_a_port_with_a_password(
    folder: Path, long_state: Path, new_user: NewUser, client_of: ClientOf
) -> None:
    user, other = new_user(long_state), new_user(long_state)
    url = user.call("enter")
    assert other.call("attach_if_running") == url
    client = client_of(url)
    assert client.ping()
    password = client.get_connection_kwargs()["password"]
    with pytest.raises(redis.AuthenticationError):
        client_of(url.replace(f":{password}@", "")).ping()
    (server,) = servers_in(folder)
    assert {address.laddr.ip for address in server.net_connections("inet")} == {"127.0.0.1"}
    assert not any(password in word for word in (*server.cmdline(), *server.environ().values()))
    other.call("leave")
    user.call("leave")
    assert user.call("enter") == url


@pytest.mark.parametrize("name", ["/".join(["n" * 200] * 6), os.fsdecode(b"caf\xe9")], ids=["1,200 bytes", "no UTF-8"])
def test_any_name_of_the_state_folder_will_do(state: Path, name: str, client_of: ClientOf) -> None:
    server = EmbeddedServer(state / name)
    assert client_of(server.enter()).ping()
    server.leave()


def test_a_port_that_was_taken_meanwhile_is_replaced(long_state: Path, client_of: ClientOf) -> None:
    server = EmbeddedServer(long_state)
    url = server.enter()
    port = client_of(url).get_connection_kwargs()["port"]
    server.leave()
    with socket.create_server(("127.0.0.1", port)):
        again = server.enter()
        assert again != url
        assert client_of(again).ping()
        server.leave()


def test_ctrl_c_in_the_terminal_does_not_stop_the_server(folder: Path, new_user: NewUser, client_of: ClientOf) -> None:
    starter, other = new_user(), new_user()
    url = starter.call("enter")
    other.call("enter")
    (server,) = servers_in(folder)
    assert os.getpgid(server.pid) != os.getpgid(starter.process.pid)
    starter.end(signal.SIGINT)
    assert client_of(url).ping()


def test_entering_waits_until_the_data_are_read(
    state: Path, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = EmbeddedServer(state)
    client = client_of(server.enter())
    with client.pipeline(transaction=False) as pipeline:
        for number in range(5000):
            pipeline.set(str(number), "x")
        pipeline.execute()
    server.leave()
    monkeypatch.setattr(embedded, "CONFIG", embedded.CONFIG + "key-load-delay 20\n")
    server.enter()
    assert (state / "redis" / "valkey.log").read_text().count("Ready to accept connections") == 2
    assert client.dbsize() == 5000
    server.leave()


@pytest.mark.parametrize("below", [".", "redis", "deeper/state"])
def test_a_file_in_the_way_is_a_sentence(below: str, folder: Path) -> None:
    state = folder / "archive"
    if below == "redis":
        state.mkdir()
        (state / below).touch()
    else:
        state.touch()
        state = state / below
    with pytest.raises(EmbeddedServerError, match=r"state folder .* cannot be used \(.*PODCRAWLER_STATE_DIR.*\.$"):
        EmbeddedServer(state).enter()


def test_a_server_that_does_not_start_is_quoted(state: Path, client_of: ClientOf) -> None:
    server = EmbeddedServer(state)
    client_of(server.enter()).set("episode", "1")
    server.leave()
    (log,) = state.glob("redis/appendonlydir/*.incr.aof")
    log.write_bytes(b"no append-only file" + log.read_bytes())
    with pytest.raises(EmbeddedServerError, match=r"did not start \(Bad file format reading the append only file"):
        server.enter()


def test_a_server_that_hangs_is_a_sentence(folder: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server, other = EmbeddedServer(state), EmbeddedServer(state)
    server.enter()
    (process,) = servers_in(folder)
    monkeypatch.setattr(embedded, "PATIENCE_SECONDS", 0.0)
    process.suspend()
    with pytest.raises(EmbeddedServerError, match=rf"does not answer .* \(pid {process.pid}\) and try again"):
        other.enter()
    process.resume()
    monkeypatch.undo()
    server.leave()


@pytest.mark.parametrize("alive", [True, False])
def test_a_folder_in_use_on_another_machine_is_a_sentence(
    alive: bool, folder: Path, state: Path, new_user: NewUser
) -> None:
    user = new_user()
    user.call("enter")
    if not alive:
        for server in servers_in(folder):
            kill(server, state)
    record = state / "server.json"
    here = record.read_text()
    record.write_text(json.dumps({"host": "elsewhere", "url": f"unix://{folder}/nothing"}))
    with pytest.raises(EmbeddedServerError, match=r"another machine \(elsewhere\).*REDIS_URL.*PODCRAWLER_STATE_DIR"):
        EmbeddedServer(state).enter()
    record.write_text(here)


def test_a_lost_record_is_a_sentence(state: Path, new_user: NewUser) -> None:
    new_user().call("enter")
    (state / "server.json").unlink()
    with pytest.raises(EmbeddedServerError, match=r"does not say where: end its process \(pid \d+\)"):
        EmbeddedServer(state).enter()
