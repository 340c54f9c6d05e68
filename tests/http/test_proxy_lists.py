"""Several proxies, and proxies of single hosts: which one a request takes, and what follows when it fails."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.conftest import Commands
from tests.origin import RunningOrigin, running
from tests.socks import Socks, running_socks

#: Not in the DNS: only a proxy answers for it.
FEED = "http://podcasts.invalid/feed.xml?episodes=4&size=1000"
ONE_TRY = ("-s", "PODCRAWLER_MAX_TRIES=1")


@pytest.fixture
def dead() -> list[str]:
    """Names of proxies that are not there."""
    with ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        return [f"127.0.0.1:{server.getsockname()[1]}" for server in servers]


@pytest.fixture
def socks() -> Iterator[Socks]:
    with running_socks() as proxy:
        yield proxy


def test_requests_take_the_proxies_in_turn(fleet: Commands) -> None:
    with running() as one, running() as other:
        ended = fleet.drain("-a", f"address={FEED}", PODCRAWLER_PROXY=f"{one.address}, {other.address}")
        assert ended.status == 0, ended.err
        assert sorted([len(one.requests()), len(other.requests())]) == [2, 3]
    assert len(fleet.files()) == 4


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
def test_a_dead_proxy_costs_no_try_and_then_rests(
    fleet: Commands, origin: RunningOrigin, dead: list[str], socks: Socks, scheme: str
) -> None:
    """Of pages and of media: with one try for each entry, all arrive. The list is in a file."""
    proxies = fleet.folder / "proxies.txt"
    alive = origin.address if scheme == "http" else socks.address(scheme)
    proxies.write_text(f"# Ours.\n{scheme}://ann:s3cret@{dead[0]}\n\n{scheme}://{dead[1]} # Old.\n{alive}\n")
    feed = FEED if scheme == "http" else f"{origin.address}/feed.xml?episodes=4&size=1000"
    ended = fleet.drain("-a", f"address={feed}", *ONE_TRY, "-L", "DEBUG", PODCRAWLER_PROXY=f"@{proxies}")
    assert ended.status == 0, ended.err
    assert len(fleet.files()) == 4
    assert len(origin.requests()) == 5
    for name in dead:
        assert (
            ended.err.count(f"The proxy {name} could not be connected to (Connection refused); it rests for 30 s") == 1
        )
    assert "s3cret" not in ended.err


def test_an_archive_goes_through_the_proxy_that_lives(
    commands: Commands, origin: RunningOrigin, dead: list[str]
) -> None:
    ended = commands.run("archive", FEED, PODCRAWLER_PROXY=f"socks5h://{dead[0]} {origin.address}")
    assert ended.status == 0, ended.err
    assert len(commands.files()) == 4


def test_all_dead(fleet: Commands, dead: list[str]) -> None:
    addresses = f"http://ann:s3cret@{dead[0]} socks5h://ann:s3cret@{dead[1]}"
    ended = fleet.drain("-a", f"address={FEED}", *ONE_TRY, PODCRAWLER_PROXY=addresses)
    assert ended.status == 1
    assert (
        f"[proxy]: 2 proxies were tried, and all failed: the last one, {dead[1]}, could not be connected to "
        "(Connection refused); check PODCRAWLER_PROXY"
    ) in ended.err
    assert "s3cret" not in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_a_login_is_passed_over(
    fleet: Commands, origin: RunningOrigin, dead: list[str], scheme: str
) -> None:
    """For http its answer is a response, for https an error of the tunnel."""
    address = FEED if scheme == "http" else f"https://{dead[0]}/feed.xml"
    with running("--login", "ann:right") as locked:
        ended = fleet.drain("-a", f"address={address}", *ONE_TRY, PODCRAWLER_PROXY=f"{locked.address},{origin.address}")
        assert len(locked.requests()) == 1
    assert f"The proxy {locked.address.removeprefix('http://')} wants a login, or another one; it rests" in ended.err
    if scheme == "http":
        assert ended.status == 0, ended.err
    else:
        assert f"2 proxies were tried, and all failed: the last one, {origin.address[7:]}, opens no way to" in ended.err


def test_hosts_of_no_proxy_are_asked_directly(fleet: Commands, origin: RunningOrigin, dead: list[str]) -> None:
    fleet.environment |= {"PODCRAWLER_PROXY": " ".join(f"socks5h://{name}" for name in dead), "no_proxy": "127.0.0.1"}
    ended = fleet.drain("-a", f"address={origin.address}/feed.xml?episodes=2&size=10")
    assert ended.status == 0, ended.err
    assert len(fleet.files()) == 2


def test_a_host_has_its_own_proxy_or_none(
    fleet: Commands, origin: RunningOrigin, dead: list[str], socks: Socks
) -> None:
    """The feed's host is asked through a proxy of its own, and the files' host directly, whatever all others take."""
    hosts = fleet.folder / "hosts.toml"
    hosts.write_text(f'["podcasts.invalid"]\nproxy = "{socks.address("socks5h")}"\n["127.0.0.1"]\nproxy = "none"\n')
    enclosure = f"{origin.address}/bytes/10.mp3"
    feed = f"{origin.address.replace('127.0.0.1', 'media.podcasts.invalid')}/feed.xml?episodes=1&location={enclosure}"
    fleet.environment |= {"PODCRAWLER_HOSTS": str(hosts), "PODCRAWLER_PROXY": f"http://{dead[0]}"}
    ended = fleet.drain("-a", f"address={feed}", PODCRAWLER_ALLOW_HOSTS="127.0.0.1")
    assert ended.status == 0, ended.err
    assert socks.hosts in (["media.podcasts.invalid"], ["media.podcasts.invalid"] * 2)
    assert list(fleet.files().values()) == [10]


def test_a_wrong_proxy_of_a_host_ends_in_a_sentence(commands: Commands) -> None:
    hosts = commands.folder / "hosts.toml"
    hosts.write_text('["a.example"]\nproxy = "ann:s3cret@proxy:1"\n')
    ended = commands.run("archive", "https://example.com/", PODCRAWLER_HOSTS=str(hosts))
    assert ended.status == 2
    assert f"podcrawler: The file {hosts} (PODCRAWLER_HOSTS) has a wrong value (proxy: " in ended.err
    assert "is not the address of a proxy: write http://HOST:PORT" in ended.err
    assert "s3cret" not in ended.err


def test_the_environment_may_name_a_socks_proxy(fleet: Commands, origin: RunningOrigin, socks: Socks) -> None:
    address = origin.address.replace("127.0.0.1", "podcasts.invalid")
    ended = fleet.drain("-a", f"address={address}/feed.xml?episodes=1", all_proxy=socks.address("socks5h"))
    assert ended.status == 0, ended.err
    assert set(socks.hosts) == {"podcasts.invalid"}
