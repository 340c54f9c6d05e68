import asyncio

import aiohttp
import pytest
import yarl
from multidict import CIMultiDict, CIMultiDictProxy
from scrapy import exceptions
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError

from podcrawler.exceptions import MediaError
from podcrawler.media.failures import explain, explain_status

URL = "https://user:secret@media.example.org:8443/a.mp3?signature=secret"


@pytest.mark.parametrize(
    ("status", "passing"),
    [
        *((status, True) for status in (408, 425, 429, 500, 503, 599)),
        *((status, False) for status in (206, 304, 400, 401, 403, 404, 410, 451)),
    ],
)
def test_statuses(status: int, passing: bool) -> None:
    error = explain_status(status, URL)
    assert (error.kind, error.passing) == (f"http-{status}", passing)
    assert str(error).startswith(f"media.example.org answered {status}")
    assert ("try again later" in str(error)) == passing


@pytest.mark.parametrize(
    ("exception", "kind", "passing"),
    [
        (exceptions.DownloadTimeoutError("slow"), "timeout", True),
        (TimeoutError(), "timeout", True),
        (aiohttp.ServerTimeoutError(), "timeout", True),
        (exceptions.CannotResolveHostError("no name"), "dns", True),
        (exceptions.DownloadConnectionRefusedError("refused"), "refused", True),
        (exceptions.ResponseDataLossError("loss"), "incomplete", True),
        (exceptions.DownloadFailedError("reset"), "connection", True),
        (aiohttp.ServerDisconnectedError(), "connection", True),
        (exceptions.DownloadCancelledError("larger than 9 bytes"), "too-large", False),
        (exceptions.UnsupportedURLSchemeError("x:"), "address", False),
        (exceptions.NotSupported("no handler"), "address", False),
        (exceptions.IgnoreRequest("Forbidden by robots.txt"), "robots", False),
        (exceptions.IgnoreRequest("filtered"), "ignored", False),
        (HttpError(Response(URL, status=410)), "http-410", False),
        (KeyError("x"), "error", False),
    ],
)
def test_exceptions(exception: Exception, kind: str, passing: bool) -> None:
    error = explain(exception, URL)
    assert (error.kind, error.passing) == (kind, passing)
    assert str(error).startswith("media.example.org ")
    assert str(error).endswith(".")
    assert "secret" not in str(error)


def test_the_reason_is_one_line_without_the_address() -> None:
    info = aiohttp.RequestInfo(yarl.URL(URL), "GET", CIMultiDictProxy(CIMultiDict()), yarl.URL(URL))
    cause = aiohttp.ClientResponseError(info, (), status=400, message="Bad header:\n\n  b'x'\n   ^")
    failed = exceptions.DownloadFailedError(str(cause))
    failed.__cause__ = cause
    assert str(explain(failed, URL)) == (
        "media.example.org cannot be talked to just now (Bad header: b'x' ^); try again later."
    )


def test_an_error_of_ours_explains_itself() -> None:
    error = MediaError("length-mismatch", "Half of it came.", passing=True)
    assert explain(error, URL) is error


def test_a_cancelled_transfer() -> None:
    error = explain(asyncio.CancelledError(), URL)
    assert (error.kind, error.passing) == ("cancelled", True)


def test_an_address_that_is_none() -> None:
    assert str(explain_status(404, "http://[")).startswith("http://[ answered 404")
