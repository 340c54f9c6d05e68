"""What podcasts and episodes have in common, as elements of RSS, iTunes and Podcasting 2.0: the opposite of
sites/extensions.py."""

from collections.abc import Iterator

from podcrawler.details import Details, Image, License, Location, Person, Value
from podcrawler.publish.elements import Element, texts


def common(told: Details) -> Iterator[Element]:
    """The elements that channels and items have alike, but for descriptions and pictures."""
    yield from texts(
        itunes__subtitle=told.subtitle,
        itunes__summary=told.summary,
        itunes__explicit=true_or_false(told.explicit),
        itunes__block="Yes" if told.block else "",
        itunes__keywords=", ".join(told.keywords),
    )
    yield from map(_person, told.persons)
    if told.license:
        yield _license(told.license)
    yield from map(_image, told.images)
    yield from (Element("podcast:funding", one.text, {"url": one.url}) for one in told.funding)
    yield from map(_value, told.value)
    yield from map(_location, told.locations)
    yield from (Element("podcast:txt", one.text, {"purpose": one.purpose}) for one in told.txt)


def authors(author: str, told: Details) -> Iterator[Element]:
    """``author`` and the others who are named so. iTunes has one, Dublin Core any number."""
    others = [person.name for person in told.authors if person.name and person.name != author]
    first, *rest = [author, *others] if author else (others or [""])
    yield from texts(itunes__author=first)
    yield from (Element("dc:creator", name) for name in rest)


def number(value: float | None) -> str:
    """A number as feeds have it; empty if there is none."""
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def true_or_false(value: bool | None) -> str:
    return {True: "true", False: "false", None: ""}[value]


def yes_or_no(value: bool | None) -> str:
    return {True: "yes", False: "no", None: ""}[value]


def _person(person: Person) -> Element:
    attributes = {"role": person.role, "group": person.group, "img": person.image, "href": person.href}
    return Element("podcast:person", person.name, attributes)


def _license(told: License) -> Element:
    return Element("podcast:license", told.name, {"url": told.url})


def _image(image: Image) -> Element:
    attributes = {
        "href": image.href,
        "alt": image.alt,
        "aspect-ratio": image.aspect_ratio,
        "width": number(image.width),
        "height": number(image.height),
        "type": image.type,
        "purpose": image.purpose,
    }
    return Element("podcast:image", "", attributes)


def _value(value: Value) -> Element:
    recipients = [
        Element(
            "podcast:valueRecipient",
            "",
            {
                "name": one.name,
                "type": one.type,
                "address": one.address,
                "customKey": one.custom_key,
                "customValue": one.custom_value,
                "split": number(one.split),
                "fee": true_or_false(one.fee),
            },
        )
        for one in value.recipients
    ]
    attributes = {
        "type": value.type,
        "method": value.method,
        # Never in the form 1e-08, which apps do not read.
        "suggested": "" if value.suggested is None else f"{value.suggested:.12f}".rstrip("0").rstrip("."),
    }
    return Element("podcast:value", "", attributes, recipients)


def _location(place: Location) -> Element:
    attributes = {"rel": place.rel, "geo": place.geo, "osm": place.osm, "country": place.country}
    return Element("podcast:location", place.name, attributes)
