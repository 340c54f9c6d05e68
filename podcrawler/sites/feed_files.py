"""Which media files an entry of RSS or Atom names, whatever element has their addresses."""

from lxml import etree

from podcrawler.sites.choice import Kind, kind_of
from podcrawler.sites.elements import Fields, attribute_of, name_of, relation_of, text_of
from podcrawler.sites.embedded_media import is_media, media_among, media_in
from podcrawler.sites.feed_document import MediaFile
from podcrawler.sites.reading import web_url

#: Where HTML may be.
_TEXTS = (
    "content:encoded",
    "encoded",
    "content",
    "xhtml:body",
    "description",
    "summary",
    "itunes:summary",
    "media:description",
)
_BASE = "{http://www.w3.org/XML/1998/namespace}base"
#: Attributes that have an address; ``rdf:resource`` is that of RSS 1.0 (mod_enclosure).
_ADDRESSES = ("url", "href", "src", "resource")


def named_files(fields: Fields) -> list[MediaFile]:
    elements = fields.all("enclosure")
    elements += [link for link in fields.all("link") if "enclosure" in relation_of(link).split()]
    elements += [content for content in fields.all("content") if attribute_of(content, "src")]
    groups = fields.all("media:content", "media:group")
    media = [one for group in groups for one in group.iter(etree.Element) if name_of(one) == "media:content"]
    # Media RSS, isDefault: the one of its group that is to be taken.
    elements += sorted(media, key=lambda content: attribute_of(content, "isdefault").lower() != "true")
    return _files(elements)


def alternate_files(fields: Fields) -> list[MediaFile]:
    """Podcasting 2.0, ``podcast:alternateEnclosure``: each has one or more sources."""
    return [
        MediaFile(address, attribute_of(enclosure, "type").lower(), attribute_of(enclosure, "length"))
        for enclosure in fields.all("podcast:alternateenclosure")
        for source in Fields(enclosure).all("podcast:source")
        if (address := attribute_of(source, "uri"))
    ]


def embedded_files(fields: Fields) -> list[MediaFile]:
    """The files of an entry without an enclosure: of what is called alike, else those that it is a page of, else those
    in its HTML."""
    return _misplaced(fields) or _linked(fields) or _in_texts(fields)


def _misplaced(fields: Fields) -> list[MediaFile]:
    """Files of enclosures that are in another element, or have another prefix, such as that of RSS 1.0's module."""
    names = [name for name in fields.names() if name != "enclosure" and _local(name) in ("enclosure", "enclosures")]
    inner = [one for element in fields.all(*names) for one in element.iter(etree.Element)]
    return _files([one for one in inner if _local(name_of(one)) == "enclosure"])


def _linked(fields: Fields) -> list[MediaFile]:
    """Files that the entry links to as its page, or has as its guid."""
    links = [
        file
        for file in _files([*fields.all("link"), *fields.all("media:player")])
        if is_media(file.address) or kind_of(file.type, "") in (Kind.AUDIO, Kind.VIDEO)
    ]
    guid = fields.text("guid", "id")
    return links or ([MediaFile(guid, "", "")] if "://" in guid and is_media(guid) else [])


def _in_texts(fields: Fields) -> list[MediaFile]:
    for element in fields.all(*_TEXTS):
        if found := media_among(element) if len(element) else media_in(text_of(element)):
            return found
    return []


def _files(elements: list[etree._Element]) -> list[MediaFile]:
    return [file for element in elements if (file := _file(element)).address]


def _file(element: etree._Element) -> MediaFile:
    address = next((value for name in _ADDRESSES if (value := attribute_of(element, name))), "")
    media_type = attribute_of(element, "type") or attribute_of(element, "medium")
    length = attribute_of(element, "length") or attribute_of(element, "filesize")
    if not address and len(element):
        # What are attributes in RSS are elements to some.
        inner = Fields(element)
        address, media_type, length = (
            told or next((inner.text(one) for one in inner.names() if _local(one) == name), "")
            for name, told in (("url", ""), ("type", media_type), ("length", length))
        )
    address = address or (element.text or "").strip()
    if address and element.get(_BASE):
        address = web_url(element.base or "", address) or address
    return MediaFile(address, media_type.lower(), length)


def _local(name: str) -> str:
    return name.rpartition(":")[2]
