"""The pages of the sample site: which address has which file of ``sample/pages``, or which melody.

The pages are as real ones are: RTHK's classic lists and episode pages, its newer XML lists, an RSS feed, an Atom feed.
"""

from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from sample.audio import melody

_PAGES = {page.stem: page for page in Path(__file__).with_name("pages").iterdir()}
#: The parts of a query that tell one page from another, in the order of the file names.
_TELLING = ("pid", "eid", "current_year", "display", "year", "page")
_SAME_PAGE = {"item_all-287-2013": "item_all-287", "episodeList-447-2020-1": "episodeList-447-2020"}
_TYPES = {".html": "text/html; charset=utf-8", ".xml": "text/xml; charset=utf-8"}


class Answer(NamedTuple):
    status: int
    content_type: str
    body: bytes


def answer(url: str) -> Answer:
    """What the sample answers to an absolute URL, whatever its host and folder.

    The pages name absolute addresses of that host where real ones do.
    """
    parts = urlsplit(url)
    name, _, extension = parts.path.rpartition("/")[2].rpartition(".")
    if extension == "wav":
        return Answer(200, "audio/x-wav", melody(name))
    query = parse_qs(parts.query)
    key = "-".join([name, *(query[part][0] for part in _TELLING if part in query)]) if parts.path != "/" else "index"
    page = _PAGES.get(_SAME_PAGE.get(key, key))
    if page is None:
        return Answer(404, "text/plain; charset=utf-8", f"The sample has no {parts.path}.\n".encode())
    origin = f"{parts.scheme}://{parts.netloc}".encode()
    return Answer(200, _TYPES[page.suffix], page.read_bytes().replace(b"@origin@", origin))
