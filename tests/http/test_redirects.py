"""Redirects: how many are followed, where to, and which secrets go along."""

import json
from urllib.parse import quote

import pytest
from scrapy import Request
from scrapy.http import HtmlResponse, Response, TextResponse
from scrapy.utils.test import get_crawler

from podcrawler.exceptions import FetchError
from podcrawler.http.body import Received
from podcrawler.http.handler import MediaResponse
from podcrawler.http.redirects import MetaRefreshMiddleware, RedirectMiddleware
from tests.conftest import Client, Commands
from tests.origin import RunningOrigin, running


def failure(redis: Client) -> dict[str, str]:
    """The record of the only failed episode."""
    (record,) = redis.hvals("{podcrawler}:episodes:failed")
    found: dict[str, str] = json.loads(record)
    return found


def enclosures(origin: RunningOrigin) -> int:
    """How many requests for media the origin has seen."""
    return sum(count for path, count in origin.counts().items() if path.startswith("/bytes/"))


def test_twenty_redirects_are_followed_and_kept_without_their_queries(fleet: Commands, origin: RunningOrigin) -> None:
    with running() as other:
        target = quote(f"{other.address}/bytes/10.mp3?sig=secret")
        address = f"{origin.address}/feed.xml?episodes=1&title=a&location={target}"
        ended = fleet.drain("-a", f"address={address}", "-O", "episodes.jsonl")
        assert ended.status == 0, ended.err
        (line,) = (fleet.folder / "episodes.jsonl").read_text().splitlines()
        assert [request.headers["referer"] for request in other.requests()] == [f"{origin.address}/"]
        chain = [f"{origin.address}/bytes/1000000.mp3", f"{other.address}/bytes/10.mp3"]
        assert json.loads(line)["redirects"] == chain
    ended = fleet.drain("-a", f"address={origin.address}/feed.xml?episodes=1&size=10&redirect=20&title=b")
    assert ended.status == 0, ended.err
    assert len(fleet.files()) == 2


def test_endless_redirects_end_in_a_sentence(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    address = f"{origin.address}/feed.xml?episodes=1&size=10&redirect=21"
    ended = fleet.drain("-a", f"address={address}", "-s", "PODCRAWLER_MAX_TRIES=1")
    assert ended.status == 1
    failed = failure(redis)
    assert (failed["kind"], failed["class"]) == ("redirects", "doubtful")
    assert "127.0.0.1 redirects from one address to the next without end" in failed["reason"]
    assert enclosures(origin) == 21


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://127.0.0.1/a.mp3", "data:audio/mpeg,abc", "mailto:a@b", "http://[::1", "s3://b"]
)  # fmt: skip
def test_what_is_not_on_the_web_is_not_followed(
    fleet: Commands, redis: Client, origin: RunningOrigin, location: str
) -> None:
    ended = fleet.drain("-a", f"address={origin.address}/feed.xml?episodes=1&location={quote(location)}")
    assert ended.status == 1
    failed = failure(redis)
    assert (failed["kind"], failed["class"]) == ("address", "permanent")
    assert "redirects to an address that is not on the web" in failed["reason"]
    assert enclosures(origin) == 1
    assert fleet.files() == {}


def test_a_cookie_does_not_go_to_another_port(fleet: Commands, origin: RunningOrigin) -> None:
    with running() as other:
        target = quote(f"{other.address}/bytes/10.mp3")
        address = f"{origin.address}/feed.xml?episodes=1&set_cookie=listener%3Dann&location={target}"
        assert fleet.drain("-a", f"address={address}").status == 0
        assert [request.headers.get("cookie") for request in other.requests()] == [None]
    assert [request.headers.get("cookie") for request in origin.requests()] == [None, "listener=ann"]


def redirected(source: str, location: str | bytes, status: int = 302) -> Request:
    """The request that follows a redirect of one with a login and a cookie."""
    middleware = RedirectMiddleware.from_crawler(get_crawler())
    headers = {"Authorization": "Basic eDp5", "Cookie": "a=b"}
    request = Request(source, headers=headers)
    answer = middleware.process_response(request, Response(source, status=status, headers={"Location": location}))
    assert isinstance(answer, Request)
    return answer


