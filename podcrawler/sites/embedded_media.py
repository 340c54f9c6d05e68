"""The media files in the HTML of an entry that names none itself: what its text plays, and what it links to.

Blogs become podcasts that way: an ``<audio>`` in the post, or a link to the MP3.
"""

import re
from contextlib import suppress

from lxml import etree

from podcrawler.sites.choice import Kind, kind_of
from podcrawler.sites.feed_document import MediaFile
from podcrawler.sites.limits import MAX_FILES

_MAY_HAVE_MEDIA = re.compile(r"<(?:audio|video|source|embed|a)\s", re.IGNORECASE)
_PLAYERS = ("audio", "video", "source", "embed")


def is_media(address: str) -> bool:
    """Whether an address ends like that of an audio or video file. Its query says nothing: links to share a file have
    the file's address in it."""
    return kind_of("", address.partition("?")[0]) in (Kind.AUDIO, Kind.VIDEO)


def media_in(text: str) -> list[MediaFile]:
    """The files that HTML plays; without any, those that it links to."""
    if not _MAY_HAVE_MEDIA.search(text):
        return []
    with suppress(etree.LxmlError):
        # The document may be hostile, as XML is (``reading.XML_OPTIONS``).
        parser = etree.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False)
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
        if root is not None:
            return media_among(root)
    return []


def media_among(root: etree._Element) -> list[MediaFile]:
    """As ``media_in``, of elements of HTML in any namespace."""
    players: list[MediaFile] = []
    links: list[MediaFile] = []
    for element in root.iter(etree.Element):
        name = str(element.tag).rpartition("}")[2].lower()
        address = (element.get("src") or element.get("href") or "").strip()
        file = MediaFile(address, (element.get("type") or "").strip().lower(), "")
        if not address:
            continue
        if name in _PLAYERS and (name != "embed" or is_media(address)):
            players.append(file)
        elif name == "a" and is_media(address):
            links.append(file._replace(type=""))
    return (players or links)[:MAX_FILES]
