"""What feeds tell of rights, money, places and files beside the episode: mostly elements of Podcasting 2.0, whose
specification (https://github.com/Podcastindex-org/podcast-namespace) has the meaning of each.

Each public function is the reader of one field (``extensions._READERS``).
"""

import re

from lxml import etree

from podcrawler.details import (
    AlternateEnclosure,
    Chapter,
    ChapterFile,
    Funding,
    Image,
    Integrity,
    License,
    Location,
    Recipient,
    Soundbite,
    Source,
    Trailer,
    Transcript,
    Txt,
    UpdateFrequency,
    Value,
)
from podcrawler.sites.dates import moment
from podcrawler.sites.elements import Fields, attribute_of, text_of
from podcrawler.sites.lenient import (
    address,
    bounded,
    count,
    decimal,
    seconds_in,
    title,
    uri,
    whole_number,
    without_repetition,
    yes_or_no,
)
from podcrawler.sites.part import Part

#: What is between the addresses of ``podcast:images``, which may have commas in them.
_COMMA = re.compile(r",\s+|(?<=[0-9]w),")


# Rights and money


def license_of(part: Part) -> License | None:
    for element in part.all("podcast:license", "creativecommons:license", "cc:license", "dcterms:license"):
        text = title(text_of(element))
        url = part.address(element, "url") or part.address(element, "resource")
        if not url and "://" in text:
            url, text = address(part.base, text), ""
        if url or text:
            return License(text, url)
    return next((License("", url) for link in part.links("license") if (url := part.address(link, "href"))), None)


def funding(part: Part) -> list[Funding]:
    found = [(part.address(e, "url"), text_of(e)) for e in part.all("podcast:funding")]
    found += [(part.address(e, "href"), text_of(e)) for e in part.all("rawvoice:donate")]
    found += [(part.address(e, "href"), attribute_of(e, "title")) for e in part.links("payment")]
    return without_repetition((url, Funding(url, title(text))) for url, text in found if url)


def value(part: Part) -> list[Value]:
    return bounded(
        Value(
            type=title(attribute_of(element, "type")),
            method=title(attribute_of(element, "method")),
            suggested=decimal(attribute_of(element, "suggested")),
            recipients=bounded(map(_recipient, Fields(element).all("podcast:valuerecipient"))),
        )
        for element in part.all("podcast:value")
    )


def _recipient(element: etree._Element) -> Recipient:
    return Recipient(
        name=title(attribute_of(element, "name")),
        type=title(attribute_of(element, "type")),
        address=title(attribute_of(element, "address")),
        custom_key=title(attribute_of(element, "customkey")),
        custom_value=title(attribute_of(element, "customvalue")),
        split=count(attribute_of(element, "split")),
        fee=yes_or_no(attribute_of(element, "fee")),
    )


# Files beside the episode


def images(part: Part) -> list[Image]:
    found = [
        Image(
            href=part.address(element, "href"),
            alt=title(attribute_of(element, "alt")),
            aspect_ratio=title(attribute_of(element, "aspect-ratio")),
            width=count(attribute_of(element, "width")),
            height=count(attribute_of(element, "height")),
            type=title(attribute_of(element, "type").lower()),
            purpose=title(attribute_of(element, "purpose")),
        )
        for element in part.all("podcast:image")
    ]
    found += [
        Image(address(part.base, url.rstrip(",")), width=count(width.removesuffix("w")))
        for candidate in bounded(
            candidate
            for element in part.all("podcast:images")
            for candidate in _COMMA.split(attribute_of(element, "srcset"))
        )
        for url, _, width in [candidate.strip().partition(" ")]
    ]
    return without_repetition((image.href, image) for image in found if image.href)


def transcripts(part: Part) -> list[Transcript]:
    return bounded(
        Transcript(
            url,
            title(attribute_of(element, "type").lower()),
            title(attribute_of(element, "language")),
            title(attribute_of(element, "rel")),
        )
        for element in part.all("podcast:transcript")
        if (url := part.address(element, "url"))
    )


