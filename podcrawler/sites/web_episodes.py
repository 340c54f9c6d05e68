"""The episodes that a web page declares (JSON-LD of schema.org, Open Graph, Twitter cards), and those that it plays.

schema.org: https://schema.org/PodcastEpisode, https://schema.org/AudioObject; Open Graph: https://ogp.me/.
"""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

from parsel import Selector

from podcrawler.items import Enclosure, Episode, Podcast
from podcrawler.sites import identity
from podcrawler.sites.base import Listing
from podcrawler.sites.limits import MAX_TITLE
from podcrawler.sites.links import attribute
from podcrawler.sites.reading import one_line, seconds, web_url

_EPISODES = frozenset({"PodcastEpisode", "RadioEpisode", "Episode"})
_SERIES = frozenset({"PodcastSeries", "RadioSeries", "PodcastSeason"})
_AUDIO = frozenset({"AudioObject", "MediaObject", "PodcastEpisode", "RadioEpisode"})
#: Where an episode has its file, the first that has one counts.
_FILES = ("associatedMedia", "audio", "encoding", "contentUrl", "video")
_MAX_DEPTH = 20
#: Players, links or objects that are looked at, of all: a page may be full of them.
_MOST_EPISODES = 1_000
_MOST_OBJECTS = 20_000
_ISO_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?")
_MEDIA_PATH = re.compile(r"\.(?:mp3|m4a|m4b|aac|ogg|oga|opus|flac|wav|mp4|m4v)$", re.IGNORECASE)
_COMMENT = re.compile(r"^\s*(?://\s*)?<!\[CDATA\[|(?://\s*)?\]\]>\s*$|^\s*<!--|-->\s*$")
_TRAILING_COMMA = re.compile(r",(?=\s*[}\]])")


def declared_episodes(page: Selector, url: str, base: str) -> Listing:
    """The episodes that a page says it is about: in JSON-LD, else the one of its ``og:audio``."""
    objects = list(islice(_objects(page), _MOST_OBJECTS))
    found = [(one, file) for one in objects if _is(one, _EPISODES) and (file := _file_of(one, base))]
    mine = [(one, file) for one, file in found if url in _own_urls(one, base)]
    episodes = (
        mine[:1] or found or _only([(one, file) for one in objects if _is(one, _AUDIO) and (file := _file(one, base))])
    )
    podcast = _podcast(page, url, base, objects)
    if episodes:
        made = [_declared(page, url, base, one, file, podcast.id, alone=len(episodes) == 1) for one, file in episodes]
        return Listing(podcast, list({episode.id: episode for episode in reversed(made)}.values()))
    for name in ("og:audio:secure_url", "og:audio:url", "og:audio", "twitter:player:stream"):
        for address in _meta_all(page, name):
            kind = _meta(page, "og:audio:type", "twitter:player:stream:content_type").lower()
            # Some announce a player, which is a web page.
            if (stream := web_url(base, address)) and not kind.startswith("text/"):
                return Listing(podcast, [_of_page(page, url, base, Enclosure(stream, kind), podcast.id)])
    return Listing(podcast)


def played_episodes(page: Selector, url: str, base: str) -> Listing:
    """An episode for each player of a page; without any, one for each link to an audio file."""
    podcast = _podcast(page, url, base, islice(_objects(page), _MOST_OBJECTS))
    players = (page.css("audio") or page.css("video"))[:_MOST_EPISODES]
    found = [(player, enclosure) for player in players if (enclosure := _source(player, base))]
    if not found:
        found = [
            (link, Enclosure(file))
            for link in page.css("a[href]")[: 10 * _MOST_EPISODES]
            if (file := web_url(base, attribute(link, "href"))) and _MEDIA_PATH.search(urlsplit(file).path)
        ]
    enclosures = {enclosure.url: (element, enclosure) for element, enclosure in reversed(found[:_MOST_EPISODES])}
    if len(enclosures) == 1:
        ((_, enclosure),) = enclosures.values()
        return Listing(podcast, [_of_page(page, url, base, enclosure, podcast.id)])
    return Listing(
        podcast,
        [
            Episode(
                identity.episode_id("", enclosure.url), podcast.id, _title_of(element, enclosure.url), enclosure, url
            )
            for element, enclosure in enclosures.values()
        ],
    )


