"""The remedies that sentences name are tried, and work: on servers that refuse, speak old TLS, or lack the page."""

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.changing_web import AUDIO, Web, changing_web, feed
from tests.conftest import Client, Commands
from tests.origin import RunningOrigin
from tests.stand_in import Page

QUICK = ("-s", "PODCRAWLER_RETRY_DELAY=0.01")


@contextmanager
def host_with(tls: ssl.SSLContext) -> Iterator[Web]:
    """A host that has a feed of one episode."""
    with changing_web(tls) as web:
        web.pages = {"/feed.xml": feed("Show", f"{web.address}/one.mp3"), "/one.mp3": AUDIO}
        yield web


def context_of(certificate: Path, latest: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if latest:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = latest
    return context


def failure(fleet: Commands, address: str, *options: str, **environment: str) -> str:
    """The sentence that the job ends with; empty if it has no failure."""
    ended = fleet.run("archive", address, *QUICK, *options, **environment)
    assert "Traceback" not in ended.err
    failed = [line for line in ended.out.splitlines() if line.startswith("failed: ")]
    assert (ended.status != 0) == bool(failed), ended.err
    return failed[-1] if failed else ""


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
@pytest.mark.parametrize(
    ("latest", "problem"),
    [(None, "self-signed certificate"), (ssl.TLSVersion.TLSv1_1, "it speaks no version of TLS that is safe")],
)
def test_a_host_without_safety_can_be_fetched_from_by_its_setting(
    fleet: Commands, certificate: Path, latest: ssl.TLSVersion | None, problem: str
) -> None:
    with host_with(context_of(certificate, latest)) as host:
        sentence = failure(fleet, f"{host.address}/feed.xml")
        assert f"localhost cannot be spoken to safely ({problem})" in sentence
        assert "PODCRAWLER_INSECURE_HOSTS" in sentence
        assert failure(fleet, f"{host.address}/feed.xml", PODCRAWLER_INSECURE_HOSTS="localhost") == ""
    assert list(fleet.files().values()) == [len(AUDIO.body)]


def test_a_host_that_refuses_podcrawler_takes_what_the_sentence_says(fleet: Commands, certificate: Path) -> None:
    fleet.environment["PODCRAWLER_INSECURE_HOSTS"] = "localhost"
    with host_with(context_of(certificate)) as host:
        host.agent = "NAME/1.0"
        sentence = failure(fleet, f"{host.address}/feed.xml")
        (named,) = re.findall(r"PODCRAWLER_USER_AGENTS='([^']*)'", sentence)
        assert failure(fleet, f"{host.address}/feed.xml", PODCRAWLER_USER_AGENTS=named) == ""


@pytest.fixture
def web(fleet: Commands) -> Iterator[Web]:
    with changing_web() as web:
        fleet.environment["http_proxy"] = web.address
        yield web


@pytest.mark.parametrize("of", ["feed", "file"])
@pytest.mark.parametrize(
    ("login", "words"),
    [("", "it wants a login, which goes into the address"), ("ann:pw@", "it refuses the login that it got")],
)
def test_401_tells_a_wrong_login_from_none(fleet: Commands, web: Web, of: str, login: str, words: str) -> None:
    refusal = Page("who?", status=401)
    web.pages = {"http://show.example/one.mp3": refusal}
    web.pages["http://show.example/feed.xml"] = feed("Show", "http://show.example/one.mp3") if of == "file" else refusal
    assert words in failure(fleet, f"http://{login}show.example/feed.xml")


@pytest.mark.parametrize("status", [404, 410])
def test_a_feed_that_is_gone_is_named(fleet: Commands, web: Web, status: int) -> None:
    web.pages = {"http://show.example/feed.xml": Page("gone", status=status)}
    sentence = failure(fleet, "http://show.example/feed.xml")
    assert f"show.example answered {status} " in sentence
    assert "there is no feed or page at http://show.example/feed.xml" in sentence
    assert "the feed tells a wrong address" not in sentence

    web.pages = {"http://show.example/feed.xml": feed("Show", "http://show.example/one.mp3")}
    web.pages["http://show.example/one.mp3"] = Page("gone", status=status)
    assert "there is no feed" not in failure(fleet, "http://show.example/feed.xml")


def test_a_page_in_place_of_a_file_is_asked_for_twice_and_later_once(
    fleet: Commands, redis: Client, origin: RunningOrigin
) -> None:
    address = f"{origin.address}/feed.xml?episodes=1&size=1000&html=1"

    def asked() -> int:
        return sum(count for path, count in origin.counts().items() if path.startswith("/bytes/"))

    assert "sent a web page instead of audio" in failure(fleet, address)
    assert asked() == 2
    assert "sent a web page instead of audio" in failure(fleet, address)
    assert asked() == 3
    assert redis.zcard("{podcrawler}:episodes:delayed") == 0
    assert fleet.run("retry", "--all").status == 0
    fleet.drain(*QUICK)
    assert asked() == 5, "who asks for it by hand gets all tries"
