"""What to tell a person, and the queue, about a download that failed: a kind, a sentence, and whether it passes."""

import asyncio
import os
import ssl
from http import HTTPStatus
from urllib.parse import urlsplit

import aiohttp
from scrapy import exceptions
from scrapy.spidermiddlewares.httperror import HttpError

from podcrawler.exceptions import EntryError, FetchError, TransferCancelledError

_AGAIN = "try again later"
_PROXY_REMEDY = "check PODCRAWLER_PROXY (or http_proxy and https_proxy in the environment)"
#: Statuses below 500 that pass (RFC 9110 §15.5.9, RFC 8470 §5.2, RFC 6585 §4).
_PASSING_STATUSES = (408, 425, 429)
_STATUS_REMEDIES = {
    401: "it wants a login, which goes into the address (https://user:password@host/)",
    403: "it refuses this machine or this program; check whether the address opens in a browser",
    404: "nothing is there any more, or the feed tells a wrong address",
    410: "it was taken away for good",
    451: "it is withheld for legal reasons",
}
#: Kind, sentence after the host, and whether it passes. ``{reason}`` is the text of the exception.
_EXPLANATIONS: dict[type[BaseException], tuple[str, str, bool]] = {
    exceptions.DownloadTimeoutError: ("timeout", f"did not answer in time; {_AGAIN}", True),
    TimeoutError: ("timeout", f"did not answer in time; {_AGAIN}", True),
    exceptions.CannotResolveHostError: (
        "dns",
        f"has no address in the DNS just now; check the name and this machine's network, or {_AGAIN}",
        True,
    ),
    exceptions.DownloadConnectionRefusedError: ("refused", f"could not be connected to ({{reason}}); {_AGAIN}", True),
    exceptions.ResponseDataLossError: ("incomplete", f"broke off in the middle of the answer; {_AGAIN}", True),
    exceptions.DownloadFailedError: ("connection", f"cannot be talked to just now ({{reason}}); {_AGAIN}", True),
    aiohttp.ClientError: ("connection", f"cannot be talked to just now ({{reason}}); {_AGAIN}", True),
    exceptions.DownloadCancelledError: ("too-large", "was given up, because {reason}", False),
    exceptions.UnsupportedURLSchemeError: (
        "address",
        "cannot be asked, because the address is no good: {reason}",
        False,
    ),
    exceptions.NotSupported: ("address", "cannot be asked, because the address is no good: {reason}", False),
    exceptions.IgnoreRequest: ("ignored", "was not asked: {reason}", False),
}


def explain(exception: BaseException, url: str) -> EntryError:
    """What the end of a download of ``url`` means. An EntryError is its own explanation and comes back as it is."""
    if isinstance(exception, EntryError):
        return exception
    if isinstance(exception, HttpError):
        return explain_status(exception.response.status, url)
    if isinstance(exception, asyncio.CancelledError):
        return TransferCancelledError()
    host = _host(url)
    reason = _reason(exception)
    if isinstance(exception.__cause__, aiohttp.ClientSSLError):
        return FetchError(
            "tls",
            f"{host} cannot be spoken to safely ({reason}); its owner must mend that, or set "
            "DOWNLOAD_VERIFY_CERTIFICATES to False to go without safety.",
        )
    if isinstance(exception, exceptions.IgnoreRequest) and "robots.txt" in str(exception):
        return FetchError(
            "robots",
            f"{host} asks robots not to fetch this (robots.txt); set ROBOTSTXT_OBEY to False to fetch it anyway.",
        )
    if error := _explain_proxy(exception.__cause__, host, reason):
        return error
    for known, (kind, sentence, passing) in _EXPLANATIONS.items():
        if isinstance(exception, known):
            return FetchError(kind, f"{host} {sentence.format(reason=reason)}.", passing=passing)
    return FetchError("error", f"{host} could not be fetched from because of an error in podcrawler: {exception!r}.")


def explain_status(status: int, url: str) -> FetchError:
    """What an HTTP status other than success means; kind ``http-<status>``, or ``proxy``."""
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return _proxy_login()
    try:
        answer = f"{_host(url)} answered {status} {HTTPStatus(status).phrase}"
    except ValueError:
        answer = f"{_host(url)} answered {status}"
    passing = status >= 500 or status in _PASSING_STATUSES
    remedy = _AGAIN if passing else _STATUS_REMEDIES.get(status, "check whether the address opens in a browser")
    return FetchError(f"http-{status}", f"{answer}; {remedy}.", passing=passing)


def _explain_proxy(cause: BaseException | None, host: str, reason: str) -> FetchError | None:
    """The failure of the proxy on the way to the host, None if it is none."""
    match cause:
        case aiohttp.ClientHttpProxyError(status=HTTPStatus.PROXY_AUTHENTICATION_REQUIRED):
            return _proxy_login()
        case aiohttp.ClientHttpProxyError(status=status):
            return FetchError(
                "proxy", f"The proxy opens no way to {host} ({status} {reason}); {_AGAIN}.", passing=status >= 500
            )
        case aiohttp.ClientConnectorDNSError() if cause.host != host:
            sentence = f"The proxy {cause.host} has no address in the DNS just now"
        case aiohttp.ClientProxyConnectionError():
            sentence = f"The proxy could not be connected to ({reason})"
        case _:
            return None
    return FetchError("proxy", f"{sentence}; {_PROXY_REMEDY}, or {_AGAIN}.", passing=True)


def _proxy_login() -> FetchError:
    return FetchError(
        "proxy", f"The proxy wants a login, or another one; {_PROXY_REMEDY}: http://user:password@host:port."
    )


def _reason(exception: BaseException) -> str:
    """The cause in one line, without the address, which may hold secrets where aiohttp names it."""
    match exception.__cause__:
        case aiohttp.ClientConnectorError(os_error=ssl.SSLCertVerificationError() as error):
            reason = error.verify_message
        case aiohttp.ClientConnectorError(os_error=ssl.SSLError() as error):
            reason = str(error)
        case aiohttp.ClientConnectorError(os_error=OSError(errno=int(number))) as cause:
            # Names the proxy, if it is that which could not be reached.
            reason = f"{cause.host}:{cause.port}: {os.strerror(number)}"
        case aiohttp.ClientResponseError() as cause:
            reason = cause.message
        case _:
            reason = str(exception)
    return " ".join(reason.split()).rstrip(".") or type(exception).__name__


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url
