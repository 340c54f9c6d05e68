"""What a case of the corpus is, and what its feeds are written with."""

import hashlib
from typing import NamedTuple

from podcrawler.sites.cause import Cause

ITUNES = 'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"'
MEDIA = 'xmlns:media="http://search.yahoo.com/mrss/"'
ATOM = 'xmlns="http://www.w3.org/2005/Atom"'
RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


class Expected(NamedTuple):
    """An episode; a field that is None is not looked at."""

    id: str | None = "tea"
    title: str | None = "Tea"
    url: str | None = "http://m.example/tea.mp3"
    #: The date in ISO 8601.
    published: str | None = None


class Left(NamedTuple):
    """An entry that is left out; ``named`` as in LeftOut, ``id`` of its episode."""

    cause: Cause
    title: str = "Tea"
    named: str | None = None
    id: str = ""


class Case(NamedTuple):
    name: str
    body: str | bytes
    #: Oldest first.
    episodes: list[Expected] = [Expected()]  # noqa: RUF012  # nothing changes it
    left_out: list[Left] = []  # noqa: RUF012
    content_type: str = "text/xml"


def rss(
    *items: str, root: str = "rss version='2.0'", channel: str = "<title>Weather</title>", head: str = DECLARATION
) -> str:
    """A feed of RSS with the default head and tail."""
    return f"{head}<{root}><channel>{channel}{''.join(items)}</channel></{root.split()[0]}>"


def item(
    name: str = "tea",
    *more: str,
    title: str | None = None,
    guid: str | None = None,
    file: str | None = None,
    date: str = "",
) -> str:
    """An item of RSS: ``file`` replaces its enclosure, ``more`` is added."""
    title = name.title() if title is None else title
    guid = f"<guid isPermaLink='false'>{name}</guid>" if guid is None else guid
    enclosure = f'<enclosure url="http://m.example/{name}.mp3" type="audio/mpeg" length="9"/>' if file is None else file
    published = f"<pubDate>{date}</pubDate>" if date else ""
    return f"<item><title>{title}</title>{guid}{published}{enclosure}{''.join(more)}</item>"


def enclosure(url: str, media_type: str = "audio/mpeg") -> str:
    return f'<enclosure url="{url}" type="{media_type}" length="9"/>'


def digest(text: str) -> str:
    """The id that is made of a guid, or of an address."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
