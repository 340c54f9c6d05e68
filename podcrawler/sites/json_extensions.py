"""What JSON Feeds tell beyond addresses and titles: authors, tags, languages (JSON Feed 1.1), and podcast extensions.

JSON Feed has no extension for podcasts that everybody uses. Publishers write objects named ``_podcast`` or ``_itunes``,
whose names are those of the XML elements: ``{"_podcast": {"season": 2, "person": [{"name": "A", "role": "guest"}]}}``.
So they are turned into elements, and read as those.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from podcrawler.details import Person
from podcrawler.plain_text import legal_in_xml
from podcrawler.sites.elements import Fields
from podcrawler.sites.extensions import episode_extensions, podcast_extensions
from podcrawler.sites.lenient import address, title, without_repetition
from podcrawler.sites.limits import MAX_ELEMENTS

_NAMESPACES = {
    "_podcast": "https://podcastindex.org/namespace/1.0",
    "_itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,40}")
#: The members that hold what is the text of an XML element.
_TEXTS = ("text", "name", "title", "value")
#: Member names that differ from the element's, in lower case without underscores.
_ELEMENTS = {"persons": "person", "transcripts": "transcript", "soundbites": "soundbite", "locations": "location"}


def json_episode_extensions(item: Any, base: str, description: str = "") -> dict[str, Any]:
    """The fields of an Episode that an item of a JSON Feed tells, without those that it does not tell; empty if the
    item is no object."""
    if not isinstance(item, Mapping):
        return {}
    found = episode_extensions(Fields(_element(item)), base, description) | _standard(item, base)
    summary = _text(item.get("summary"))
    if summary and summary != description:
        found.setdefault("summary", summary)
    if language := title(_text(item.get("language"))):
        found["language"] = language
    return found


def json_podcast_extensions(feed: Any, base: str, description: str = "") -> dict[str, Any]:
    """As ``json_episode_extensions``, the fields of a Podcast that a JSON Feed tells."""
    if not isinstance(feed, Mapping):
        return {}
    found = podcast_extensions(Fields(_element(feed)), base, description) | _standard(feed, base)
    if feed.get("expired") is True:
        found["complete"] = True
    return found


def _standard(found: Mapping[str, Any], base: str) -> dict[str, Any]:
    """JSON Feed 1.1, "Top-level" and "Items"; ``author`` is that of version 1.0."""
    authors = [one for one in [*_list(found.get("authors")), found.get("author")] if isinstance(one, Mapping)]
    persons = [
        Person(
            title(_text(one.get("name")) or _text(one.get("url"))),
            image=address(base, _text(one.get("avatar"))),
            href=address(base, _text(one.get("url"))),
        )
        for one in authors
    ]
    tags = [title(_text(tag)) for tag in _list(found.get("tags"))]
    values = {
        "authors": without_repetition((person.name.lower(), person) for person in persons if person.name),
        "keywords": without_repetition((tag.lower(), tag) for tag in tags if tag),
    }
    return {field: value for field, value in values.items() if value}


def _element(found: Mapping[str, Any]) -> etree._Element:
    """The podcast extensions of an object as children of an element."""
    parent = etree.Element("item")
    for name, namespace in _NAMESPACES.items():
        if isinstance(extension := found.get(name), Mapping):
            parent.extend(_children(extension, namespace))
    return parent


def _children(extension: Mapping[str, Any], namespace: str) -> Iterator[etree._Element]:
    for name, value in extension.items():
        if not _NAME.fullmatch(name):
            continue
        local = name.replace("_", "").lower()
        for one in _list(value) if isinstance(value, list) else [value]:
            element = etree.Element(f"{{{namespace}}}{_ELEMENTS.get(local, local)}")
            if isinstance(one, Mapping):
                members = {key.replace("_", ""): _text(text) for key, text in one.items() if _NAME.fullmatch(key)}
                element.attrib.update({key: text for key, text in members.items() if text})
                element.text = next(filter(None, (members.get(key) for key in _TEXTS)), "")
            else:
                element.text = _text(one)
            yield element


def _list(value: Any) -> list[Any]:
    return value[:MAX_ELEMENTS] if isinstance(value, list) else []


def _text(value: Any) -> str:
    """A text, a number or a truth value as XML has it; empty for anything else."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return legal_in_xml(str(value)).strip() if isinstance(value, (str, int, float)) else ""
