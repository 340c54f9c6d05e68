import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import aiohttp
import pytest
import yarl
from multidict import CIMultiDict, CIMultiDictProxy
from scrapy import exceptions
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError

from podcrawler.exceptions import MediaError
from podcrawler.http.errors import explain, explain_response

URL = "https://user:secret@media.example.org:8443/a.mp3?signature=secret"


@pytest.mark.parametrize(
    ("status", "failure_class"),
    [
        *((status, "passing") for status in (408, 425, 500, 504, 599)),
        *((status, "busy") for status in (429, 503)),
        *((status, "blocked") for status in (401, 403)),
        *((status, "permanent") for status in (206, 304, 400, 404, 410, 451)),
    ],
)
def test_statuses(status: int, failure_class: str) -> None:
    error = explain_response(Response(URL, status=status))
    assert (error.kind, error.failure_class) == (f"http-{status}", failure_class)
    assert str(error).startswith(f"media.example.org answered {status}")
    assert ("try again later" in str(error)) == (failure_class in ("passing", "busy"))


@pytest.mark.parametrize(
    ("exception", "kind", "failure_class"),
    [
        (exceptions.DownloadTimeoutError("slow"), "timeout", "passing"),
        (TimeoutError(), "timeout", "passing"),
        (aiohttp.ServerTimeoutError(), "timeout", "passing"),
        (exceptions.CannotResolveHostError("no name"), "dns", "passing"),
        (exceptions.DownloadConnectionRefusedError("refused"), "refused", "passing"),
        (exceptions.ResponseDataLossError("loss"), "incomplete", "passing"),
        (exceptions.DownloadFailedError("reset"), "connection", "passing"),
        (aiohttp.ServerDisconnectedError(), "connection", "passing"),
        (exceptions.DownloadCancelledError("larger than 9 bytes"), "too-large", "permanent"),
        (exceptions.UnsupportedURLSchemeError("x:"), "address", "permanent"),
        (exceptions.NotSupported("no handler"), "address", "permanent"),
        (exceptions.IgnoreRequest("Forbidden by robots.txt"), "robots", "permanent"),
        (exceptions.IgnoreRequest("filtered"), "ignored", "permanent"),
        (HttpError(Response(URL, status=410)), "http-410", "permanent"),
        (KeyError("x"), "error", "permanent"),
    ],
)
def test_exceptions(exception: Exception, kind: str, failure_class: str) -> None:
    error = explain(exception, URL)
    assert (error.kind, error.failure_class) == (kind, failure_class)
    assert str(error).startswith("media.example.org ")
    assert str(error).endswith(".")
    assert "secret" not in str(error)


def test_what_the_parser_refuses_is_told_without_its_bytes() -> None:
    info = aiohttp.RequestInfo(yarl.URL(URL), "GET", CIMultiDictProxy(CIMultiDict()), yarl.URL(URL))
    cause = aiohttp.ClientResponseError(info, (), status=400, message="Bad header:\n\n  b'x'\n   ^")
    failed = exceptions.DownloadFailedError(str(cause))
    failed.__cause__ = cause
    error = explain(failed, URL)
    assert (error.kind, error.failure_class) == ("protocol", "passing")
    assert str(error) == (
        "media.example.org answers in broken HTTP (Bad header); check whether the address opens in a browser, or "
        "try again later."
    )


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("  120 ", 120), ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("soon", None), ("-3", None), ("", None)],
)
def test_how_long_a_host_asks_to_wait(header: str, seconds: float | None) -> None:
    assert explain_response(Response(URL, status=503, headers={"Retry-After": header})).retry_after == seconds


def test_a_date_to_wait_for() -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    waits = explain_response(Response(URL, status=429, headers={"Retry-After": at})).retry_after
    assert waits is not None
    assert 60 < waits <= 90


def test_an_error_of_ours_explains_itself() -> None:
    error = MediaError("length-mismatch", "Half of it came.", "passing")
    assert explain(error, URL) is error


def test_a_cancelled_transfer() -> None:
    error = explain(asyncio.CancelledError(), URL)
    assert (error.kind, error.failure_class) == ("cancelled", "passing")


def test_an_address_that_is_none() -> None:
    assert str(explain_response(Response("http://[", status=404))).startswith("http://[ answered 404")
