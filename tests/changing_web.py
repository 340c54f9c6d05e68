"""A stand-in for the whole web by http that a test may change while nodes ask it, and that notes which logins it got.

It may be a single host with TLS, too. stand_in.py has pages that stay.
"""

import base64
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from typing_extensions import override

from tests import serving
from tests.stand_in import Page

#: MPEG-1 layer III: frames of 417 bytes.
AUDIO = Page((b"\xff\xfb\x90\x00" + b"\x55" * 413) * 40, "audio/mpeg")


@dataclass
class Web:
    #: Of the proxy that it is, for ``http_proxy``; with TLS, of a host.
    address: str
    #: By address; with TLS, by path.
    pages: dict[str, Page] = field(default_factory=dict)
    #: The addresses that were asked for, each with the login that came along; empty if none did.
    asked: list[tuple[str, str]] = field(default_factory=list)
    #: The status of each answer, in the same order.
    statuses: list[int] = field(default_factory=list)
    #: What a User-Agent must begin with, or 403 is the answer.
    agent: str = ""

    def logins(self) -> dict[str, set[str]]:
        """By login, but for requests without one: the addresses that were asked for with it."""
        found: dict[str, set[str]] = {}
        for address, login in self.asked:
            if login:
                found.setdefault(login, set()).add(address)
        return found

    def files(self) -> list[str]:
        """The media files that were asked for."""
        return [address for address, _ in self.asked if address.endswith(".mp3")]


@contextmanager
def changing_web(tls: ssl.SSLContext | None = None) -> Iterator[Web]:
    class Handler(serving.Handler):
        protocol_version = "HTTP/1.1"

        @override
        def get(self) -> None:
            given = self.headers.get("Authorization", "").removeprefix("Basic ")
            web.asked.append((self.path, base64.b64decode(given).decode()))
            page = web.pages.get(self.path) or Page("no such page", status=404)
            if not self.headers.get("User-Agent", "").startswith(web.agent):
                page = Page("not for you", status=403)
            body = page.body.encode() if isinstance(page.body, str) else page.body
            status = 304 if self._is_known(page) else page.status
            web.statuses.append(status)
            headers = {"Content-Type": page.content_type, **page.headers}
            self.answer(status, b"" if status == 304 else body, **headers)

        def _is_known(self, page: Page) -> bool:
            validators = (("ETag", "If-None-Match"), ("Last-Modified", "If-Modified-Since"))
            return any(name in page.headers and page.headers[name] == self.headers[asks] for name, asks in validators)

    with serving.serving(Handler, tls=tls) as port:
        web = Web(f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}")
        yield web


def feed(title: str, *files: str, more: str = "") -> Page:
    """A feed with an episode for each file, whose guid and title are its name."""
    items = "".join(
        f"<item><title>{name}</title><guid>{name.partition('.')[0]}</guid>"
        f'<enclosure url="{file}" type="audio/mpeg" length="{len(AUDIO.body)}"/></item>'
        for file in files
        if (name := file.rpartition("/")[2])
    )
    head = '<rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" '
    head += 'xmlns:podcast="https://podcastindex.org/namespace/1.0" xmlns:atom="http://www.w3.org/2005/Atom">'
    return Page(f"{head}<channel><title>{title}</title>{more}{items}</channel></rss>", "application/rss+xml")
