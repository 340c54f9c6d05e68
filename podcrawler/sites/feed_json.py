"""Reads JSON Feed, versions 1.0 and 1.1 (jsonfeed.org), whose entries name their media files as attachments."""

import json
import re
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Any

from podcrawler.sites.embedded_media import is_media, media_in
from podcrawler.sites.feed_document import Document, Entry, MediaFile, T, Take
from podcrawler.sites.json_extensions import json_episode_extensions, json_podcast_extensions
from podcrawler.sites.limits import MAX_TEXT
from podcrawler.sites.reading import web_url

_ITEMS = re.compile(r'"items"\s*:\s*\[')
_BORDER = re.compile(r"\}\s*,\s*\{")
#: Objects that are tried behind an item that is broken.
_MOST_BORDERS = 1_000
#: Characters between two items.
_BETWEEN = " \t\r\n,"


def is_json_feed(text: str) -> bool:
    """Whether a document, or the first part of one, is a JSON Feed."""
    return text.lstrip("\ufeff \t\r\n").startswith("{") and (
        "jsonfeed.org" in text or ('"items"' in text and '"attachments"' in text)
    )


def read_json(text: str, url: str, take: Take[T]) -> tuple[Document, T]:
    """What a document says, and what is made of its entries. Of a broken one, those items are read that are whole.

    Raises ValueError if nothing can be made of it.
    """
    try:
        feed = json.JSONDecoder(strict=False).raw_decode(text, text.index("{"))[0]
        is_well_formed, breaks_off = True, False
    except (ValueError, RecursionError):
        items = _ITEMS.search(text)
        if not items:
            raise ValueError("the document has no items") from None
        whole, breaks_off = _whole(text, items.end())
        feed = {**_head(text[: items.start()]), "items": whole}
        is_well_formed = False
    document = _document(feed, url, is_well_formed)._replace(breaks_off=breaks_off)
    return document, take(_entry(item, url) for item in _list(feed, "items"))


def _head(text: str) -> dict[str, Any]:
    """The fields that precede the items."""
    try:
        found = json.loads(text[text.index("{") :].rstrip(_BETWEEN) + "}", strict=False)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _whole(text: str, at: int) -> tuple[list[Any], bool]:
    """The items from ``at`` on, None for one that is broken; and whether the document breaks off in one."""
    decoder = json.JSONDecoder(strict=False)
    whole: list[Any] = []
    while at < len(text):
        if text[at] in _BETWEEN:
            at += 1
            continue
        try:
            found, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            following = _next_item(text, at)
            if following < 0:
                return whole, text[at] == "{"
            found, at = None, following
        whole.append(found)
    return whole, False


def _next_item(text: str, at: int) -> int:
    """Where the next item begins behind one that is broken; -1 if there is none. What has no id may be an attachment of
    the broken one."""
    decoder = json.JSONDecoder(strict=False)
    for border in islice(_BORDER.finditer(text, at), _MOST_BORDERS):
        with suppress(ValueError, RecursionError):
            if _text(decoder.raw_decode(text, border.end() - 1)[0], "id"):
                return border.end() - 1
    return -1


def _document(feed: Any, url: str, is_well_formed: bool) -> Document:
    description = _text(feed, "description")[:MAX_TEXT]
    return Document(
        base=url,
        title=_text(feed, "title"),
        guid="",
        description=description,
        link=_text(feed, "home_page_url"),
        image=web_url(url, _text(feed, "icon") or _text(feed, "favicon")),
        language=_text(feed, "language"),
        author=_author(feed),
        details=json_podcast_extensions(feed, url, description),
        further=[next_url] if (next_url := _text(feed, "next_url")) else [],
        moved_to="",
        has_entries=bool(_list(feed, "items")),
        is_well_formed=is_well_formed,
    )


def _entry(item: Any, url: str) -> Entry:
    attachments = _attachments(item)
    description = _text(item, "content_html") or _text(item, "content_text") or _text(item, "summary")
    description = description[:MAX_TEXT]
    return Entry(
        base=url,
        title=_text(item, "title"),
        guid=_text(item, "id"),
        link=_text(item, "url") or _text(item, "external_url"),
        dates=[text for name in ("date_published", "date_modified") if (text := _text(item, name))],
        duration=next((text for one in attachments if (text := _text(one, "duration_in_seconds"))), ""),
        description=description,
        image=web_url(url, _text(item, "image") or _text(item, "banner_image")),
        details=json_episode_extensions(item, url, description),
        files=[
            MediaFile(address, _first(one, "mime_type", "type").lower(), _first(one, "size_in_bytes", "length"))
            for one in attachments
            if (address := _first(one, "url", "link"))
        ],
        other_files=[],
        embedded=partial(_embedded, item),
    )


def _attachments(item: Any) -> list[Any]:
    """Some have a single object in place of the list, or call it as RSS does."""
    for name in ("attachments", "attachment", "enclosures", "enclosure"):
        if found := _list(item, name):
            return found
        if isinstance(item, dict) and isinstance(one := item.get(name), dict):
            return [one]
    return []


def _embedded(item: Any) -> list[MediaFile]:
    """The file that the item links to as its page, else those in its HTML."""
    linked = [MediaFile(link, "", "") for name in ("url", "external_url") if is_media(link := _text(item, name))]
    return linked or media_in(_text(item, "content_html"))


def _author(found: Any) -> str:
    authors = [*_list(found, "authors"), found.get("author") if isinstance(found, dict) else None]
    return next((name for author in authors if (name := _text(author, "name"))), "")


def _text(found: Any, key: str) -> str:
    """A text or number of an object; empty if it is missing or of another type."""
    value = found.get(key) if isinstance(found, dict) else None
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _first(found: Any, *keys: str) -> str:
    return next((text for key in keys if (text := _text(found, key))), "")


def _list(found: Any, key: str) -> list[Any]:
    value = found.get(key) if isinstance(found, dict) else None
    return value if isinstance(value, list) else []
