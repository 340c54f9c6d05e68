"""What a file that describes a site may say: its tables and keys, and the sentence for a file that is wrong.

docs/toml-sites.md describes each key.
"""

import re
import tomllib
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, ClassVar, Self
from zoneinfo import ZoneInfo

import regex
from lxml import etree
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from podcrawler.exceptions import SiteFileError
from podcrawler.sites import selectors
from podcrawler.sites.reading import seconds

_LONGEST_DATE = 200
_OFFSET = re.compile(r"([+-])([0-9]{2}):([0-5][0-9])")
#: A place in a template, with the name of the group that fills it.
PLACE = re.compile(r"\{([^{}]*)\}")
_COUNT = re.compile("[0-9]{1,7}")
_UNITS = {"hours": 3600, "minutes": 60, "seconds": 1}
#: A time with which a format is tried out.
_TRIAL = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
_READ_MORE = "docs/toml-sites.md describes the keys"


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _from_css(value: object) -> object:
    """Text in place of a table is a CSS selector."""
    return {"css": value} if isinstance(value, str) else value


def _format(value: object) -> object:
    """A checked format for strptime; raises ValueError with a remedy."""
    if not isinstance(value, str):
        return value
    try:
        tried = datetime.strptime(_TRIAL.strftime(value), value)
    except (ValueError, re.error) as error:
        raise ValueError(f"{value!r} is no format of strptime ({error}); write one such as %Y-%m-%d") from None
    if tried.year != _TRIAL.year:
        raise ValueError(f"{value!r} has no year; add %Y, and read the date from where the page has the year")
    return value


def _zone(value: object) -> object:
    """A time zone by its name or offset; raises ValueError with a remedy."""
    if not isinstance(value, str):
        return value
    if offset := _OFFSET.fullmatch(value):
        sign = -1 if offset[1] == "-" else 1
        try:
            return timezone(sign * timedelta(hours=int(offset[2]), minutes=int(offset[3])))
        except ValueError:
            pass
    try:
        return ZoneInfo(value)
    # A folder of the database gives an OSError.
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{value!r} is no time zone; write a name such as Asia/Hong_Kong, or +08:00") from None


