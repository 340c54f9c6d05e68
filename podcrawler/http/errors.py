"""Explains downloads that failed, to a person and to the queue: a kind, a sentence, and the class of failure.

What the proxy of a request did wrong is explained where it happens (proxy_errors.py, socks.py).
"""

import asyncio
import errno
import os
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import urlsplit

import aiohttp
from scrapy import Request, exceptions
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError

from podcrawler.durations import duration
from podcrawler.exceptions import EntryError, FailureClass, FetchError, TransferCancelledError
from podcrawler.http.heads import UnreadableAnswerError
from podcrawler.http.lenient import MalformedBodyError
from podcrawler.http.retry_after import retry_after
from podcrawler.logins import AUTHORIZATION, WITHHELD, masked
from podcrawler.networks import host_of

_AGAIN = "try again later"
_BROWSER = "check whether the address opens in a browser"
#: RFC 9110 §15.3.3, §15.5.9, §15.5.20, §15.6.4, RFC 4918 §11.3, RFC 8470 §5.2, RFC 6585 §4; and what says that there
#: is nothing just now. Other 5xx are passing, all else is permanent.
_STATUS_CLASSES: dict[int, FailureClass] = {
    202: "passing",
    204: "passing",
    205: "passing",
    401: "blocked",
    403: "blocked",
    408: "passing",
    421: "passing",
    423: "passing",
    425: "passing",
    429: "busy",
    503: "busy",
}
#: ``{host}`` is the one that answered.
_ANOTHER_AGENT = (
    "if the address opens in a browser, set another User-Agent for this host with "
    'PODCRAWLER_USER_AGENTS=\'{{"{host}": "NAME/1.0"}}\''
)
_STATUS_REMEDIES = {
    202: f"it does not have the file ready yet; {_AGAIN}",
    401: "it wants a login, which goes into the address (https://USER:PASSWORD@HOST/, special characters of both "
    "percent-encoded)",
    403: f"it refuses this machine or this program: {_ANOTHER_AGENT}",
    404: "nothing is there any more, or the feed tells a wrong address",
    406: f"it does not serve this program: {_ANOTHER_AGENT}",
    407: f"it takes itself for a proxy that wants a login; {_BROWSER}",
    410: "it was taken away for good",
    429: f"{_AGAIN}, or ask less of it at once (PODCRAWLER_HOSTS)",
    451: "it is withheld for legal reasons",
}
#: Kind, sentence after the host, and class. ``{reason}`` is the text of the exception.
_EXPLANATIONS: dict[type[BaseException], tuple[str, str, FailureClass]] = {
    exceptions.DownloadTimeoutError: ("timeout", f"did not answer in time; {_AGAIN}", "passing"),
    TimeoutError: ("timeout", f"did not answer in time; {_AGAIN}", "passing"),
    exceptions.CannotResolveHostError: (
        "dns",
        f"has no address in the DNS; check the name and this machine's network, or {_AGAIN}",
        "passing",
    ),
    exceptions.DownloadConnectionRefusedError: (
        "refused",
        f"could not be connected to ({{reason}}); {_AGAIN}",
        "passing",
    ),
    exceptions.ResponseDataLossError: ("incomplete", f"broke off in the middle of the answer; {_AGAIN}", "passing"),
    exceptions.DownloadFailedError: ("connection", f"cannot be talked to just now ({{reason}}); {_AGAIN}", "passing"),
    aiohttp.ClientError: ("connection", f"cannot be talked to just now ({{reason}}); {_AGAIN}", "passing"),
    exceptions.DownloadCancelledError: ("too-large", "was given up, because {reason}", "permanent"),
    exceptions.UnsupportedURLSchemeError: (
        "address",
        "cannot be asked, because the address is no good ({reason}); correct it, or tell its publisher",
        "permanent",
    ),
    exceptions.NotSupported: (
        "address",
        "cannot be asked, because the address is no good ({reason}); correct it, or tell its publisher",
        "permanent",
    ),
    exceptions.IgnoreRequest: ("ignored", "was not asked: {reason}", "permanent"),
}
#: The kind of login that an answer asks for.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z-]{1,19}(?![^ ,])")
#: What this machine's network cannot reach, and not what the host refuses.
_NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.ENETDOWN, errno.EAFNOSUPPORT})
#: The name is known to the DNS, but has no address of the kinds that this machine has. Not all systems have these.
_NO_USABLE_ADDRESS = {getattr(socket, name, None) for name in ("EAI_NODATA", "EAI_ADDRFAMILY")} - {None}
#: OpenSSL's names of what comes from a server without TLS.
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"})
#: OpenSSL's names of what comes from a server whose TLS is of old.
_OLD_TLS = frozenset(
    {
        "NO_PROTOCOLS_AVAILABLE",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "UNSAFE_LEGACY_RENEGOTIATION_DISABLED",
        "UNSUPPORTED_PROTOCOL",
    }
)
#: X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED.
_ABOUT_TIME = (9, 10)


