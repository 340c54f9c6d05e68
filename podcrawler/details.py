"""What publishers tell of a podcast or an episode beyond its title and its file, as values: persons, licenses, chapters
and the like.

The shapes are those of the Podcasting 2.0 namespace (https://github.com/Podcastindex-org/podcast-namespace), unless a
docstring names another source. A text that is not given is empty, a number or a yes-or-no that is not given is None.
Every ``url``, ``href`` and ``image`` is an absolute address of http or https. docs/items.md says which elements they
are read from.
"""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class Person:
    """Somebody who takes part (``podcast:person``, ``media:credit``), or an author or owner (iTunes, RSS, Atom)."""

    name: str
    #: As given; a ``podcast:person`` without one is a host, in the group "cast".
    role: str = ""
    group: str = ""
    #: A portrait, and a page about the person.
    image: str = ""
    href: str = ""
    email: str = ""


@dataclass(slots=True)
class Category:
    """A subject, with its parts in the iTunes directory (``itunes:category``)."""

    name: str
    subcategories: list[str] = field(default_factory=list)


@dataclass(slots=True)
class License:
    """``podcast:license``, or an address alone (Creative Commons; RFC 4946)."""

    #: A short name such as "cc-by-4.0".
    name: str = ""
    url: str = ""


@dataclass(slots=True)
class Image:
    """``podcast:image``; of the older ``podcast:images`` address and width alone."""

    href: str
    #: What the picture shows.
    alt: str = ""
    #: As given: "16/9" or "1.9".
    aspect_ratio: str = ""
    #: Pixels.
    width: int | None = None
    height: int | None = None
    type: str = ""
    #: As given: words such as "artwork" and "banner".
    purpose: str = ""


@dataclass(slots=True)
class Funding:
    """A page to give money on (``podcast:funding``)."""

    url: str
    text: str = ""


@dataclass(slots=True)
class Transcript:
    """A file with the spoken words (``podcast:transcript``)."""

    url: str
    type: str = ""
    language: str = ""
    #: "captions" if the file has times.
    rel: str = ""


@dataclass(slots=True)
class ChapterFile:
    """A file with the chapters (``podcast:chapters``)."""

    url: str
    type: str = ""


@dataclass(slots=True)
class Chapter:
    """A chapter that the feed itself tells (Podlove Simple Chapters 1.2), or a media file."""

    #: Seconds from the beginning of the episode.
    start: float
    title: str = ""
    href: str = ""
    image: str = ""


@dataclass(slots=True)
class Recipient:
    """Who gets a share of a payment (``podcast:valueRecipient``)."""

    name: str = ""
    #: The kind of address, such as "node".
    type: str = ""
    address: str = ""
    custom_key: str = ""
    custom_value: str = ""
    #: Shares, of the sum of all recipients' shares.
    split: int | None = None
    #: Whether the share is taken off before the others are computed.
    fee: bool | None = None


@dataclass(slots=True)
class Value:
    """A way to pay while listening (``podcast:value``)."""

    #: The payment layer, such as "lightning", and how it is used, such as "keysend".
    type: str = ""
    method: str = ""
    #: The amount that is proposed, in the unit of ``type``.
    suggested: float | None = None
    recipients: list[Recipient] = field(default_factory=list)


@dataclass(slots=True)
class Soundbite:
    """A part of the episode that serves as a sample of it (``podcast:soundbite``). Seconds."""

    start: float
    duration: float | None = None
    title: str = ""


@dataclass(slots=True)
class Location:
    """A place that the podcast comes from or is about (``podcast:location``)."""

    name: str = ""
    #: "subject" or "creator".
    rel: str = ""
    #: A geo URI (RFC 5870), and an object of OpenStreetMap.
    geo: str = ""
    osm: str = ""
    #: ISO 3166-1, two letters.
    country: str = ""


@dataclass(slots=True)
class Trailer:
    """A file that advertises the podcast (``podcast:trailer``)."""

    url: str
    title: str = ""
    published: datetime | None = None
    #: Bytes, as announced.
    length: int | None = None
    type: str = ""
    season: int | None = None


@dataclass(slots=True)
class Txt:
    """Any text, for example a proof of ownership (``podcast:txt``)."""

    text: str
    purpose: str = ""


@dataclass(slots=True)
class Source:
    """An address of an alternate file (``podcast:source``)."""

    #: Of http or https: absolute. Of another scheme, such as ipfs or magnet: as given; it is never fetched.
    uri: str
    type: str = ""


