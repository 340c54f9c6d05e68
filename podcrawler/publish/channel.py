"""A podcast as the elements of an RSS channel, without its items."""

from collections.abc import Iterator
from email.utils import format_datetime

from podcrawler.details import Category, Trailer, UpdateFrequency
from podcrawler.items import Podcast
from podcrawler.publish.details import authors, common, number, true_or_false, yes_or_no
from podcrawler.publish.elements import Element, texts
from podcrawler.sites.identity import podcast_guid
from podcrawler.tokens import is_secret


def channel(podcast: Podcast, address: str, cover: str) -> Iterator[Element]:
    """The podcast. ``address`` is that of its first feed here, which stands in for a web page that nobody has told;
    ``cover`` that of its cover here, empty if there is none."""
    title = podcast.title or podcast.id
    # A feed that gives each listener an address of their own is not told to others.
    source = "" if is_secret(podcast.address) else podcast.address
    link = podcast.link or source or address
    yield Element("title", title)
    yield Element("link", link)
    yield Element("description", podcast.description or title)
    yield from texts(
        language=podcast.language,
        copyright=podcast.copyright,
        generator="podcrawler",
        podcast__guid=podcast.guid or podcast_guid(podcast.address),
    )
    if source:
        yield Element("atom:link", "", {"rel": "via", "href": source})
    if image := cover or podcast.image:
        yield Element("itunes:image", "", {"href": image})
        yield Element("image", "", {}, [*texts(url=image, title=title, link=link)])
    yield from authors(podcast.author, podcast)
    if podcast.owner:
        owner = texts(itunes__name=podcast.owner.name, itunes__email=podcast.owner.email)
        yield Element("itunes:owner", "", {}, [*owner])
    yield from map(_category, podcast.categories)
    yield from texts(
        itunes__type=podcast.type,
        itunes__complete="Yes" if podcast.complete else "",
        podcast__medium=podcast.medium,
    )
    if podcast.locked is not None:
        yield Element("podcast:locked", yes_or_no(podcast.locked), {"owner": podcast.locked_owner})
    yield from (Element("podcast:block", "yes", {"id": name}) for name in podcast.blocked_on)
    yield from map(_trailer, podcast.trailers)
    if podcast.update_frequency:
        yield _frequency(podcast.update_frequency)
    yield from common(podcast)


def _category(category: Category) -> Element:
    inner = [Element("itunes:category", "", {"text": name}) for name in category.subcategories]
    return Element("itunes:category", "", {"text": category.name}, inner)


def _trailer(trailer: Trailer) -> Element:
    attributes = {
        "url": trailer.url,
        "pubdate": format_datetime(trailer.published) if trailer.published else "",
        "length": number(trailer.length),
        "type": trailer.type,
        "season": number(trailer.season),
    }
    return Element("podcast:trailer", trailer.title, attributes)


def _frequency(told: UpdateFrequency) -> Element:
    attributes = {"complete": true_or_false(told.complete), "dtstart": told.start, "rrule": told.rrule}
    return Element("podcast:updateFrequency", told.text, attributes)