def explain(exception: BaseException, url: str) -> EntryError:
    """The failure that ended a download of ``url``. An EntryError is already explained, and is returned as it is.

    The host is that of the exception, if it names one: a redirect may have led from ``url`` to another.
    """
    if isinstance(exception, EntryError):
        return exception
    if isinstance(exception, HttpError):
        return explain_response(exception.response, is_page=True)
    if isinstance(exception, asyncio.CancelledError):
        return TransferCancelledError()
    causes = list(_causes(exception))
    host = _failed_host(causes) or _host(url)
    reason = _reason(exception)
    if isinstance(exception, exceptions.ResponseDataLossError):
        # Of an answer that has begun it is of no account how the connection broke.
        causes = [cause for cause in causes if isinstance(cause, MalformedBodyError)]
    for cause in causes:
        if error := _explain_cause(cause, host, reason):
            return error
    if isinstance(exception, exceptions.IgnoreRequest) and "robots.txt" in str(exception):
        return FetchError(
            "robots",
            f"{host} asks robots not to fetch this (robots.txt); set ROBOTSTXT_OBEY to False to fetch it anyway.",
        )
    if isinstance(exception, exceptions.IgnoreRequest) and "max redirections" in str(exception):
        return FetchError(
            "redirects",
            f"{host} redirects from one address to the next without end; {_BROWSER}, {_AGAIN}.",
            "doubtful",
        )
    for known, (kind, sentence, failure_class) in _EXPLANATIONS.items():
        if isinstance(exception, known):
            return FetchError(kind, f"{host} {sentence.format(reason=reason)}.", failure_class)
    return FetchError(
        "error",
        f"{host} could not be fetched from because of an error in podcrawler: {exception!r}; please report it.",
    )


def explain_response(response: Response, *, is_page: bool = False) -> FetchError:
    """The failure that an answer without the file is, or without the page: of kind ``http-<status>``."""
    status, host = response.status, _host(response.url)
    answer = f"{host} answered {status}"
    with suppress(ValueError):
        answer += f" {HTTPStatus(status).phrase}"
    seconds = retry_after(response)
    if seconds:
        answer += f" and asks to wait {duration(seconds)}"
    failure_class = _STATUS_CLASSES.get(status, "passing" if status >= 500 else "permanent")
    otherwise = _BROWSER if failure_class == "permanent" else _AGAIN
    remedy = _STATUS_REMEDIES.get(status, otherwise).format(host=host)
    if status == HTTPStatus.UNAUTHORIZED and response.request:
        remedy = _other_login(response) or _login_remedy(response.request) or remedy
    if is_page and status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        # A query may be a listener's token.
        address = response.url.partition("?")[0]
        remedy = f"there is no feed or page at {address}: take its present address from the podcast's web page"
    return FetchError(
        f"http-{status}", f"{answer}; {remedy}.", failure_class, retry_after=seconds, host=host_of(response.url)
    )


def _other_login(response: Response) -> str:
    """What to say of a 401 that wants anything but user and password as they are: Digest, Bearer, ... (RFC 9110
    §11.6.1)."""
    challenges = b",".join(response.headers.getlist("WWW-Authenticate")).decode("latin-1")
    scheme = _SCHEME.match(challenges.strip())
    if scheme is None or re.search(r"\bbasic\b", challenges, re.IGNORECASE):
        return ""
    return f"it wants a login of a kind that podcrawler does not speak ({scheme[0]}); ask its owner for another address"


def _login_remedy(request: Request) -> str:
    """What to do after a 401, if there was a login for the request, or for another part of its host."""
    if AUTHORIZATION in request.meta or "Authorization" in request.headers:
        return "it refuses the login that it got; check user and password, which are percent-encoded in an address"
    if place := request.meta.get(WITHHELD):
        return f"the login was given for {place} alone; to have it sent to the whole host, put it into ~/.netrc"
    return ""


def tls_failure(host: str, error: BaseException) -> FetchError:
    """No safe connection to the host could be made: its certificate is no good, or its TLS."""
    remedy = "its owner must mend that"
    without_safety = f"{remedy}; PODCRAWLER_INSECURE_HOSTS names hosts to fetch from without safety"
    match error:
        case ssl.SSLCertVerificationError():
            remedy = without_safety
            if error.verify_code in _ABOUT_TIME:
                remedy = f"check this machine's clock; if that is right, {remedy}"
        case ssl.SSLError(reason=named) if named in _NO_TLS:
            remedy = "check whether the address begins with http:// in truth"
        case ssl.SSLError(reason=named) if named in _OLD_TLS:
            remedy = without_safety
    return FetchError("tls", f"{host} cannot be spoken to safely ({tls_reason(error)}); {remedy}.")