def chapters_file(part: Part) -> ChapterFile | None:
    found = [(part.address(e, "url"), attribute_of(e, "type")) for e in part.all("podcast:chapters")]
    found += [(part.address(e, "href"), attribute_of(e, "type")) for e in part.links("simple-chapters")]
    return next((ChapterFile(url, title(kind.lower())) for url, kind in found if url), None)


def chapters(part: Part) -> list[Chapter]:
    chapters = (child for element in part.all("psc:chapters") for child in Fields(element).all("psc:chapter"))
    return bounded(
        Chapter(start, title(attribute_of(e, "title")), part.address(e, "href"), part.address(e, "image"))
        for e in chapters
        if (start := seconds_in(attribute_of(e, "start"))) is not None
    )


def soundbites(part: Part) -> list[Soundbite]:
    return bounded(
        Soundbite(start, seconds_in(attribute_of(element, "duration")), title(text_of(element)))
        for element in part.all("podcast:soundbite")
        if (start := seconds_in(attribute_of(element, "starttime"))) is not None
    )


def alternate_enclosures(part: Part) -> list[AlternateEnclosure]:
    return bounded(
        AlternateEnclosure(
            type=title(attribute_of(element, "type").lower()),
            length=count(attribute_of(element, "length")),
            bitrate=decimal(attribute_of(element, "bitrate")),
            height=count(attribute_of(element, "height")),
            language=title(attribute_of(element, "lang")),
            title=title(attribute_of(element, "title")),
            rel=title(attribute_of(element, "rel")),
            codecs=title(attribute_of(element, "codecs")),
            default=yes_or_no(attribute_of(element, "default")),
            sources=sources,
            integrity=_integrity(Fields(element)),
        )
        for element in part.all("podcast:alternateenclosure")
        if (sources := _sources(part.base, Fields(element)))
    )


def _sources(base: str, fields: Fields) -> list[Source]:
    return bounded(
        Source(found, title(attribute_of(element, "contenttype").lower()))
        for element in fields.all("podcast:source")
        if (found := uri(base, attribute_of(element, "uri")))
    )


def _integrity(fields: Fields) -> list[Integrity]:
    return bounded(
        Integrity(title(attribute_of(element, "type").lower()), value[:10_000])
        for element in fields.all("podcast:integrity")
        if (value := attribute_of(element, "value"))
    )


def trailers(part: Part) -> list[Trailer]:
    return bounded(
        Trailer(
            url,
            title(text_of(element)),
            moment(attribute_of(element, "pubdate")),
            count(attribute_of(element, "length")),
            title(attribute_of(element, "type").lower()),
            whole_number(attribute_of(element, "season")),
        )
        for element in part.all("podcast:trailer")
        if (url := part.address(element, "url"))
    )


# The rest


def locations(part: Part) -> list[Location]:
    found = (
        Location(
            title(text_of(element)),
            *(title(attribute_of(element, name)) for name in ("rel", "geo", "osm", "country")),
        )
        for element in part.all("podcast:location", "rawvoice:location")
    )
    return bounded(location for location in found if location != Location(rel=location.rel))


def txt(part: Part) -> list[Txt]:
    elements = part.all("podcast:txt")
    return bounded(Txt(text[:4_000], title(attribute_of(e, "purpose"))) for e in elements if (text := text_of(e)))


def update_frequency(part: Part) -> UpdateFrequency | None:
    for element in part.all("podcast:updatefrequency", "rawvoice:frequency"):
        found = UpdateFrequency(
            title(text_of(element)),
            yes_or_no(attribute_of(element, "complete")),
            title(attribute_of(element, "dtstart")),
            title(attribute_of(element, "rrule")),
        )
        if found != UpdateFrequency():
            return found
    return None
