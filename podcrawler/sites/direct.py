"""Addresses of files in place of a podcast: a media file becomes a podcast of one episode, and any other file is
refused with a sentence that says what it is.

The download handler reads only the beginning of a media file, and marks the response with ``MEDIA_FILE``.
"""

import re
from collections.abc import Iterable
from typing import ClassVar
from urllib.parse import unquote, urlsplit

from scrapy.http import TextResponse
from typing_extensions import override

from podcrawler.documents import READABLE, recognize
from podcrawler.exceptions import ListingError
from podcrawler.items import Enclosure, Episode, Podcast
from podcrawler.sites import identity
from podcrawler.sites.base import Listing, Site
from podcrawler.sites.reading import one_line

#: Among the flags of a response: its body is the beginning of a media file.
MEDIA_FILE = "media-file"

_PLAYLIST_TYPE = re.compile(rb"(?:audio|application)/(?:x-|vnd\.apple\.)?(?:mpegurl|scpls)", re.IGNORECASE)
#: Headers of servers of radio stations (SHOUTcast, Icecast).
_LIVE = frozenset({"icy-name", "icy-br", "icy-metaint", "icy-pub"})


def is_live(headers: Iterable[str]) -> bool:
    """Whether an answer with headers of these names is a live stream, unless it tells its length."""
    return any(name.lower() in _LIVE for name in headers)


class Direct(Site):
    name: ClassVar[str] = "direct"

    @override
    def matches(self, response: TextResponse) -> bool:
        return MEDIA_FILE in response.flags or bool(_other_file(response))

    @override
    def parse_list(self, response: TextResponse) -> Listing:
        if other := _other_file(response):
            raise ListingError(
                "unknown-page",
                f"{response.url} is {other}, and neither a feed nor a web page; give the address of the podcast.",
            )
        if is_live(name.decode("latin-1") for name in response.headers):
            raise ListingError(
                "unknown-page", f"{response.url} is a live stream, which has no end; give the address of a podcast."
            )
        # The address that was asked for: redirects lead to another one each time.
        asked = response.request.meta.get("redirect_urls", [response.url])[0] if response.request else response.url
        return _archive_of_one(asked, (response.headers.get("Content-Type") or b"").decode("latin-1"))


def _archive_of_one(url: str, content_type: str) -> Listing:
    parts = urlsplit(url)
    file = one_line(unquote(parts.path.rstrip("/").rpartition("/")[2])) or parts.hostname or ""
    guid = identity.podcast_guid(url)
    podcast = Podcast(
        id=identity.podcast_id(f"{parts.hostname} {file}", guid),
        title=f"{file} ({parts.hostname})",
        address=url,
        guid=guid,
    )
    title = file.rpartition(".")[0] or file
    enclosure = Enclosure(url, content_type.partition(";")[0].strip().lower())
    return Listing(podcast, [Episode(identity.episode_id("", url), podcast.id, title, enclosure)])


def _other_file(response: TextResponse) -> str:
    """What kind of file the response is, for a sentence; empty if it is none of these."""
    document = recognize(response.body)
    found = document.name if document and document not in READABLE else ""
    if not found and _PLAYLIST_TYPE.match(response.headers.get("Content-Type") or b""):
        # A feed may have any label.
        found = "" if response.body.lstrip()[:1] in (b"<", b"{", b"") else "a playlist"
    return found