def tls_reason(error: BaseException) -> str:
    """What is wrong with a certificate, or with TLS, in a few words."""
    match error:
        case ssl.SSLCertVerificationError():
            return error.verify_message
        case ssl.SSLError(reason=named) if named in _NO_TLS:
            return "it does not speak TLS on this port"
        case ssl.SSLError(reason=named) if named in _OLD_TLS:
            return "it speaks no version of TLS that is safe"
        case ssl.SSLError(reason=str(named)):
            return named.replace("_", " ").lower()
        case _:
            return " ".join(str(error).split())


def dns_failure(host: str, error: socket.gaierror) -> FetchError:
    """The host's name has led to no address."""
    match error.errno:
        case socket.EAI_AGAIN:
            problem = "could not be looked up in the DNS just now"
            remedy = "check this machine's network and name server"
        case number if number in _NO_USABLE_ADDRESS:
            problem = "has no address that this machine can use, be it none at all or IPv6 alone"
            remedy = "check the name and this machine's network"
        case _:
            problem, remedy = "has no address in the DNS", "check the name and this machine's network"
    return FetchError("dns", f"{host} {problem}; {remedy}, or {_AGAIN}.", "passing")


def _explain_cause(cause: BaseException, host: str, reason: str) -> FetchError | None:
    """What one exception in a chain tells, if it tells more than the first."""
    match cause:
        case aiohttp.ClientSSLError():
            return tls_failure(host, cause.os_error)
        case ssl.SSLCertVerificationError():
            return tls_failure(host, cause)
        case socket.gaierror():
            return dns_failure(host, cause)
        case aiohttp.ConnectionTimeoutError():
            return FetchError("timeout", f"{host} could not be connected to in time; {_AGAIN}.", "passing")
        case aiohttp.ClientResponseError(__cause__=UnreadableAnswerError() as refusal):
            return _protocol(host, refusal.message)
        case aiohttp.ClientResponseError():
            # aiohttp's parser: what it says before the first colon, behind which it quotes the bytes.
            return _protocol(host, f"answers in broken HTTP ({cause.message.partition(':')[0].strip()})")
        case MalformedBodyError():
            return _protocol(host, "sends the answer in chunks that are not marked as they should be")
        case aiohttp.ServerDisconnectedError():
            return FetchError("connection", f"{host} hung up without an answer; {_AGAIN}.", "passing")
        case ConnectionResetError() | BrokenPipeError() | ConnectionAbortedError():
            return FetchError("connection", f"{host} broke the connection off without an answer; {_AGAIN}.", "passing")
        case OSError(errno=int(number)) if number in _NO_WAY:
            sentence = f"{host} cannot be reached from this machine ({reason})"
            return FetchError(
                "refused", f"{sentence}; check its network (IPv6, VPN, firewall), or {_AGAIN}.", "passing"
            )
    return None


def _protocol(host: str, what: str) -> FetchError:
    """The answer cannot be read. Nothing of it is quoted."""
    return FetchError("protocol", f"{host} {what}; {_BROWSER}, or {_AGAIN}.", "passing")


def _causes(exception: BaseException) -> Iterator[BaseException]:
    """The exception, its cause, the cause of that, and so on."""
    cause: BaseException | None = exception
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _failed_host(causes: list[BaseException]) -> str | None:
    for cause in causes:
        match cause:
            case aiohttp.ClientConnectorError():
                return cause.host
            case aiohttp.ClientResponseError(request_info=aiohttp.RequestInfo(real_url=url)):
                return url.host
    return None


def _reason(exception: BaseException) -> str:
    """The cause in one line, without the address: aiohttp quotes it, and it may hold secrets."""
    match exception.__cause__:
        case aiohttp.ClientConnectorError(os_error=OSError(errno=int(number))) as cause:
            reason = f"{cause.host}:{cause.port}: {os.strerror(number)}"
        case aiohttp.ClientConnectorError(os_error=OSError() as error) as cause:
            # One error for each address of the host.
            numbers = dict.fromkeys(re.findall(r"\[Errno (\d+)\]", str(error)))
            texts = ", ".join(os.strerror(int(number)) for number in numbers)
            reason = f"{cause.host}:{cause.port}: {texts or error}"
        case aiohttp.ClientResponseError() as cause:
            reason = cause.message
        case aiohttp.InvalidURL() as cause:
            reason = cause.description or "it is none of http or https"
        case _:
            reason = str(exception)
    return " ".join(reason.split()).rstrip(".") or type(exception).__name__


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or masked(url, is_address=True)
    except ValueError:
        return masked(url, is_address=True)