def feeds_of_series(page: Selector, base: str) -> list[str]:
    """The feeds that JSON-LD names (``webFeed``)."""
    named = [feed for one in islice(_objects(page), _MOST_OBJECTS) for feed in _all(one.get("webFeed"))]
    texts = [_text(feed.get("url") or feed.get("@id")) if isinstance(feed, dict) else _text(feed) for feed in named]
    return list(dict.fromkeys(filter(None, (web_url(base, text) for text in texts))))


# JSON-LD


def _objects(page: Selector) -> Iterator[dict[str, Any]]:
    """Every object in the JSON-LD of a page, nested ones after those that hold them; broken JSON is left out."""
    for script in page.xpath('//script[contains(translate(@type, "LDJSON", "ldjson"), "ld+json")]/text()').getall():
        yield from _nested(_read(script), _MAX_DEPTH)


def _read(script: str) -> Any:
    bare = _COMMENT.sub("", script).strip().removesuffix(";")
    for text in (bare, _TRAILING_COMMA.sub("", bare)):
        try:
            # Some have line breaks in texts.
            return json.JSONDecoder(strict=False).raw_decode(text)[0]
        except (ValueError, RecursionError):
            continue
    return None


def _nested(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    if depth == 0:
        return
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _nested(one, depth - 1)


def _is(one: dict[str, Any], types: frozenset[str]) -> bool:
    """Whether an object is of one of these types, with or without schema.org's address in front."""
    return any(_text(name).rpartition("/")[2].rpartition(":")[2] in types for name in _all(one.get("@type")))


def _all(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    """A text; of an object its value or name, of a list its first text."""
    match value:
        case str():
            return value.strip()
        case dict():
            return _text(value.get("@value") or value.get("name") or "")
        case [first, *_]:
            return _text(first)
        case int() | float() if not isinstance(value, bool):
            return str(value)
    return ""


def _own_urls(one: dict[str, Any], base: str) -> set[str]:
    """The addresses of the page that an object is about."""
    named = [one.get("url"), one.get("@id"), one.get("mainEntityOfPage")]
    texts = [value.get("@id") if isinstance(value, dict) else value for value in named]
    return {urldefrag(web_url(base, text)).url for text in texts if isinstance(text, str)}


def _file_of(one: dict[str, Any], base: str) -> Enclosure | None:
    """The file of an episode."""
    for name in _FILES:
        for value in _all(one.get(name)):
            if isinstance(value, dict):
                file = _file(value, base)
            else:
                address = web_url(base, _text(value))
                file = Enclosure(address) if address else None
            if file:
                return file
    return None


def _file(one: dict[str, Any], base: str) -> Enclosure | None:
    """The file of an AudioObject."""
    address = web_url(base, _text(one.get("contentUrl")))
    if not address and _MEDIA_PATH.search(urlsplit(embedded := web_url(base, _text(one.get("url")))).path):
        address = embedded
    if not address:
        return None
    size = _text(one.get("contentSize"))
    kind = _text(one.get("encodingFormat") or one.get("fileFormat")).lower()
    return Enclosure(address, kind if "/" in kind else "", int(size) if size.isdecimal() and len(size) < 19 else None)


def _only(found: list[tuple[dict[str, Any], Enclosure]]) -> list[tuple[dict[str, Any], Enclosure]]:
    """The first, if all name the same file."""
    return found[:1] if len({file.url for _, file in found}) == 1 else []


def _declared(
    page: Selector, url: str, base: str, one: dict[str, Any], file: Enclosure, podcast_id: str, *, alone: bool
) -> Episode:
    """The episode that an object describes; what it does not say, the page says if it is about this one alone."""
    guid = _text(one.get("identifier"))
    media = next(
        (value for value in _all(one.get("associatedMedia") or one.get("audio")) if isinstance(value, dict)), {}
    )
    duration = next(
        (
            found
            for value in (one, media)
            if (found := _duration(_text(value.get("duration") or value.get("timeRequired"))))
        ),
        None,
    )
    own = next((address for address in sorted(_own_urls(one, base)) if address), "")
    of_page = _of_page(page, url, base, file, podcast_id) if alone else None
    return Episode(
        id=identity.episode_id(guid, file.url),
        podcast_id=podcast_id,
        title=one_line(_text(one.get("name")) or _text(one.get("headline"))) or (of_page.title if of_page else ""),
        enclosure=file,
        page=url if alone else own,
        guid=guid,
        published=_moment(_text(one.get("datePublished") or one.get("uploadDate") or one.get("dateCreated")))
        or (of_page.published if of_page else None),
        duration=duration or (of_page.duration if of_page else None),
        description=_text(one.get("description")) or (of_page.description if of_page else ""),
        image=web_url(base, _image(one)) or (of_page.image if of_page else ""),
    )


def _image(one: dict[str, Any]) -> str:
    for image in _all(one.get("image")) + _all(one.get("thumbnailUrl")):
        if address := _text(image.get("url") or image.get("contentUrl") if isinstance(image, dict) else image):
            return address
    return ""


# The page itself


def _podcast(page: Selector, url: str, base: str, objects: Iterable[dict[str, Any]]) -> Podcast:
    """The podcast that a page is of: the series of JSON-LD, else the page's site."""
    objects = list(objects)
    series = next(
        (value for one in objects for value in _all(one.get("partOfSeries")) if isinstance(value, dict)), None
    )
    series = series or next((one for one in objects if _is(one, _SERIES)), {})
    host = urlsplit(url).hostname or ""
    title = one_line(_text(series.get("name")) or _meta(page, "og:site_name")) or host
    link = web_url(base, _text(series.get("url")) or "/")
    # Episodes of one series, each read from its own page, are in one podcast.
    guid = identity.podcast_guid(f"{link}#{title}")
    return Podcast(
        id=identity.podcast_id(title, guid),
        title=title,
        address=url,
        guid=guid,
        description=_text(series.get("description")),
        link=link,
        image=web_url(base, _image(series)),
        language=page.css("html::attr(lang)").get("").strip(),
        author=one_line(_text(series.get("author")) or _text(series.get("publisher"))),
    )


def _of_page(page: Selector, url: str, base: str, enclosure: Enclosure, podcast_id: str) -> Episode:
    """The episode of a page that has but one."""
    title = (
        _meta(page, "og:title", "twitter:title")
        or page.css("h1").xpath("string()").get("")
        or page.css("title").xpath("string()").get("")
    )
    length = _meta(page, "og:audio:duration", "music:duration", "video:duration")
    published = _meta(page, "article:published_time", "og:published_time", "datePublished", "date", "DC.date")
    return Episode(
        id=identity.episode_id("", enclosure.url),
        podcast_id=podcast_id,
        title=one_line(title) or _file_name(enclosure.url),
        enclosure=enclosure,
        page=url,
        published=_moment(published or page.css("time[datetime]::attr(datetime)").get("")),
        duration=_duration(length),
        description=_meta(page, "og:description", "description", "twitter:description"),
        image=web_url(base, _meta(page, "og:image", "twitter:image")),
    )


def _source(player: Selector, base: str) -> Enclosure | None:
    """The first file of a player."""
    for element in (player, *player.css("source")):
        for name in ("src", "data-src"):
            address = web_url(base, attribute(element, name))
            if address:
                return Enclosure(urldefrag(address).url, attribute(element, "type").partition(";")[0].strip().lower())
    return None


def _title_of(element: Selector, url: str) -> str:
    """The title of one of many players or links."""
    names = ("title", "data-title", "aria-label")
    own = next((text for name in names if (text := attribute(element, name).strip())), "")
    words = "".join(element.xpath("self::a//text()").getall())[:MAX_TITLE]
    if title := one_line(own or words):
        return title
    before = "ancestor::*[self::figure or self::li or self::article or self::section or self::div][1]"
    near = element.xpath(f"({before}//figcaption | {before}//h1 | {before}//h2 | {before}//h3 | {before}//h4)[1]")
    return one_line(near.xpath("string()").get("")) or _file_name(url)


def _file_name(url: str) -> str:
    file = unquote(urlsplit(url).path.rpartition("/")[2])
    return one_line(file.rpartition(".")[0] or file)


def _meta(page: Selector, *names: str) -> str:
    """The content of the first ``meta`` of these names that has one."""
    return next((text for name in names for text in _meta_all(page, name)), "")


def _meta_all(page: Selector, name: str) -> list[str]:
    found = page.xpath("//meta[@property=$name or @name=$name or @itemprop=$name]/@content", name=name).getall()
    return [text.strip() for text in found if text.strip()]


def _duration(text: str) -> int | None:
    """A duration of ISO 8601 (``PT1H2M3S``), or one as in feeds."""
    found = _ISO_DURATION.fullmatch(text.upper())
    if found and any(found.groups()):
        days, hours, minutes, rest = (int(part or 0) for part in found.groups())
        return ((days * 24 + hours) * 60 + minutes) * 60 + rest
    return seconds(text)


def _moment(text: str) -> datetime | None:
    """A date of ISO 8601."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
