"""The routes of the sample site: maps a URL to a file in ``sample/pages``, or to a melody.

The pages have the markup of real ones: RTHK's classic lists and episode pages, its newer XML lists, an RSS feed and an
Atom feed, a list of subscriptions, and pages that lead to these.
"""

from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from sample.audio import melody

_PAGES = {page.stem: page for page in Path(__file__).with_name("pages").iterdir()}
#: The query parameters that identify a page, in the order in which file names contain them.
_PAGE_PARAMETERS = ("pid", "eid", "current_year", "display", "year", "page")
#: Pages that have the content of another one.
_ALIASES = {"item_all-287-2013": "item_all-287", "episodeList-447-2020-1": "episodeList-447-2020"}
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".json": "text/javascript; charset=utf-8",
    ".opml": "text/x-opml; charset=utf-8",
    ".xml": "text/xml; charset=utf-8",
}


class Answer(NamedTuple):
    """An HTTP response: status code, Content-Type and body."""

    status: int
    content_type: str
    body: bytes


def answer(url: str, repeats: int = 1) -> Answer:
    """The response to a GET request for an absolute URL; its host and folder do not matter, an unknown page is a 404.

    Where real pages contain absolute URLs, these contain URLs of the requested host.
    """
    parts = urlsplit(url)
    name, _, extension = parts.path.rpartition("/")[2].rpartition(".")
    if extension == "wav":
        return Answer(200, "audio/x-wav", melody(name, repeats))
    query = parse_qs(parts.query)
    key = (
        "-".join([name, *(query[part][0] for part in _PAGE_PARAMETERS if part in query)])
        if parts.path != "/"
        else "index"
    )
    page = _PAGES.get(_ALIASES.get(key, key))
    if page is None:
        return Answer(404, "text/plain; charset=utf-8", f"The sample has no {parts.path}.\n".encode())
    origin = f"{parts.scheme}://{parts.netloc}".encode()
    return Answer(200, _TYPES[page.suffix], page.read_bytes().replace(b"@origin@", origin))
