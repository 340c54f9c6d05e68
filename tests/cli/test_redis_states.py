"""What commands say on a Redis that does not do all that it is asked: those that only look work as long as it can be
read, and everything else ends in one sentence that is true."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as NoAnswerError

from tests.chaos.server import Server, running
from tests.conftest import Client, Commands, until
from tests.servers import SERVERS, binary_of

READER = ("~*", "-@all", "+@read", "+@connection", "+info", "+time", "+multi", "+exec")


def without_memory(server: Client) -> None:
    server.config_set("maxmemory", 1)


def without_replicas(server: Client) -> None:
    server.config_set("min-replicas-to-write", 1)


def as_replica(server: Client) -> None:
    # Of nobody, but it keeps what it has.
    server.replicaof("127.0.0.1", 1)


def as_stale_replica(server: Client) -> None:
    server.config_set("replica-serve-stale-data", "no")
    as_replica(server)


def without_disk(server: Client) -> None:
    Path(server.config_get("dir")["dir"], "dump.rdb").mkdir()
    server.config_set("save", "3600 1")
    server.bgsave()
    until(lambda: server.info("persistence")["rdb_last_bgsave_status"] == "err")


def for_a_reader(server: Client) -> None:
    server.execute_command("ACL", "SETUSER", "ann", "on", ">secret", *READER)


def for_a_stranger(server: Client) -> None:
    server.execute_command("ACL", "SETUSER", "ann", "on", ">secret", "~theirs:*", "+@all")


def for_somebody_without_info(server: Client) -> None:
    server.execute_command("ACL", "SETUSER", "ann", "on", ">secret", *READER, "-info")


def with_a_password(server: Client) -> None:
    server.config_set("requirepass", "other")


def with_too_many_clients(server: Client) -> None:
    server.config_set("maxclients", 1)


NO_MEMORY = "{redis} has no memory for anything new (maxmemory): give it more, and see that its maxmemory-policy is "
REPLICA = (
    "{redis} is a read-only replica, on which nothing can be changed: set REDIS_URL to the server that it follows."
)
STALE = (
    "{redis} is a replica that has lost the server that it follows, and answers nothing without it: start that server, "
    "or set REDIS_URL to one that runs."
)
NO_DISK = "{redis} cannot write to its disk (*): make room there, or see its own log."
FORBIDDEN = (
    "{redis} does not let its user ann do what is needed (*): give it the permissions that docs/security.md lists."
)
WRONG_PASSWORD = "{redis} refuses the password or the lack of one (*): set REDIS_URL=redis://:PASSWORD@HOST:PORT/0."
TOO_FEW = "{redis} takes nothing new while it has too few replicas (min-replicas-to-write): start them."
TOO_MANY = (
    "{redis} has as many clients as it takes (maxclients), or is no Redis: raise that limit, end some of them, or "
    "correct the address in REDIS_URL."
)

LOOK = ("status", "status --json", "failed", "failed --json", "version")
CHANGE = ("retry --all", "pause", "archive http://x/", "crawl episodes")
#: What was done to the server; the commands that work; those that do not, and their sentence.
STATES: dict[str, tuple[Callable[[Client], None], tuple[str, ...], tuple[str, ...], str]] = {
    "maxmemory": (without_memory, LOOK, CHANGE, f"{NO_MEMORY}noeviction."),
    "replica": (as_replica, LOOK, CHANGE, REPLICA),
    "stale replica": (as_stale_replica, ("version",), ("status", "failed", "retry --all", "pause"), STALE),
    "no replicas": (without_replicas, LOOK, CHANGE, TOO_FEW),
    "no disk": (without_disk, LOOK, CHANGE, NO_DISK),
    "a reader": (for_a_reader, LOOK, CHANGE, FORBIDDEN),
    "a stranger": (for_a_stranger, ("version",), ("status", "failed", *CHANGE), FORBIDDEN),
    "no info": (for_somebody_without_info, (), ("status", "failed", *CHANGE), FORBIDDEN),
    "a password": (with_a_password, (), ("status", "failed", *CHANGE), WRONG_PASSWORD),
    "too many clients": (with_too_many_clients, (), ("status", "failed", *CHANGE), TOO_MANY),
}


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    with running(binary_of(request.param), tmp_path / "redis") as server:
        yield server


@pytest.mark.parametrize("state", STATES)
def test_a_redis_that_does_not_do_everything(server: Server, commands: Commands, state: str) -> None:
    change, working, refused, sentence = STATES[state]
    with server.client() as client:
        client.hset("{podcrawler}:episodes:failed", "a/1", '{"kind": "http-404", "reason": "x", "tries": 1, "at": 1}')
        client.hset("{podcrawler}:episodes:entries", "a/1", "{}")
        change(client)
        user = "ann:secret@" if sentence == FORBIDDEN else ""
        commands.environment["REDIS_URL"] = server.url.replace("//", f"//{user}")
        for words in working:
            ended = commands.run(*words.split())
            assert (ended.status, ended.err) == (0, ""), words
            assert "http-404" in ended.out or words == "version"
        expected = sentence.format(redis=f"Redis at 127.0.0.1:{server.port}")
        for words in refused:
            ended = commands.run(*words.split())
            told = ended.err.splitlines()[-1].removeprefix("podcrawler: ")
            assert "Traceback" not in ended.err
            assert fnmatchcase(told, expected), (words, told)
            assert ended.status == 2
            assert ended.out == ""


def test_a_redis_that_is_busy_with_a_script(server: Server, commands: Commands) -> None:
    commands.environment["REDIS_URL"] = server.url
    with server.client() as client, server.client() as other:
        for name in ("lua-time-limit", "busy-reply-threshold"):
            with suppress(ResponseError):
                client.config_set(name, 1)
        other.get_connection_kwargs()["socket_timeout"] = 0.1
        with pytest.raises(NoAnswerError):
            other.eval("while true do end", 0)
        for words in ("status", "retry --all"):
            ended = commands.run(*words.split())
            assert ended.status == 2
            assert ended.err == (
                f"podcrawler: Redis at 127.0.0.1:{server.port} is busy with something else (Redis is busy running a "
                "script): wait until it is done, and see its own log.\n"
            ).replace("(Redis", "(Valkey" if "Valkey" in ended.err else "(Redis")
        client.script_kill()


@pytest.mark.parametrize("name", SERVERS)
def test_a_redis_that_still_loads_its_data(commands: Commands, tmp_path: Path, name: str) -> None:
    # It answers after each 1024 of them.
    (tmp_path / "appendonly.aof").write_bytes(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n" * 200_000)
    server = Server(binary_of(name), tmp_path, "--appendonly", "yes", "--key-load-delay", "300")
    commands.environment["REDIS_URL"] = server.url
    with server.loading():
        for words in ("status", "failed", "retry --all", "archive http://x/", "crawl episodes"):
            ended = commands.run(*words.split())
            assert ended.status == 2
            told = ended.err.splitlines()[-1]
            assert re.fullmatch(
                rf"podcrawler: Redis at 127.0.0.1:{server.port} is still loading its data \(\d+ %\): "
                r"wait until it has, then run the command again\.",
                told,
            )