@pytest.mark.parametrize(
    ("source", "location", "authorization", "cookie", "merged"),
    [
        ("https://a/1", "/2", True, True, True),
        ("https://a/1", "https://a:443/2", True, True, True),
        ("http://a/1", "https://a/2", False, True, True),
        ("http://a/1", "https://a:8443/2", False, False, False),
        ("https://a/1", "http://a/2", False, False, False),
        ("https://a/1", "https://a:8443/2", False, False, False),
        ("https://a/1", "https://b/2", False, False, True),
    ],
)
def test_secrets_are_sent_only_to_their_own_origin(
    source: str, location: str, authorization: bool, cookie: bool, merged: bool
) -> None:
    request = redirected(source, location)
    assert ("Authorization" in request.headers) is authorization
    assert ("Cookie" in request.headers) is cookie
    assert (not request.meta.get("dont_merge_cookies")) is merged


def test_a_login_in_a_location_is_for_that_origin() -> None:
    request = redirected("https://a/1", "https://ann:secret@b/2?x=%2F")
    assert request.url == "https://b/2?x=%2F"
    told = {"origin": "https://b:443", "user": "ann", "password": "secret", "path": "/"}
    assert request.meta["told_login"] == told
    assert "Authorization" not in request.headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/Møller är.mp3".encode(), "https://a/M%C3%B8ller%20%C3%A4r.mp3"),
        (b"/caf\xe9.mp3", "https://a/caf%E9.mp3"),
        (b"  two words.mp3\t", "https://a/d/two%20words.mp3"),
        (b"../up.mp3#t=10", "https://a/up.mp3#t=10"),
        (b"//b/2.mp3", "https://b/2.mp3"),
        (rb"\\b\2.mp3?x=\y#\z", "https://b/2.mp3?x=%5Cy#%5Cz"),
        (b"?x=1", "https://a/d/1?x=1"),
        (b"HTTP://B/A%2fb.mp3?sig=%2b%2F", "http://b/A%2fb.mp3?sig=%2b%2F"),
        (b"/" + b"x" * 9000, "https://a/" + "x" * 9000),
    ],
)
def test_an_address_is_read_as_browsers_read_it(location: bytes, url: str, status: int) -> None:
    assert redirected("https://a/d/1", location, status).url == url


@pytest.mark.parametrize("headers", [{}, {"Location": ""}, {"Location": "  "}])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_an_answer_that_names_no_address_is_what_there_is(headers: dict[str, str], status: int) -> None:
    """Chromium and Firefox show its body."""
    middleware = RedirectMiddleware.from_crawler(get_crawler())
    request = Request("https://a/1")
    media = MediaResponse("https://a/1", status=status, headers=headers, received=Received(5, verified=True))
    assert middleware.process_response(request, media) is media
    with pytest.raises(FetchError, match=rf"^a redirects \({status}\) without saying where to; check") as caught:
        middleware.process_response(request, Response("https://a/1", status=status, headers=headers))
    assert (caught.value.kind, caught.value.failure_class) == ("protocol", "passing")


@pytest.mark.parametrize(
    ("body", "url"),
    [
        (b"<redirect><newLocation>https://b/2?x=1&amp;y=%2F</newLocation></redirect>", "https://b/2?x=1&y=%2F"),
        (
            b'\xef\xbb\xbf<?xml version="1.0"?>\n<redirect>\n<newLocation>\n http://b/2 \n</newLocation>\n</redirect>',
            "http://b/2",
        ),
        (b"<redirect><newLocation><![CDATA[ https://b/2 ]]></newLocation></redirect>", "https://b/2"),
        (b"<redirect><newLocation>file:///etc/passwd</newLocation></redirect>", ""),
        (b"<redirect><newLocation>/2</newLocation></redirect>", ""),
        (b"<rss><redirect><newLocation>https://b/2</newLocation></redirect></rss>", ""),
        (b"<redirect><other/></redirect>", ""),
    ],
)
@pytest.mark.parametrize("kind", [Response, TextResponse, HtmlResponse])
def test_a_feed_that_names_its_new_location_is_followed(kind: type[Response], body: bytes, url: str) -> None:
    middleware = MetaRefreshMiddleware.from_crawler(get_crawler())
    found = middleware.process_response(Request("https://a/1"), kind("https://a/1", body=body))
    assert (found.url if isinstance(found, Request) else "") == url
