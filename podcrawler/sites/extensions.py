"""What feeds tell beyond the core of RSS, Atom and JSON Feed: the elements of iTunes, Podcasting 2.0, Media RSS, Dublin
Core, Creative Commons, Podlove, Google Play, RawVoice and Spotify, as fields of items.

``_READERS`` has a function for each field, and the elements that it reads; a function is called for entries that have
one of them. docs/items.md is the same table in words.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any, NamedTuple

from lxml import etree

from podcrawler.details import Category, EpisodeDetails, Person, PodcastDetails
from podcrawler.plain_text import unescaped
from podcrawler.sites import enrichments
from podcrawler.sites.elements import Fields, attribute_of, text_of
from podcrawler.sites.lenient import (
    address,
    author,
    bounded,
    count,
    number,
    title,
    whole_number,
    without_repetition,
    words,
    yes_or_no,
)
from podcrawler.sites.limits import MAX_TEXT
from podcrawler.sites.part import Part

_TAG = re.compile(r"<[^<>]*>")


class _Reader(NamedTuple):
    """How a field is read: from which elements, and by which function."""

    elements: tuple[str, ...]
    read: Callable[[Part], Any]


def episode_extensions(entry: Fields, base: str, description: str = "") -> dict[str, Any]:
    """The fields of an Episode that an entry of RSS or Atom tells in extensions, without those that it does not tell.

    Addresses are relative to ``base``. Texts that say the same as ``description`` are left out.
    """
    return _read(Part(entry, base), _OF_EPISODES, description)


def podcast_extensions(channel: Fields, base: str, description: str = "") -> dict[str, Any]:
    """As ``episode_extensions``, the fields of a Podcast that a channel tells."""
    return _read(Part(channel, base), _OF_PODCASTS, description)


def picture(element: Fields, base: str) -> str:
    """The picture of an episode or the cover of a show, an absolute URL; empty if there is none."""
    if _PICTURES.isdisjoint(element.names()):
        return ""
    return next(filter(None, (address(base, text) for text in _pictures(Part(element, base)))), "")


#: The elements that ``_pictures`` reads.
_PICTURES = frozenset(
    (
        "itunes:image",
        "image",
        "googleplay:image",
        "podcast:image",
        "podcast:images",
        "media:thumbnail",
        "media:group",
        "media:content",
        "logo",
        "icon",
        "rawvoice:poster",
    )
)


def _pictures(part: Part) -> Iterator[str]:
    yield from (attribute_of(element, "href") or text_of(element) for element in part.all("itunes:image"))
    yield from (text_of(url) for image in part.all("image") for url in Fields(image).all("url"))
    yield from (attribute_of(element, "href") for element in part.all("googleplay:image"))
    yield from (image.href for image in enrichments.images(part))
    yield from (attribute_of(element, "url") for element in part.all("media:thumbnail"))
    yield from (text_of(element) for element in part.all("logo", "icon"))
    yield from (attribute_of(element, "url") for element in part.all("rawvoice:poster"))


def _read(part: Part, by_element: dict[str, list[str]], description: str) -> dict[str, Any]:
    wanted = dict.fromkeys(field for name in part.fields.names() for field in by_element.get(name, ()))
    found = {field: _READERS[field].read(part) for field in wanted}
    texts = {"": description}
    for field in ("subtitle", "summary", "content"):
        if field in found and any(_says_the_same(found[field], text) for text in texts.values()):
            del found[field]
        elif field in found:
            texts[field] = found[field]
    return {field: value for field, value in found.items() if value not in (None, "", [])}


def _says_the_same(one: str, other: str) -> bool:
    return one == other or (bool(one and other) and _letters(one) == _letters(other))


def _letters(text: str) -> str:
    """A text without tags, references and space."""
    if "&" in text:
        text = unescaped(text)
    return "".join((_TAG.sub(" ", text) if "<" in text else text).split())


# Texts


def _first_text(*names: str) -> "_Reader":
    return _Reader(names, lambda part: part.fields.text(*names)[:MAX_TEXT])


def _first_title(*names: str) -> "_Reader":
    return _Reader(names, lambda part: next((text for e in part.all(*names) if (text := title(text_of(e)))), ""))


def _content(part: Part) -> str:
    # RFC 4287 §4.1.3: a text, not a picture in Base64.
    elements = part.fields.all("content:encoded") + [
        element
        for element in part.fields.all("content")
        if attribute_of(element, "type").lower() in ("", "text", "html", "xhtml", "text/html", "text/plain")
    ]
    return next((text[:MAX_TEXT] for element in elements if (text := text_of(element))), "")


def _keywords(part: Part) -> list[str]:
    elements = part.all("itunes:keywords", "media:keywords", "dc:subject", "dcterms:subject")
    # Some have them in an attribute, as categories have their names.
    texts = [text_of(element) or attribute_of(element, "text") for element in elements]
    return without_repetition((word.lower(), word) for text in texts for word in words(text))


def _word_of(name: str, *known: str) -> "_Reader":
    return _Reader(
        (name,), lambda part: next((word for e in part.all(name) if (word := text_of(e).lower()) in known), "")
    )


# Numbers, and yes or no


def _answer(*names: str) -> "_Reader":
    """The first yes or no; of ``podcast:block``, one that is meant for all."""
    return _Reader(
        names,
        lambda part: next(
            (
                answer
                for element in part.all(*names)
                if not attribute_of(element, "id") and (answer := yes_or_no(text_of(element))) is not None
            ),
            None,
        ),
    )


def _season(part: Part) -> int | None:
    elements = part.all("podcast:season", "itunes:season")
    return next((found for e in elements if (found := whole_number(text_of(e))) is not None), None)


def _episode(part: Part) -> int | float | None:
    elements = part.all("podcast:episode", "itunes:episode")
    return next((found for e in elements if (found := number(text_of(e))) is not None), None)


def _spotify_limit(part: Part) -> int | None:
    return count(part.fields.attribute("spotify:limit", "recentcount"))


def _blocked_on(part: Part) -> list[str]:
    elements = part.all("podcast:block")
    return bounded(name for e in elements if (name := title(attribute_of(e, "id"))) and yes_or_no(text_of(e)))


def _countries(part: Part) -> list[str]:
    texts = " ".join(text_of(element) for element in part.all("spotify:countryoforigin"))
    return bounded(title(word) for word in re.split(r"[\s,]+", texts) if word)


# Persons


def _owner(part: Part) -> Person | None:
    for element in part.all("itunes:owner", "googleplay:owner"):
        fields = Fields(element)
        name = fields.text("itunes:name", "googleplay:name", "name")
        email = fields.text("itunes:email", "googleplay:email", "email")
        if name or email:
            return Person(title(name), email=title(email))
        if text := text_of(element):
            return author(text)
    return None


def _authors(part: Part) -> list[Person]:
    elements = part.all("itunes:author", "googleplay:author", "author", "dc:creator", "dcterms:creator")
    found = [_atom_person(part, element) if len(element) else author(text_of(element)) for element in elements]
    return without_repetition((person.name.lower(), person) for person in found if person.name)


def _atom_person(part: Part, element: etree._Element, role: str = "") -> Person:
    """RFC 4287 §3.2; Atom 0.3 called the address ``url``."""
    fields = Fields(element)
    email = title(fields.text("email"))
    name = title(fields.text("name") or email or text_of(element))
    return Person(name, role, href=address(part.base, fields.text("uri", "url")), email=email)


def _persons(part: Part) -> list[Person]:
    found = [
        # The specification has these defaults.
        Person(
            title(text_of(element)),
            title(attribute_of(element, "role")) or "host",
            title(attribute_of(element, "group")) or "cast",
            part.address(element, "img"),
            part.address(element, "href"),
        )
        for element in part.all("podcast:person")
    ]
    found += [Person(title(text_of(e)), title(attribute_of(e, "role"))) for e in part.all("media:credit")]
    found += [_atom_person(part, e, "contributor") for e in part.all("contributor", "dc:contributor")]
    return without_repetition(((p.name.lower(), p.role.lower()), p) for p in found if p.name)


# Subjects


def _categories(part: Part) -> list[Category]:
    names: dict[str, str] = {}
    inner: dict[str, dict[str, None]] = {}
    for element in part.all("itunes:category", "googleplay:category", "category", "media:category"):
        if name := _category_name(element):
            key = name.lower()
            names.setdefault(key, name)
            found = map(_category_name, element.iterchildren(etree.Element))
            inner.setdefault(key, {}).update(dict.fromkeys(filter(None, found)))
    return bounded(Category(name, bounded(inner[key])) for key, name in names.items())


def _category_name(element: etree._Element) -> str:
    """iTunes: an attribute; RSS: the text; Atom: a label or term (RFC 4287 §4.2.2)."""
    names = [attribute_of(element, "text"), attribute_of(element, "label"), (element.text or "").strip()]
    return title(next(filter(None, [*names, attribute_of(element, "term")]), ""))


def _attribute(element: str, name: str) -> _Reader:
    return _Reader((element,), lambda part: title(part.fields.attribute(element, name)))


#: By field of Podcast or Episode or both. Of several elements that tell one value, the first in this order is believed.
_READERS = {
    "subtitle": _first_text("itunes:subtitle"),
    "summary": _first_text("itunes:summary", "summary", "googleplay:description"),
    "content": _Reader(("content:encoded", "content"), _content),
    "type": _word_of("itunes:type", "episodic", "serial"),
    "medium": _first_title("podcast:medium"),
    "season": _Reader(("podcast:season", "itunes:season"), _season),
    "season_name": _attribute("podcast:season", "name"),
    "episode": _Reader(("podcast:episode", "itunes:episode"), _episode),
    "episode_display": _attribute("podcast:episode", "display"),
    "episode_type": _word_of("itunes:episodetype", "full", "trailer", "bonus"),
    "explicit": _answer("itunes:explicit", "googleplay:explicit", "media:rating"),
    "complete": _answer("itunes:complete"),
    "block": _answer("itunes:block", "googleplay:block", "podcast:block"),
    "blocked_on": _Reader(("podcast:block",), _blocked_on),
    "locked": _answer("podcast:locked"),
    "locked_owner": _attribute("podcast:locked", "owner"),
    "language": _first_title("language", "dc:language", "dcterms:language"),
    "owner": _Reader(("itunes:owner", "googleplay:owner"), _owner),
    "authors": _Reader(("itunes:author", "googleplay:author", "author", "dc:creator", "dcterms:creator"), _authors),
    "persons": _Reader(("podcast:person", "media:credit", "contributor", "dc:contributor"), _persons),
    "categories": _Reader(("itunes:category", "googleplay:category", "category", "media:category"), _categories),
    "keywords": _Reader(("itunes:keywords", "media:keywords", "dc:subject", "dcterms:subject"), _keywords),
    "copyright": _first_title("copyright", "rights", "dc:rights", "dcterms:rights", "media:copyright"),
    "license": _Reader(
        ("podcast:license", "creativecommons:license", "cc:license", "dcterms:license", "link"), enrichments.license_of
    ),
    "images": _Reader(("podcast:image", "podcast:images"), enrichments.images),
    "funding": _Reader(("podcast:funding", "rawvoice:donate", "link"), enrichments.funding),
    "transcripts": _Reader(("podcast:transcript",), enrichments.transcripts),
    "chapters_file": _Reader(("podcast:chapters", "link"), enrichments.chapters_file),
    "chapters": _Reader(("psc:chapters",), enrichments.chapters),
    "soundbites": _Reader(("podcast:soundbite",), enrichments.soundbites),
    "value": _Reader(("podcast:value",), enrichments.value),
    "locations": _Reader(("podcast:location", "rawvoice:location"), enrichments.locations),
    "trailers": _Reader(("podcast:trailer",), enrichments.trailers),
    "txt": _Reader(("podcast:txt",), enrichments.txt),
    "alternate_enclosures": _Reader(("podcast:alternateenclosure",), enrichments.alternate_enclosures),
    "update_frequency": _Reader(("podcast:updatefrequency", "rawvoice:frequency"), enrichments.update_frequency),
    "spotify_limit": _Reader(("spotify:limit",), _spotify_limit),
    "countries": _Reader(("spotify:countryoforigin",), _countries),
}


def _by_element(told: set[str]) -> dict[str, list[str]]:
    """Which of the fields each element tells."""
    found: dict[str, list[str]] = {}
    for field in _READERS.keys() & told:
        elements = _READERS[field].elements
        holders = ("media:group", "media:content") if any(name.startswith("media:") for name in elements) else ()
        for name in (*elements, *holders):
            found.setdefault(name, []).append(field)
    return found


_OF_EPISODES = _by_element({field.name for field in fields(EpisodeDetails)})
_OF_PODCASTS = _by_element({field.name for field in fields(PodcastDetails)})
