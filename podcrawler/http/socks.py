"""SOCKS proxies (RFC 1928, RFC 1929): connectors for aiohttp, and what their failures mean.

To be imported when a SOCKS proxy is used, because the libraries take time to load.
"""

import asyncio
import os
import socket
import ssl
from typing import Any

import aiohttp
from aiohttp_socks import ProxyConnectionError, ProxyConnector, ProxyError, ProxyTimeoutError, ProxyType
from yarl import URL

from podcrawler.exceptions import FetchError, ProxyFailedError
from podcrawler.http.errors import tls_failure
from podcrawler.http.proxy_errors import AGAIN, CHECK_OR_AGAIN, login_refused
from podcrawler.proxies import ProxyAddress

#: By scheme: the protocol, and whether the proxy looks up host names.
_PROTOCOLS = {
    "socks4": (ProxyType.SOCKS4, False),
    "socks4a": (ProxyType.SOCKS4, True),
    "socks5": (ProxyType.SOCKS5, False),
    "socks5h": (ProxyType.SOCKS5, True),
}
#: RFC 1928 §6: the replies that tell of the host behind the proxy.
_HOST_FAILED = {
    3: "its network cannot be reached from there",
    4: "it cannot be reached from there, or its name is unknown there",
    5: "it refuses the connection",
    6: "it did not answer",
}
#: What the libraries say of a login that is missing or wrong; they have no code for it.
_LOGIN_REFUSED = ("no acceptable authentication", "authentication failure", "ident")


def connector(proxy: ProxyAddress, **arguments: Any) -> aiohttp.TCPConnector:
    """A connector through the proxy, with further ``arguments`` of aiohttp's."""
    protocol, resolves_there = _PROTOCOLS[proxy.scheme]
    return ProxyConnector(
        proxy.host,
        proxy.port,
        protocol,
        proxy.user or None,
        proxy.password or None,
        rdns=resolves_there,
        **arguments,
    )


def socks_failure(error: BaseException, proxy: ProxyAddress, url: URL, *, has_connection: bool) -> FetchError | None:
    """What the proxy did wrong, or said of the host; None if that is for the error itself to tell. ``has_connection``
    says whether there was a connection to the host of ``url`` yet."""
    match error:
        case ProxyError():
            return _refusal(error, proxy, url.host or "")
        case ProxyConnectionError() if isinstance(_origin(error), socket.gaierror):
            problem = "has no address in the DNS just now"
        case ProxyConnectionError():
            problem = f"could not be connected to ({_strerror(error)})"
        case asyncio.IncompleteReadError():
            problem = "hung up before it had answered; it may be no SOCKS proxy"
            return ProxyFailedError(proxy.name, problem, CHECK_OR_AGAIN, is_down=True)
        case ProxyTimeoutError():
            problem = f"opened no way to {url.host} in time"
        case aiohttp.ClientOSError() if not has_connection and isinstance(error.__cause__, ssl.SSLError):
            return tls_failure(url.host or "", error.__cause__)
        case TimeoutError() if not has_connection:
            problem = f"opened no way to {url.host} in time"
        case aiohttp.ClientOSError() if not has_connection and isinstance(error.__cause__, ConnectionError):
            # Either the proxy itself, or the host in its handshake of TLS.
            problem = f"broke off before there was a way to {url.host}"
            return ProxyFailedError(proxy.name, problem, CHECK_OR_AGAIN, is_down=False)
        case _:
            return None
    return ProxyFailedError(proxy.name, problem, CHECK_OR_AGAIN, is_down=True)


def _refusal(error: ProxyError, proxy: ProxyAddress, host: str) -> FetchError:
    """What a reply of the proxy's means. Replies without a code are none of SOCKS, or about the login."""
    said = " ".join(str(error).split())
    match error.error_code:
        case int(code) if code in _HOST_FAILED:
            sentence = f"{host} could not be reached by the proxy {proxy.name}: {_HOST_FAILED[code]}; {AGAIN}."
            return FetchError("refused", sentence, "passing")
        case 2:
            problem, remedy = (
                f"is not allowed to open a way to {host}",
                "use another one for this host (PODCRAWLER_HOSTS)",
            )
            return ProxyFailedError(proxy.name, problem, remedy, "permanent", is_down=False)
        case 8:
            problem = f"cannot open a way to an address of this kind ({host})"
            remedy = "let it have names with socks5h://, or addresses of IPv4 with socks5://"
            return ProxyFailedError(proxy.name, problem, remedy, "permanent", is_down=False)
        case 0x5B:
            # SOCKS 4 does not say whose fault it is.
            problem = f"opens no way to {host}, without saying why"
            return ProxyFailedError(proxy.name, problem, AGAIN, is_down=False)
        case _ if any(words in said.lower() for words in _LOGIN_REFUSED):
            return login_refused(proxy)
        case None:
            problem = f"does not speak SOCKS as {proxy.scheme}:// says ({said})"
            return ProxyFailedError(proxy.name, problem, CHECK_OR_AGAIN, is_down=True)
        case _:
            problem = f"opens no way to {host} ({said})"
            return ProxyFailedError(proxy.name, problem, CHECK_OR_AGAIN, is_down=True)


def _origin(error: BaseException) -> BaseException:
    while error.__cause__:
        error = error.__cause__
    return error


def _strerror(error: ProxyConnectionError) -> str:
    origin = _origin(error)
    if isinstance(origin, OSError) and origin.errno:
        return os.strerror(origin.errno)
    return " ".join(str(origin).split())