CssSelector = Annotated[selectors.Css, BeforeValidator(selectors.css)]
XPathSelector = Annotated[etree.XPath, BeforeValidator(selectors.xpath)]
Pattern = Annotated["regex.Pattern[str]", BeforeValidator(selectors.pattern)]
Patterns = Annotated[list[Pattern], Field(min_length=1), BeforeValidator(_as_list)]
Formats = Annotated[list[Annotated[str, BeforeValidator(_format)]], BeforeValidator(_as_list)]
Zone = Annotated[tzinfo, BeforeValidator(_zone)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Place(_Table):
    """Where elements, attributes or texts are: a CSS selector or an XPath."""

    _may_have_no_selector: ClassVar[bool] = False

    css: CssSelector | None = None
    xpath: XPathSelector | None = None

    @property
    def selector(self) -> selectors.Css | etree.XPath | None:
        return self.css or self.xpath

    @model_validator(mode="after")
    def _has_one_selector(self) -> Self:
        if (self.css and self.xpath) or not (self.selector or self._may_have_no_selector):
            raise ValueError("needs either css or xpath; write one of them")
        return self


class Value(Place):
    """How one value is read: its place, and the part of the text there."""

    pattern: Pattern | None = None

    def part(self, text: str) -> str:
        """What ``pattern`` finds in a text: its first group that is not empty, without groups all that it matches;
        empty if it finds nothing. Raises TimeoutError."""
        if self.pattern is None:
            return text
        match = selectors.search(self.pattern, text)
        if match is None:
            return ""
        return next(filter(None, match.groups()), "") if self.pattern.groups else match[0]


class DateValue(Value):
    """A date: in one of the formats of strptime, without a format as ISO 8601 has it."""

    format: Formats = []
    #: Of a date that tells none itself.
    zone: Zone = UTC

    def read(self, text: str) -> datetime | None:
        """The moment that a text tells; None if it is no date of these formats. Raises TimeoutError."""
        text = " ".join(self.part(text)[:_LONGEST_DATE].split())
        for form in self.format or [""]:
            with suppress(ValueError, OverflowError):
                moment = datetime.strptime(text, form) if form else datetime.fromisoformat(text)
                aware = moment if moment.tzinfo else moment.replace(tzinfo=self.zone)
                # Raises OverflowError for a moment that UTC cannot have.
                aware.astimezone(UTC)
                return aware
        return None


class DurationValue(Value):
    """A duration: seconds, M:S or H:M:S, or what the groups hours, minutes and seconds of the pattern find."""

    def read(self, text: str) -> int | None:
        """The seconds that a text tells; None if it tells none. Raises TimeoutError."""
        units = _UNITS.keys() & self.pattern.groupindex.keys() if self.pattern else set()
        if not units or self.pattern is None:
            return seconds(self.part(text))
        match = selectors.search(self.pattern, text)
        counts = {unit: match[unit] for unit in units if match[unit]} if match else {}
        if not counts or not all(_COUNT.fullmatch(count) for count in counts.values()):
            return None
        return sum(int(count) * _UNITS[unit] for unit, count in counts.items())


class IdValue(Value):
    """The id of an episode. Without a selector it is read from the address of the episode's page or file."""

    _may_have_no_selector: ClassVar[bool] = True

    #: The name of a parameter in the query of an address.
    parameter: str = ""

    @model_validator(mode="after")
    def _has_something(self) -> Self:
        if not (self.selector or self.pattern or self.parameter):
            raise ValueError("needs css, xpath, parameter or pattern; write one of them")
        return self


Id = Annotated[IdValue, BeforeValidator(_from_css)]
Values = Annotated[list[Annotated[Value, BeforeValidator(_from_css)]], BeforeValidator(_as_list)]
Dates = Annotated[list[Annotated[DateValue, BeforeValidator(_from_css)]], BeforeValidator(_as_list)]
Durations = Annotated[list[Annotated[DurationValue, BeforeValidator(_from_css)]], BeforeValidator(_as_list)]


class PodcastTable(_Table):
    """The table ``[podcast]``: what a page tells of its podcast."""

    #: Templates: ``{name}`` is what the group of that name in ``url`` matched.
    id: str = ""
    address: str = ""
    guid_from: str = ""
    title: Values = []
    description: Values = []
    link: Values = []
    image: Values = []
    language: Values = []
    author: Values = []


class EpisodeKeys(_Table):
    """What an entry of a list and the page of an episode may both tell."""

    id: Id | None = None
    title: Values = []
    audio: Values = []
    date: Dates = []
    duration: Durations = []
    description: Values = []
    image: Values = []


class ListTable(EpisodeKeys):
    """The table ``[list]``: the entries of a list page, one for each episode, and its further pages."""

    each: Annotated[Place, BeforeValidator(_from_css)]
    next: Values = []
    page: Values = []

    @model_validator(mode="after")
    def _entries_have_values_of_their_own(self) -> Self:
        for name, value in self:
            values = value if isinstance(value, list) else [value]
            for one in values if name not in ("each", "next") else ():
                if isinstance(one, Value) and one.xpath and one.xpath.path.lstrip("( ").startswith("/"):
                    raise ValueError(f"{name}: {one.xpath.path!r} searches the whole page; begin it with .//")
        return self


class EpisodeTable(EpisodeKeys):
    """The table ``[episode]``: the page of one episode."""

    url: Patterns
    audio: Annotated[Values, Field(min_length=1)]


class SiteFile(_Table):
    """All that a file says."""

    url: Patterns
    #: Parameters of a query that make no difference: addresses that differ in them alone are of the same page.
    ignored_parameters: list[str] = []
    podcast: PodcastTable = PodcastTable()
    entries: Annotated[ListTable, Field(alias="list")]
    episode: EpisodeTable | None = None

    @model_validator(mode="after")
    def _names_the_audio(self) -> Self:
        if not self.entries.audio and not self.episode:
            raise ValueError("list: audio is missing; write it, or describe the pages of the episodes in [episode]")
        if self.episode and not self.entries.audio and not self.entries.page:
            raise ValueError("list: page is missing; write where the link to the page of an episode is")
        return self

    @model_validator(mode="after")
    def _templates_name_groups(self) -> Self:
        patterns = [*self.url, *(self.episode.url if self.episode else [])]
        groups = {name for pattern in patterns for name in pattern.groupindex}
        for key in ("id", "address", "guid_from"):
            for name in PLACE.findall(getattr(self.podcast, key)):
                if name not in groups:
                    raise ValueError(f"podcast.{key}: no url has a group {name!r}; write (?P<{name}>...) in one")
        return self


def read_site_file(path: Path) -> SiteFile:
    """What a file says. Raises SiteFileError, which names the file, the key and the remedy, if it is wrong."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SiteFileError(f"{path} cannot be read: {error.strerror}; name a file that describes a site.") from None
    except UnicodeDecodeError:
        raise SiteFileError(f"{path} is not UTF-8; save it in that encoding.") from None
    except tomllib.TOMLDecodeError as error:
        raise SiteFileError(f"{path} is not TOML: {error}; selectors and patterns stand in 'single quotes'.") from None
    try:
        return SiteFile.model_validate(table)
    except ValidationError as error:
        raise SiteFileError(f"{path}: {_explanation(error.errors()[0])}.") from None


def _explanation(error: ErrorDetails) -> str:
    """The key, what is wrong with it, and the remedy."""
    names = [part for part in error["loc"] if isinstance(part, str)]
    # A selector as text is short for a table with css.
    key = ".".join(names[:-1] if names[-1:] == ["css"] else names)
    match error["type"]:
        case "value_error":
            text = str(error["ctx"]["error"])
            return f"{key}: {text}" if key else text
        case "missing":
            return f"{key} is missing; add it, {_READ_MORE}"
        case "extra_forbidden":
            near = get_close_matches(names[-1], KEYS, 1)
            return f"there is no key {key}; " + (f"did you mean {near[0]}? " if near else "") + _READ_MORE
        case "too_short":
            return f"{key} is empty; name at least one"
    return f"{key} cannot be {error['input']!r:.100}; {_READ_MORE}"


#: Every key of every table.
KEYS = {
    field.alias or name
    for table in (SiteFile, PodcastTable, ListTable, EpisodeTable, DateValue, IdValue)
    for name, field in table.model_fields.items()
}
