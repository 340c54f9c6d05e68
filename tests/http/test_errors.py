import asyncio
import contextlib
import errno
import socket
import ssl
import struct
from collections.abc import AsyncIterator

import aiohttp
import pytest
import yarl
from multidict import CIMultiDict, CIMultiDictProxy
from scrapy import Request, exceptions
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError

from podcrawler.exceptions import MediaError
from podcrawler.http.errors import explain, explain_response
from tests.http.handling import fetch

URL = "https://user:secret@media.example.org:8443/a.mp3?signature=secret"


@pytest.mark.parametrize(
    ("status", "failure_class"),
    [
        *((status, "passing") for status in (202, 204, 205, 408, 421, 423, 425, 500, 504, 599)),
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
    ("challenges", "words"),
    [
        (['Digest realm="x", nonce="1"'], "of a kind that podcrawler does not speak (Digest)"),
        (["Negotiate", "NTLM"], "of a kind that podcrawler does not speak (Negotiate)"),
        (["Bearer"], "of a kind that podcrawler does not speak (Bearer)"),
        (['Digest realm="x"', 'basic realm="x"'], "it wants a login, which goes into the address"),
        (['Digest realm="x", Basic realm="x"'], "it wants a login, which goes into the address"),
        ([], "it wants a login, which goes into the address"),
        (["\x1b[31m"], "it wants a login, which goes into the address"),
    ],
)
def test_a_login_of_another_kind_is_told(challenges: list[str], words: str) -> None:
    error = explain_response(Response(URL, status=401, headers={"WWW-Authenticate": challenges}, request=Request(URL)))
    assert words in str(error)
    assert error.failure_class == "blocked"


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


# The host that failed is that of the exception, wherever redirects have led


async def failure_of(url: str, **meta: object) -> Exception:
    try:
        await fetch(url, meta=meta)
    except Exception as error:
        return error
    raise AssertionError


async def test_a_name_without_an_address_is_that_of_the_host_that_was_asked() -> None:
    """Not that of the first URL, and not a proxy's."""
    error = explain(await failure_of("http://nowhere.invalid/a.mp3"), URL)
    assert error.kind == "dns"
    assert str(error) == (
        "nowhere.invalid has no address in the DNS; check the name and this machine's network, or try again later."
    ) or "nowhere.invalid could not be looked up in the DNS just now" in str(error)


async def test_what_refuses_the_connection_is_the_host_that_was_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    error = explain(await failure_of(f"http://127.0.0.1:{port}/"), URL)
    assert (error.kind, str(error)) == (
        "refused",
        f"127.0.0.1 could not be connected to (127.0.0.1:{port}: Connection refused); try again later.",
    )


@contextlib.asynccontextmanager
async def server(answer: bytes, *, reset: bool = False) -> AsyncIterator[str]:
    """A server that reads a request, sends these bytes, and closes the connection; its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(answer)
        if reset:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as running:
        yield f"127.0.0.1:{running.sockets[0].getsockname()[1]}"


async def test_a_host_that_hangs_up() -> None:
    async with server(b"") as name:
        error = explain(await failure_of(f"http://{name}/"), URL)
    assert (error.kind, error.failure_class) == ("connection", "passing")
    assert str(error).endswith(" hung up without an answer; try again later.")


async def test_a_host_that_resets_the_connection() -> None:
    async with server(b"", reset=True) as name:
        error = explain(await failure_of(f"http://{name}/"), URL)
    assert (error.kind, error.failure_class) == ("connection", "passing")
    assert str(error).endswith(" broke the connection off without an answer; try again later.")


async def test_a_host_that_speaks_no_tls() -> None:
    async with server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as name:
        error = explain(await failure_of(f"https://{name}/"), URL)
    assert error.kind == "tls"
    assert str(error) == (
        "127.0.0.1 cannot be spoken to safely (it does not speak TLS on this port); check whether the address begins "
        "with http:// in truth."
    )


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (socket.EAI_AGAIN, "could not be looked up in the DNS just now; check this machine's network and name server"),
        (socket.EAI_NONAME, "has no address in the DNS; check the name and this machine's network, or try again later"),
        (socket.EAI_NODATA, "has no address that this machine can use, be it none at all or IPv6 alone; check"),
    ],
)
def test_what_the_dns_says(number: int, words: str) -> None:
    failed = exceptions.CannotResolveHostError("")
    failed.__cause__ = socket.gaierror(number, "")
    assert (error := explain(failed, URL)).kind == "dns"
    assert str(error).startswith(f"media.example.org {words}")


def test_what_this_machine_cannot_reach() -> None:
    failed = exceptions.DownloadConnectionRefusedError("")
    failed.__cause__ = OSError(errno.ENETUNREACH, "")
    assert "cannot be reached from this machine (" in str(error := explain(failed, URL))
    assert "check its network (IPv6, VPN, firewall), or try again later." in str(error)


def test_a_certificate_of_another_time() -> None:
    expired = ssl.SSLCertVerificationError(1, "")
    expired.verify_code, expired.verify_message = 10, "certificate has expired"
    failed = exceptions.DownloadFailedError("")
    failed.__cause__ = expired
    assert str(explain(failed, URL)) == (
        "media.example.org cannot be spoken to safely (certificate has expired); check this machine's clock; if that "
        "is right, its owner must mend that; PODCRAWLER_INSECURE_HOSTS names hosts to fetch from without safety."
    )


# Answers


def response(status: int, headers: dict[str, str] | None = None, **sent: str) -> Response:
    request = Request("https://media.example.org/", headers=sent)
    return Response(URL, status=status, headers=headers, request=request)


@pytest.mark.parametrize("status", [403, 406])
def test_a_refusal_names_a_way_out(status: int) -> None:
    error = explain_response(response(status))
    assert 'PODCRAWLER_USER_AGENTS=\'{"media.example.org": "NAME/1.0"}\'' in str(error)
    assert error.host == "media.example.org"


def test_a_login_that_is_missing_or_wrong() -> None:
    assert "it wants a login, which goes into the address" in str(explain_response(response(401)))
    assert "it refuses the login that it got; check" in str(explain_response(response(401, Authorization="Basic eA==")))


def test_407_without_a_proxy_is_not_the_proxy() -> None:
    error = explain_response(response(407))
    assert (error.kind, str(error).partition(";")[0]) == (
        "http-407",
        "media.example.org answered 407 Proxy Authentication Required",
    )
    assert "PODCRAWLER_PROXY" not in str(error)


@pytest.mark.parametrize(("status", "seconds"), [(429, "3480"), (503, "3480.0"), (301, "3480")])
def test_the_sentence_says_how_long_a_host_asks_to_wait(status: int, seconds: str) -> None:
    error = explain_response(response(status, {"Retry-After": seconds}))
    assert f"media.example.org answered {status} " in str(error)
    assert " and asks to wait 58 min; " in str(error)
    assert error.retry_after == 3480


def test_an_error_of_ours_explains_itself() -> None:
    error = MediaError("length-mismatch", "Half of it came.", "passing")
    assert explain(error, URL) is error


def test_a_cancelled_transfer() -> None:
    error = explain(asyncio.CancelledError(), URL)
    assert (error.kind, error.failure_class) == ("cancelled", "passing")


def test_an_address_that_is_none() -> None:
    assert str(explain_response(Response("http://[", status=404))).startswith("http://[ answered 404")
