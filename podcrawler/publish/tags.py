"""What is written as tags into a copy of an episode's file. Pure; tagging.py writes it."""

from dataclasses import dataclass

from podcrawler.items import Episode, Podcast
from podcrawler.plain_text import plain_text

GENRE = "Podcast"
#: More are no number of a track or a season.
_MOST = 65_535


@dataclass(frozen=True, slots=True)
class Picture:
    """A cover."""

    #: The media type.
    type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Tags:
    """Texts that are empty, and numbers that are None, leave what the file has."""

    title: str = ""
    #: The podcast.
    album: str = ""
    artist: str = ""
    #: ISO 8601, a day.
    date: str = ""
    #: From 1.
    track: int | None = None
    disc: int | None = None
    #: Plain text.
    comment: str = ""
    #: RFC 5646.
    language: str = ""
    #: The episode's page.
    url: str = ""
    cover: Picture | None = None


def tags_of(podcast: Podcast, episode: Episode, cover: Picture | None) -> Tags:
    """The tags of an episode's file."""
    authors = (podcast.author, *(one.name for one in (*podcast.authors, *episode.authors)))
    return Tags(
        title=_written(episode.title),
        album=_written(podcast.title or podcast.id),
        artist=_written(next(filter(None, authors), "")),
        date=episode.published.date().isoformat() if episode.published else "",
        track=_number(episode.episode),
        disc=_number(episode.season),
        comment=_written(plain_text(episode.description or episode.content)),
        language=_written(episode.language or podcast.language),
        url=_written(episode.page),
        cover=cover,
    )


def _written(text: str) -> str:
    """The text as any tag can have it: a zero ends those of ID3, and no UTF-8 has halves of surrogate pairs."""
    return text.replace("\0", "").encode(errors="replace").decode().strip()


def _number(told: int | float | None) -> int | None:
    return told if isinstance(told, int) and 0 < told <= _MOST else None
