"""Explains why a request through an HTTP proxy failed: because of the proxy, or of the host behind it. socks.py does so
for SOCKS."""

import os
from http import HTTPStatus

import aiohttp
from yarl import URL

from podcrawler.exceptions import ProxyFailedError
from podcrawler.http.errors import tls_reason
from podcrawler.proxies import ProxyAddress

AGAIN = "try again later"
_CHECK = "check PODCRAWLER_PROXY (or PODCRAWLER_HOSTS, or http_proxy and https_proxy in the environment)"
CHECK_OR_AGAIN = f"{_CHECK}, or {AGAIN}"


def proxy_failure(
    error: BaseException, proxy: ProxyAddress, url: URL, *, has_connection: bool
) -> ProxyFailedError | None:
    """What the proxy did wrong before it passed an answer on; None if it was not the proxy.

    ``has_connection`` says whether there was a connection for the request to ``url`` yet: to the proxy for http,
    through it for https.
    """
    match error:
        case aiohttp.ClientHttpProxyError(status=HTTPStatus.PROXY_AUTHENTICATION_REQUIRED):
            return login_refused(proxy)
        case aiohttp.ClientHttpProxyError(status=status, message=message):
            is_down = status >= 500
            problem = f"opens no way to {url.host} ({status} {' '.join(message.split())})"
            return ProxyFailedError(proxy.name, problem, AGAIN, "passing" if is_down else "permanent", is_down=is_down)
        case aiohttp.ClientConnectorDNSError():
            problem = "has no address in the DNS just now"
        case aiohttp.ClientProxyConnectionError():
            problem = f"could not be connected to ({_reason(error.os_error)})"
        case aiohttp.ClientSSLError() if (error.host, error.port) == (proxy.host, proxy.port):
            problem = f"cannot be spoken to over TLS ({tls_reason(error.os_error)})"
        case aiohttp.ClientConnectorError():
            # TLS with the host, through the tunnel.
            return None
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return None
        case TimeoutError() if not has_connection:
            problem = f"opened no way to {url.host} in time"
        case aiohttp.ClientError() | OSError() if not has_connection:
            problem = f"broke off before there was a way to {url.host}"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() if url.scheme == "http":
            # If the host had hung up, the proxy would have answered (502, 504).
            problem = "hung up without an answer"
        case _:
            return None
    return ProxyFailedError(proxy.name, problem, CHECK_OR_AGAIN, is_down=True)


def login_refused(proxy: ProxyAddress) -> ProxyFailedError:
    """The proxy wants a login, or has refused the one that it got."""
    remedy = f"{_CHECK}: {proxy.scheme}://USER:PASSWORD@HOST:PORT"
    return ProxyFailedError(proxy.name, "wants a login, or another one", remedy, "permanent", is_down=True)


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno and error.errno > 0 else " ".join(str(error).split())
