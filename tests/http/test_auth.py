"""Private podcasts: which hosts get a login, and that nothing shows it."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from podcrawler import USER_AGENT
from podcrawler.exceptions import SettingError
from podcrawler.http.auth import read_netrc
from tests.builders import stored
from tests.conftest import Client, Commands
from tests.origin import RunningOrigin, running

#: ``ann:s3cr@t/ü``
BASIC = "Basic YW5uOnMzY3JAdC/DvA=="


def private(address: str) -> str:
    return address.replace("://", "://ann:s3cr%40t%2F%C3%BC@", 1)


def authorizations(origin: RunningOrigin) -> list[str | None]:
    return [request.headers.get("authorization") for request in origin.requests()]


def test_a_login_goes_to_the_feed_and_its_episodes_and_is_never_shown(
    fleet: Commands, redis: Client, origin: RunningOrigin
) -> None:
    redis.lpush("episodes:start_urls", private(f"{origin.address}/feed.xml?episodes=2&size=1000"))
    redis.lpush("episodes:start_urls", private(f"{origin.address}/feed.xml?episodes=1&size=1000&status=404&title=b"))
    ended = fleet.drain("-L", "DEBUG", "-O", "episodes.jsonl")
    assert (ended.status, len(fleet.files())) == (1, 2)
    assert authorizations(origin) == [BASIC] * 5
    shown = [ended.err, ended.out, (fleet.folder / "episodes.jsonl").read_text(), str(fleet.files())]
    for command in ("status", "failed"):
        shown += [fleet.run(command).out, fleet.run(command, "--json").out]
    assert not [text for text in shown if "s3cr" in text]
    assert {key for key in redis.scan_iter() if "s3cr" in f"{key}{stored(redis, key)}"} == {b"{podcrawler}:logins"}
    assert not [request for request in origin.requests() if "s3cr" in request.headers.get("referer", "")]


def test_a_login_is_for_its_own_origin(fleet: Commands, origin: RunningOrigin) -> None:
    with running() as stranger:
        by_name = stranger.address.replace("127.0.0.1", "localhost")
        for location in (stranger.address, by_name):
            address = f"{origin.address}/feed.xml?episodes=1&location={location}/bytes/10.mp3&title={location[7:11]}"
            ended = fleet.drain("-a", f"address={private(address)}")
            assert ended.status == 0, ended.err
        assert authorizations(stranger) == [None, None]
    assert authorizations(origin) == [BASIC] * 4


def test_an_archive_knows_the_login_the_next_time(commands: Commands, origin: RunningOrigin) -> None:
    address = f"{origin.address}/feed.xml?episodes=1&size=1000"
    first = commands.run("archive", private(address))
    assert first.status == 0, first.err
    again = commands.run("archive", address)
    assert "already there" in again.out
    assert authorizations(origin) == [BASIC] * 3
    assert "s3cr" not in first.out + first.err


def test_a_bad_address_is_shown_without_its_login(commands: Commands) -> None:
    ended = commands.run("archive", "ftp://ann:s3cret@example.com/feed.xml")
    assert ended.status == 2
    assert '"ftp://***@example.com/feed.xml" is not the address of a podcast' in ended.err


def test_netrc_has_logins_by_host(fleet: Commands, origin: RunningOrigin) -> None:
    netrc = fleet.folder / "netrc"
    netrc.write_text('machine 127.0.0.1 login ann password "s3cr@t/ü"\ndefault login ann password wrong\n')
    netrc.chmod(0o600)
    address = f"{origin.address}/feed.xml?episodes=1"
    with running() as stranger:
        by_name = stranger.address.replace("127.0.0.1", "localhost")
        ended = fleet.drain("-a", f"address={address}&location={by_name}/bytes/10.mp3", NETRC=str(netrc))
        assert ended.status == 0, ended.err
        assert authorizations(stranger) == [None]
    assert authorizations(origin) == [BASIC] * 2


def test_a_login_of_netrc_is_not_stored_in_redis(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    netrc = fleet.folder / "netrc"
    netrc.write_text("machine 127.0.0.1 login ann password s3cret\n")
    netrc.chmod(0o600)
    ended = fleet.drain("-a", f"address={origin.address}/feed.xml?episodes=1&size=10", NETRC=str(netrc))
    assert ended.status == 0, ended.err
    assert not [key for key in redis.scan_iter() if "s3cret" in str(stored(redis, key))]


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("machine h login ann password secret\n", 0o644, "others than its owner may use it: mode 644"),
        ("machine h login ann password secret\n", 0o620, "mode 620"),
        ("machine h login ann sesame secret\n", 0o600, "cannot be used"),
    ],
)
def test_a_netrc_that_cannot_be_used_ends_in_a_sentence(commands: Commands, text: str, mode: int, words: str) -> None:
    netrc = commands.folder / ".netrc"
    netrc.write_text(text)
    netrc.chmod(mode)
    for named in ("", str(netrc)):
        ended = commands.run("archive", "https://example.com/feed.xml", HOME=str(commands.folder), NETRC=named)
        assert ended.status == 2
        assert ended.err.startswith(f"podcrawler: {named or '~/.netrc'} cannot be used (")
        assert words in ended.err
        assert "NETRC=/dev/null" in ended.err
        assert "secret" not in ended.err.replace("sesame secret", "")


def test_a_netrc_that_was_named_must_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NETRC", str(tmp_path / "gone"))
    with pytest.raises(SettingError, match="gone is not there"):
        read_netrc()
    monkeypatch.setenv("NETRC", "/dev/null")
    assert read_netrc() == {}


def test_each_host_gets_its_user_agent(fleet: Commands, origin: RunningOrigin) -> None:
    agents = {"localhost": "Tuner/1.0", "example.com": "Nobody/1.0"}
    with running() as other:
        back = f"{origin.address}/bytes/10.mp3"
        there = f"{other.address.replace('127.0.0.1', 'localhost')}/bytes/10.mp3?location={back}"
        ended = fleet.drain(
            "-a", f"address={origin.address}/feed.xml?episodes=1&location={there}",
            PODCRAWLER_USER_AGENTS=json.dumps(agents),
        )  # fmt: skip
        assert ended.status == 0, ended.err
        assert [request.headers["user-agent"] for request in other.requests()] == ["Tuner/1.0"]
    ours = {request.headers["user-agent"] for request in origin.requests()}
    assert len(origin.requests()) == 3
    assert ours == {USER_AGENT}


def test_the_file_of_hosts_comes_before_the_user_agents(fleet: Commands, origin: RunningOrigin) -> None:
    """Both are for subdomains, too, in any case of letters, and a redirect gets that of its own host."""
    hosts = fleet.folder / "hosts.toml"
    hosts.write_text('["podcasts.invalid"]\nuser_agent = "File/1.0"\n["slow.podcasts.invalid"]\ndelay = 0.1\n')
    agents = {"Podcasts.invalid": "Setting/1.0", "media.invalid": "Media/1.0"}
    feed = "http://feeds.podcasts.invalid/feed.xml?episodes=1&location=http://a.media.invalid/bytes/10.mp3"
    there = "?location=http://slow.podcasts.invalid/bytes/20.mp3"
    ended = fleet.drain(
        "-a", f"address={feed}{quote(there)}",
        PODCRAWLER_HOSTS=str(hosts), PODCRAWLER_USER_AGENTS=json.dumps(agents), PODCRAWLER_PROXY=origin.address,
    )  # fmt: skip
    assert ended.status == 0, ended.err
    assert [(request.headers["host"], request.headers["user-agent"]) for request in origin.requests()] == [
        ("feeds.podcasts.invalid", "File/1.0"),
        ("feeds.podcasts.invalid", "File/1.0"),
        ("a.media.invalid", "Media/1.0"),
        ("slow.podcasts.invalid", "Setting/1.0"),
    ]


@pytest.mark.parametrize("value", ["Tuner", "[]", '{"h": 1}', '{"h": "a\\nb"}', '{"h": ""}'])
def test_wrong_user_agents_end_in_a_sentence(commands: Commands, value: str) -> None:
    ended = commands.run("archive", "https://example.com/feed.xml", PODCRAWLER_USER_AGENTS=value)
    assert ended.status == 2
    assert ended.err.startswith("podcrawler: PODCRAWLER_USER_AGENTS cannot be ")
