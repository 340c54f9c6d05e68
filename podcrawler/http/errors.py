"""Explains downloads that failed, to a person and to the queue: a kind, a sentence, and the class of failure."""

import asyncio
import os
import ssl
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urlsplit

import aiohttp
from scrapy import exceptions
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError

from podcrawler.exceptions import EntryError, FailureClass, FetchError, TransferCancelledError
from podcrawler.http.heads import UnreadableAnswerError
from podcrawler.http.lenient import MalformedBodyError

_AGAIN = "try again later"
_PROXY_REMEDY = "check PODCRAWLER_PROXY (or http_proxy and https_proxy in the environment)"
#: RFC 9110 §15.5.9, §15.6.4, RFC 8470 §5.2, RFC 6585 §4. Other 5xx are passing, other 4xx permanent.
_STATUS_CLASSES: dict[int, FailureClass] = {
    401: "blocked",
    403: "blocked",
    408: "passing",
    425: "passing",
    429: "busy",
    503: "busy",
}
_STATUS_REMEDIES = {
    401: "it wants a login, which goes into the address (https://user:password@host/)",
    403: "it refuses this machine or this program; check whether the address opens in a browser",
    404: "nothing is there any more, or the feed tells a wrong address",
    410: "it was taken away for good",
    451: "it is withheld for legal reasons",
}
#: Kind, sentence after the host, and class. ``{reason}`` is the text of the exception.
_EXPLANATIONS: dict[type[BaseException], tuple[str, str, FailureClass]] = {
    exceptions.DownloadTimeoutError: ("timeout", f"did not answer in time; {_AGAIN}", "passing"),
    TimeoutError: ("timeout", f"did not answer in time; {_AGAIN}", "passing"),
    exceptions.CannotResolveHostError: (
        "dns",
        f"has no address in the DNS just now; check the name and this machine's network, or {_AGAIN}",
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
        "cannot be asked, because the address is no good: {reason}",
        "permanent",
    ),
    exceptions.NotSupported: ("address", "cannot be asked, because the address is no good: {reason}", "permanent"),
    exceptions.IgnoreRequest: ("ignored", "was not asked: {reason}", "permanent"),
}


def explain(exception: BaseException, url: str) -> EntryError:
    """The failure that ended a download of ``url``. An EntryError is already explained, and is returned as it is."""
    if isinstance(exception, EntryError):
        return exception
    if isinstance(exception, HttpError):
        return explain_response(exception.response)
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
    if isinstance(exception, exceptions.IgnoreRequest) and "max redirections" in str(exception):
        return FetchError(
            "redirects",
            f"{host} redirects from one address to the next without end; check whether the address opens in a browser, "
            "try again later.",
            "passing",
        )
    if error := _explain_proxy(exception.__cause__, host, reason) or _explain_protocol(exception.__cause__, host):
        return error
    for known, (kind, sentence, failure_class) in _EXPLANATIONS.items():
        if isinstance(exception, known):
            return FetchError(kind, f"{host} {sentence.format(reason=reason)}.", failure_class)
    return FetchError("error", f"{host} could not be fetched from because of an error in podcrawler: {exception!r}.")


def explain_response(response: Response) -> FetchError:
    """The failure that an answer without the file is: of kind ``http-<status>``, or ``proxy``."""
    status = response.status
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return _proxy_login()
    answer = f"{_host(response.url)} answered {status}"
    with suppress(ValueError):
        answer += f" {HTTPStatus(status).phrase}"
    failure_class = _STATUS_CLASSES.get(status, "passing" if status >= 500 else "permanent")
    otherwise = "check whether the address opens in a browser" if failure_class == "permanent" else _AGAIN
    remedy = _STATUS_REMEDIES.get(status, otherwise)
    return FetchError(f"http-{status}", f"{answer}; {remedy}.", failure_class, retry_after=_retry_after(response))


def _retry_after(response: Response) -> float | None:
    """Seconds to wait, from the header Retry-After: a number or a date (RFC 9110 §10.2.3)."""
    value = (response.headers.get("Retry-After") or b"").decode("latin-1").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, at.timestamp() - time.time())


def _explain_proxy(cause: BaseException | None, host: str, reason: str) -> FetchError | None:
    """The failure of the proxy on the way to the host; None if it was not the proxy."""
    match cause:
        case aiohttp.ClientHttpProxyError(status=HTTPStatus.PROXY_AUTHENTICATION_REQUIRED):
            return _proxy_login()
        case aiohttp.ClientHttpProxyError(status=status):
            return FetchError(
                "proxy",
                f"The proxy opens no way to {host} ({status} {reason}); {_AGAIN}.",
                "passing" if status >= 500 else "permanent",
            )
        case aiohttp.ClientConnectorDNSError() if cause.host != host:
            sentence = f"The proxy {cause.host} has no address in the DNS just now"
        case aiohttp.ClientProxyConnectionError():
            sentence = f"The proxy could not be connected to ({reason})"
        case _:
            return None
    return FetchError("proxy", f"{sentence}; {_PROXY_REMEDY}, or {_AGAIN}.", "passing")


def _explain_protocol(cause: BaseException | None, host: str) -> FetchError | None:
    """The failure of an answer that cannot be read; None if it is another one. Nothing of the answer is quoted."""
    match cause:
        case aiohttp.ClientResponseError(__cause__=UnreadableAnswerError() as refusal):
            what = refusal.message
        case aiohttp.ClientResponseError():
            # aiohttp's parser: what it says before the first colon, behind which it quotes the bytes.
            what = f"answers in broken HTTP ({cause.message.partition(':')[0].strip()})"
        case MalformedBodyError():
            what = "sends the answer in chunks that are not marked as they should be"
        case _:
            return None
    return FetchError(
        "protocol", f"{host} {what}; check whether the address opens in a browser, or {_AGAIN}.", "passing"
    )


def _proxy_login() -> FetchError:
    return FetchError(
        "proxy", f"The proxy wants a login, or another one; {_PROXY_REMEDY}: http://user:password@host:port."
    )


def _reason(exception: BaseException) -> str:
    """The cause in one line, without the address: aiohttp quotes it, and it may hold secrets."""
    match exception.__cause__:
        case aiohttp.ClientConnectorError(os_error=ssl.SSLCertVerificationError() as error):
            reason = error.verify_message
        case aiohttp.ClientConnectorError(os_error=ssl.SSLError() as error):
            reason = str(error)
        case aiohttp.ClientConnectorError(os_error=OSError(errno=int(number))) as cause:
            # The host is the proxy's, if that could not be reached.
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
