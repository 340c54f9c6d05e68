"""CSS selectors, XPaths and regular expressions that a user wrote: compiled once, and bounded on hostile pages.

A page may be anything. It is parsed to a limited depth and refused if it has too many elements, only the beginning of a
text is read, and a regular expression gets a time limit. A CSS selector takes time in proportion to the page: it is
matched part by part, because libxml2 needs quadratic time for the XPath that says the same.
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import TypeAlias, cast

import cssselect
import regex
from cssselect.parser import CombinedSelector, Element, Tree
from lxml import etree
from lxml.etree import _Element
from parsel.csstranslator import HTMLTranslator, XPathExpr
from scrapy.http import TextResponse

from podcrawler.exceptions import ListingError

#: Characters of a text that are read.
LONGEST_TEXT = 20_000
#: The sum of the depths of a page's elements: how many are visited if each element is asked for all its descendants. A
#: usual page of 100,000 elements has as many; libxml2 itself ends a page at a depth of 256.
_MOST_STEPS = 2_000_000
_PATTERN_SECONDS = 0.5
_TRIAL = etree.fromstring("<html><body><p>text</p></body></html>")
_TRANSLATOR = HTMLTranslator()

#: The combinator that leads from an element to itself and all in it.
_OR_SELF = "or self"

Result: TypeAlias = _Element | str


class Css:
    """A compiled CSS selector, with the pseudo-elements ``::attr(name)`` and ``::text``, as everywhere in Scrapy."""

    def __init__(self, text: str) -> None:
        """Raises ``cssselect.SelectorError``, or ``etree.XPathSyntaxError``."""
        self._groups = [_Group(group) for group in cssselect.parse(text)]

    def find(self, page: "Html") -> list[tuple[int, Result]]:
        """What is found on a page, with the places of the elements, in their order."""
        found = [hit for group in self._groups for hit in group.find(page)]
        return sorted(found, key=lambda hit: hit[0])


class _Group:
    """One of the selectors between commas."""

    def __init__(self, selector: cssselect.Selector) -> None:
        #: The parts from left to right, each with the combinator before it.
        self._parts: list[tuple[str, etree.XPath]] = []
        tree, pseudo = selector.parsed_tree, selector.pseudo_element
        if pseudo == "text" and isinstance(tree, CombinedSelector) and _is_any_in(tree):
            # As everywhere in Scrapy, "div ::text" is also the text of the div itself.
            self._parts.append((_OR_SELF, _part(tree.subselector)))
            tree = tree.selector
        while isinstance(tree, CombinedSelector):
            self._parts.insert(0, (tree.combinator, _part(tree.subselector)))
            tree = tree.selector
        self._parts.insert(0, ("", _part(tree)))
        #: What is taken of an element; None for the element itself.
        self._end: etree.XPath | None = None
        if pseudo:
            itself = XPathExpr("self::", "node()")
            self._end = etree.XPath(str(_TRANSLATOR.xpath_pseudo_element(itself, pseudo)), smart_strings=False)

    def find(self, page: "Html") -> Iterator[tuple[int, Result]]:
        matched: set[_Element] = set()
        for combinator, part in self._parts:
            candidates = cast("list[_Element]", part(page.root))
            if combinator:
                reached = _reached(page, matched, combinator)
                matched = {element for element in candidates if element in reached}
            else:
                matched = set(candidates)
        for element in matched:
            results = cast("list[Result]", self._end(element)) if self._end else [element]
            for result in results:
                yield page.places[element], result


def _part(tree: Tree) -> etree.XPath:
    return etree.XPath(f"descendant-or-self::{_TRANSLATOR.xpath(tree)}", smart_strings=False)


def _is_any_in(tree: CombinedSelector) -> bool:
    """Whether the selector ends like ``div *``."""
    return tree.combinator == " " and isinstance(tree.subselector, Element) and tree.subselector.element is None


def _reached(page: "Html", matched: set[_Element], combinator: str) -> set[_Element]:
    """The elements that a combinator leads to from those that matched."""
    before = _Element.getprevious if combinator in ("+", "~") else _Element.getparent
    goes_on = combinator not in (">", "+")
    reached: set[_Element] = set(matched) if combinator == _OR_SELF else set()
    for element in page.places:
        other = before(element)
        if other is not None and (other in matched or (goes_on and other in reached)):
            reached.add(element)
    return reached


class Html:
    """A page of HTML, parsed: what selectors find on it."""

    def __init__(self, response: TextResponse) -> None:
        """Raises ListingError if the page is too large."""
        self.root = _parse(response)
        #: The place of each element in the page, in that order.
        self.places: dict[_Element, int] = {}
        #: By place: the first place after all that is in the element.
        self._ends: list[int] = []
        steps = depth = 0
        for event, element in etree.iterwalk(self.root, events=("start", "end")):
            if event == "start":
                self.places[element] = len(self._ends)
                self._ends.append(0)
                depth += 1
                steps += depth
            else:
                self._ends[self.places[element]] = len(self._ends)
                depth -= 1
            if steps > _MOST_STEPS:
                raise _too_large(response.url)
        #: By selector: what it finds on the whole page, with its places.
        self._found: dict[Css, tuple[list[int], list[Result]]] = {}

    def select(self, selector: "Css | etree.XPath", context: _Element) -> list[Result]:
        """What a selector finds in an element, itself included. Raises ``etree.XPathError``."""
        if isinstance(selector, etree.XPath):
            found = selector(context)
            # ``xpath`` has refused what gives numbers and truth values.
            return cast("list[Result]", found if isinstance(found, list) else [found])
        if selector not in self._found:
            hits = selector.find(self)
            self._found[selector] = [place for place, _ in hits], [result for _, result in hits]
        places, results = self._found[selector]
        place = self.places[context]
        return results[bisect_left(places, place) : bisect_left(places, self._ends[place])]


def _parse(response: TextResponse) -> _Element:
    # Not response.selector, which would believe a wrong Content-Type, and parses to any depth.
    parser = etree.HTMLParser(encoding="utf-8", recover=True, huge_tree=False, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(response.text.replace("\0", "").encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        root = None
    # Where elements are nested too deep, the parser stops, logs this error, and returns what it has.
    if any(error.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for error in parser.error_log):
        raise _too_large(response.url)
    return etree.fromstring("<html/>") if root is None else root


def _too_large(url: str) -> ListingError:
    return ListingError(
        "too-large",
        f"{url} has too many elements, or too many inside of each other, to be read with selectors; look for the "
        "podcast's feed.",
    )


def css(text: object) -> object:
    """The compiled CSS selector; what is not text is returned as it is. Raises ValueError with a remedy."""
    if not isinstance(text, str):
        return text
    try:
        return Css(text)
    except (cssselect.SelectorError, etree.XPathSyntaxError) as error:
        raise ValueError(f"{text!r} is not a CSS selector ({error}); correct it, or use xpath") from None


def xpath(text: object) -> object:
    """The compiled XPath; what is not text is returned as it is. Raises ValueError with a remedy."""
    if not isinstance(text, str):
        return text
    try:
        compiled = etree.XPath(text, smart_strings=False)
        result = compiled(_TRIAL)
    except etree.XPathError as error:
        raise ValueError(f"{text!r} is not an XPath 1.0 ({error}); correct it, or use css") from None
    if not isinstance(result, list | str):
        raise ValueError(f"{text!r} gives a number or a truth value; select elements, attributes or text")
    return compiled


def pattern(text: object) -> object:
    """The compiled regular expression; what is not text is returned as it is. Raises ValueError with a remedy."""
    if not isinstance(text, str):
        return text
    try:
        return regex.compile(text)
    except regex.error as error:
        raise ValueError(f"{text!r} is not a regular expression ({error}); correct it") from None


def full_match(compiled: "regex.Pattern[str]", text: str) -> "regex.Match[str] | None":
    """The match of a pattern with a whole text. Raises TimeoutError if the pattern takes too long on it."""
    return compiled.fullmatch(text, timeout=_PATTERN_SECONDS)


def search(compiled: "regex.Pattern[str]", text: str) -> "regex.Match[str] | None":
    """The first match of a pattern in a text. Raises TimeoutError if the pattern takes too long on it."""
    return compiled.search(text, timeout=_PATTERN_SECONDS)


def text_of(result: Result) -> str:
    """The text of what a selector found; of an element, all text in it. Only the beginning of a long one."""
    return result[:LONGEST_TEXT] if isinstance(result, str) else "".join(_beginning(result))


def _beginning(element: _Element) -> Iterator[str]:
    length = 0
    for text in map(str, element.itertext()):
        yield text[: LONGEST_TEXT - length]
        length += len(text)
        if length >= LONGEST_TEXT:
            return