@dataclass(slots=True)
class Integrity:
    """What an alternate file can be checked with (``podcast:integrity``)."""

    #: "sri" (W3C Subresource Integrity) or "pgp-signature".
    type: str
    value: str


@dataclass(slots=True)
class AlternateEnclosure:
    """The same episode as another file (``podcast:alternateEnclosure``)."""

    type: str = ""
    #: Bytes, as announced.
    length: int | None = None
    #: Bits per second.
    bitrate: float | None = None
    #: Lines of a video.
    height: int | None = None
    language: str = ""
    title: str = ""
    #: Which files belong together, such as "default" or "commentary".
    rel: str = ""
    #: RFC 6381.
    codecs: str = ""
    #: Whether it is the same file as the enclosure.
    default: bool | None = None
    sources: list[Source] = field(default_factory=list)
    integrity: list[Integrity] = field(default_factory=list)


@dataclass(slots=True)
class UpdateFrequency:
    """When new episodes are promised (``podcast:updateFrequency``, ``rawvoice:frequency``)."""

    #: In words, such as "weekly".
    text: str = ""
    #: Whether there will be no more.
    complete: bool | None = None
    #: When it began: a date of ISO 8601, as given.
    start: str = ""
    #: A rule of RFC 5545 §3.3.10, as given.
    rrule: str = ""


@dataclass(slots=True, kw_only=True)
class Details:
    """What feeds tell of podcasts and of episodes alike."""

    #: As the publisher wrote it: plain text or HTML.
    description: str = ""
    #: Other texts, each empty if it says the same as the one before it.
    subtitle: str = ""
    summary: str = ""
    explicit: bool | None = None
    #: Whether directories shall not list it (``itunes:block``).
    block: bool | None = None
    authors: list[Person] = field(default_factory=list)
    persons: list[Person] = field(default_factory=list)
    categories: list[Category] = field(default_factory=list)
    keywords: list[str] = field(default_factory=list)
    copyright: str = ""
    license: License | None = None
    #: The pictures of ``podcast:image``, in several shapes and sizes.
    images: list[Image] = field(default_factory=list)
    funding: list[Funding] = field(default_factory=list)
    value: list[Value] = field(default_factory=list)
    locations: list[Location] = field(default_factory=list)
    txt: list[Txt] = field(default_factory=list)

    @property
    def description_text(self) -> str:
        """``description`` without markup. It is computed when it is read, so that no text is in the queue twice."""
        # Imports lxml, which whoever only counts episodes does without.
        from podcrawler.plain_text import plain_text

        return plain_text(self.description)


@dataclass(slots=True, kw_only=True)
class PodcastDetails(Details):
    """What feeds tell of a podcast."""

    #: "episodic" or "serial" (``itunes:type``).
    type: str = ""
    #: What is offered: "podcast", "music", "audiobook", ... (``podcast:medium``).
    medium: str = ""
    #: Whether no more episodes will come (``itunes:complete``).
    complete: bool | None = None
    #: The directories that shall not list it (``podcast:block`` with an id).
    blocked_on: list[str] = field(default_factory=list)
    #: Whether other hosts shall not import the feed, and whom to ask (``podcast:locked``).
    locked: bool | None = None
    locked_owner: str = ""
    owner: Person | None = None
    trailers: list[Trailer] = field(default_factory=list)
    update_frequency: UpdateFrequency | None = None
    #: How many episodes Spotify shall show (``spotify:limit``), and the countries that the podcast is for, as given.
    spotify_limit: int | None = None
    countries: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class EpisodeDetails(Details):
    """What feeds tell of an episode."""

    #: The long text (``content:encoded``); empty if it says the same as ``description``.
    content: str = ""
    season: int | None = None
    season_name: str = ""
    #: The number in its season or podcast, rarely with decimals, and what to show in its place.
    episode: int | float | None = None
    episode_display: str = ""
    #: "full", "trailer" or "bonus" (``itunes:episodeType``).
    episode_type: str = ""
    language: str = ""
    transcripts: list[Transcript] = field(default_factory=list)
    #: A file with the chapters, and chapters that the feed itself tells; publishers give either or both.
    chapters_file: ChapterFile | None = None
    chapters: list[Chapter] = field(default_factory=list)
    soundbites: list[Soundbite] = field(default_factory=list)
    alternate_enclosures: list[AlternateEnclosure] = field(default_factory=list)
