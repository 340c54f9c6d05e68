"""A page of a site without code while it is read: the selectors of the file go in, plain values come out.

What a selector finds may be anything: of several results the first that is usable counts, and what is not usable is
noted for the user who writes the file.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

from lxml import etree
from lxml.etree import _Element
from scrapy.http import TextResponse

from podcrawler.exceptions import ListingError
from podcrawler.items import Enclosure
from podcrawler.sites import selectors
from podcrawler.sites.reading import one_line, page_base, web_url
from podcrawler.sites.selectors import Result
from podcrawler.sites.toml_schema import EpisodeKeys, IdValue, Place, Value

#: The attributes that an element may have its address in, in order of preference.
_ADDRESS_ATTRIBUTES = ("href", "src", "content", "value")
_MOST_ENTRIES = 10_000
#: Of one selector in one entry: those after them are not looked at.
_MOST_RESULTS = 100
_MOST_LINKS = 1_000
#: Of a processor, for one page. 10,000 entries with all their values take about 3.
_SECONDS = 10.0

V = TypeVar("V", bound=Value)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Link:
    """What a place for an address has. The media type is that of the element, which is often missing."""

    url: str = ""
    type: str = ""
    #: The first text that is not the address of a web page or file, if none is.
    unusable: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """What an entry of a list tells of an episode, or the episode's own page; empty where it tells nothing."""

    title: str = ""
    audio: Enclosure | None = None
    #: What stands in the place of the audio's address and is none.
    unusable_audio: str = ""
    published: datetime | None = None
    duration: int | None = None
    description: str = ""
    image: str = ""


class Page:
    """One page, and what on it could not be understood. Its methods raise ListingError."""

    def __init__(self, response: TextResponse, source: str) -> None:
        """``source`` is the name of the file, for messages."""
        self.url = response.url
        self._html = selectors.Html(response)
        self.root = self._html.root
        #: By key of the file: the first text that was found there and is no address, date or duration.
        self.unread: dict[str, str] = {}
        self._base = page_base(response)
        self._source = source
        self._end = time.thread_time() + _SECONDS

    def elements(self, key: str, place: Place) -> list[_Element]:
        """The elements in a place of the page."""
        with self._explained(key):
            found = [result for result in self._select(place, self.root) if not isinstance(result, str)]
        if len(found) > _MOST_ENTRIES:
            raise ListingError(
                "too-large",
                f"{self.url} has {len(found)} elements for `{key}` of {self._source}, more than {_MOST_ENTRIES}; "
                "correct the selector.",
            )
        return found

    def entry(self, name: str, keys: EpisodeKeys, context: _Element) -> Entry:
        """What the table ``name`` finds in an element."""
        audio = self.link(f"{name}.audio", keys.audio, context)
        return Entry(
            title=self.text(f"{name}.title", keys.title, context),
            audio=Enclosure(audio.url, audio.type) if audio.url else None,
            unusable_audio=audio.unusable,
            published=self._read(f"{name}.date", keys.date, context, lambda value, text: value.read(text)),
            duration=self._read(f"{name}.duration", keys.duration, context, lambda value, text: value.read(text)),
            description=self.text(f"{name}.description", keys.description, context),
            image=self.link(f"{name}.image", keys.image, context).url,
        )

    def text(self, key: str, values: Iterable[Value], context: _Element, *, other_than: str = "") -> str:
        """The first text that is not empty, on one line; empty if there is none."""
        lines = (one_line(value.part(text)) for value, _, text in self._texts(key, values, context))
        with self._explained(key):
            return next((line for line in lines if line and line != other_than), "")

    def link(self, key: str, values: Iterable[Value], context: _Element) -> Link:
        """The first address of the web."""
        unusable = ""
        with self._explained(key):
            for value, result, text in self._texts(key, values, context, _address_in):
                given = value.part(text).strip()
                if url := web_url(self._base, given):
                    kind = "" if isinstance(result, str) else result.get("type", "")
                    return Link(url, kind.strip() if "/" in kind else "")
                unusable = unusable or given
        if unusable:
            self.unread.setdefault(key, unusable)
        return Link(unusable=unusable)

    def links(self, key: str, values: Iterable[Value]) -> list[str]:
        """All addresses of the web, in the order of the values and of the page."""
        with self._explained(key):
            found = [
                value.part(text) for value, _, text in self._texts(key, values, self.root, _address_in, _MOST_LINKS)
            ]
        return [url for address in found if (url := web_url(self._base, address))]

    def id(self, key: str, value: IdValue, context: _Element, address: str) -> str:
        """The text that is the id; of a value without a selector, the part of ``address``. Empty if there is none."""
        with self._explained(key):
            if value.selector is None:
                return value.part(_parameter(address, value.parameter)).strip()
            in_result = _address_in if value.parameter else selectors.text_of
            texts = (text for _, _, text in self._texts(key, [value], context, in_result))
            if value.parameter:
                texts = (_parameter(web_url(self._base, text), value.parameter) for text in texts)
            return next((part for text in texts if (part := value.part(text).strip())), "")

    def _read(self, key: str, values: Iterable[V], context: _Element, read: Callable[[V, str], T | None]) -> T | None:
        """The first text that ``read`` understands."""
        unread = ""
        with self._explained(key):
            for value, _, text in self._texts(key, values, context):
                if (understood := read(value, text)) is not None:
                    return understood
                unread = unread or text
        if unread:
            self.unread.setdefault(key, one_line(unread))
        return None

    def _texts(
        self,
        key: str,
        values: Iterable[V],
        context: _Element,
        in_result: Callable[[Result], str] = selectors.text_of,
        most: int = _MOST_RESULTS,
    ) -> Iterator[tuple[V, Result, str]]:
        """Each text that is not empty, with the value that it is of, and the result that it is in."""
        for value in values:
            if time.thread_time() > self._end:
                raise ListingError(
                    "too-large",
                    f"{self.url} takes longer than {_SECONDS:g} s to be read with {self._source}, at `{key}`; write "
                    "simpler selectors, or look for the podcast's feed.",
                )
            for result in islice(self._select(value, context), most):
                if (text := in_result(result)).strip():
                    yield value, result, text

    def _select(self, place: Place, context: _Element) -> list[Result]:
        assert place.selector is not None
        return self._html.select(place.selector, context)

    @contextmanager
    def _explained(self, key: str) -> Iterator[None]:
        """Turn what a selector or a pattern may do on a page that it was not written for into a ListingError."""
        try:
            yield
        except TimeoutError:
            raise ListingError(
                "site-file",
                f"The pattern of `{key}` in {self._source} takes too long on {self.url}; write one that does not "
                "repeat what repeats itself.",
            ) from None
        except etree.XPathError as error:
            raise ListingError(
                "site-file",
                f"The xpath of `{key}` in {self._source} cannot be used on {self.url} ({error}); correct it.",
            ) from None


def _address_in(result: Result) -> str:
    """The address that an element has in an attribute, else its text."""
    if isinstance(result, str):
        return selectors.text_of(result)
    given = (result.get(name, "") for name in _ADDRESS_ATTRIBUTES)
    return selectors.text_of(next(filter(None, given), result))


def _parameter(address: str, name: str) -> str:
    """The parameter of that name in the query of an address; without a name the address."""
    return parse_qs(urlsplit(address).query).get(name, [""])[0] if name else address
