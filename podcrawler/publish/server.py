"""Serves a published archive: files, with ranges, so that players can jump. Nothing hidden is served, such as the state
folder, and no symbolic link leads out. What is for this machine alone answers to this machine's names alone. A file
that a publisher wrote, such as a transcript in HTML, runs no script, and has nothing to do with the pages beside it.
"""

import base64
import hmac
import os
import re
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from typing_extensions import override

from podcrawler.exceptions import PublishError
from podcrawler.printing import say
from podcrawler.publish.layout import is_page
from podcrawler.publish.media_types import type_of
from podcrawler.publish.places import Place

try:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse, Response
    from starlette.routing import Mount
    from starlette.staticfiles import StaticFiles
    from starlette.types import Receive, Scope, Send
except ImportError as missing:
    raise PublishError(
        f"Serving needs Starlette and uvicorn, which are not installed here ({missing.name}): "
        "pip install 'podcrawler[pages]'."
    ) from None


#: Content Security Policy of what podcrawler did not write: it may be looked at, from an origin that is no other's.
_SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
#: What browsers run nothing of.
_HARMLESS = re.compile(r"(?:audio|video)/|image/(?!svg)")
#: What browsers call this machine.
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class _Files(StaticFiles):
    """The files in several folders, the first that has one."""

    def __init__(self, folders: Sequence[Path]) -> None:
        super().__init__(directory=folders[0], html=True)
        self.all_directories = list(folders)
        self._folders = [folder.resolve() for folder in folders]

    @override
    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        if any(part.startswith(".") and part != "." for part in Path(path).parts):
            return "", None
        return super().lookup_path(path)

    @override
    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        path = Path(full_path)
        known = type_of(path.name)
        # An answer that nothing has changed has no type.
        if known and "content-type" in response.headers:
            response.headers["content-type"] = f"{known}; charset=utf-8" if known.startswith("text/") else known
        response.headers["x-content-type-options"] = "nosniff"
        folder = next(one for one in self._folders if path.is_relative_to(one))
        if not is_page(path.relative_to(folder).parts) and not _HARMLESS.match(known):
            response.headers["content-security-policy"] = _SANDBOX
        return response


class _Guarded:
    """What asks for a password (RFC 7617), of any user, and for the right host. Without a password or hosts, it does
    without these.

    A web page elsewhere may give its own host the address of this machine, and a browser then lets it read what that
    host answers (DNS rebinding); it still asks for the page's host.
    """

    def __init__(self, app: Starlette, password: str, hosts: Sequence[str]) -> None:
        self._app = app
        self._password = password.encode()
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(dict(scope["headers"])) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, headers: Mapping[bytes, bytes]) -> PlainTextResponse | None:
        if self._hosts and _host_in(headers.get(b"host", b"")) not in self._hosts:
            # RFC 9110 §15.5.20.
            return PlainTextResponse(f"This server is asked as {' or '.join(self._hosts)} alone.", 421)
        if self._password and not self._is_right(headers.get(b"authorization", b"")):
            return PlainTextResponse("A password is needed.", 401, {"WWW-Authenticate": 'Basic realm="podcrawler"'})
        return None

    def _is_right(self, header: bytes) -> bool:
        scheme, _, told = header.partition(b" ")
        try:
            given = base64.b64decode(told).partition(b":")[2]
        except ValueError:
            return False
        return scheme.lower() == b"basic" and hmac.compare_digest(given, self._password)


def _host_in(header: bytes) -> str:
    """The host that a request asks, without its port and brackets; empty if it names none."""
    with suppress(ValueError):
        return urlsplit(f"//{header.decode('latin-1')}").hostname or ""
    return ""


def serve(folders: Sequence[Path], place: Place, password: str) -> None:
    """Serve until the process is interrupted. Raises PublishError if another machine could ask without a password, or
    the place is taken."""
    if not place.is_loopback and not password:
        raise PublishError(
            f"On {place.host} other machines can read the archive; set a password: PODCRAWLER_PUBLISH_PASSWORD."
        )
    # It makes answers of errors.
    files = Starlette(routes=[Mount("/", app=_Files(folders))])
    hosts = list(dict.fromkeys((place.host, *_LOOPBACK))) if place.is_loopback else []
    app = _Guarded(files, password, hosts)
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    try:
        listening = socket.create_server((place.host, place.port), family=family)
    except OSError as error:
        # socket puts the address into it again; that of a host without an address has no number.
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise PublishError(
            f"{place.host}:{place.port} cannot be listened on ({why}); give --serve another one."
        ) from None
    with listening:
        host = f"[{place.host}]" if family is socket.AF_INET6 else place.host
        say(f"Serving http://{host}:{listening.getsockname()[1]}/ until you press Ctrl-C.")
        sys.stdout.flush()
        config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, lifespan="off")
        uvicorn.Server(config).run(sockets=[listening])
