"""CSS selectors, XPaths and regular expressions that a user wrote: compiled once, and bounded on hostile pages.

A page may be anything. It is parsed to a limited depth and refused if a selector could take too long on it, only the
beginning of a text is read, and a regular expression gets a time limit.
"""

from collections.abc import Iterator

import regex
from cssselect import SelectorError
from cssselect.xpath import XPathExpr
from lxml import etree
from parsel.csstranslator import HTMLTranslator
from scrapy.http import TextResponse
from typing_extensions import override

from podcrawler.exceptions import ListingError

#: Characters of a text that are read.
LONGEST_TEXT = 20_000
#: The depths of a page's elements, added: about what a selector with ancestors has to visit. A usual page of 100,000
#: elements has as many; libxml2 itself ends a page at a depth of 256.
_MOST_STEPS = 2_000_000
_PATTERN_SECONDS = 0.5
_TRIAL = etree.fromstring("<html><body><p>text</p></body></html>")


class _Translator(HTMLTranslator):
    """Writes the left side of a CSS selector as a condition on the element that is looked for.

    cssselect walks from ancestors to descendants, for which libxml2 takes time with the square of what it finds.
    """

    @override
    def xpath_descendant_combinator(self, left: XPathExpr, right: XPathExpr) -> XPathExpr:
        return right.add_condition(f"ancestor::{left}")

    @override
    def xpath_child_combinator(self, left: XPathExpr, right: XPathExpr) -> XPathExpr:
        return right.add_condition(f"parent::{left}")

    @override
    def xpath_direct_adjacent_combinator(self, left: XPathExpr, right: XPathExpr) -> XPathExpr:
        return right.add_condition(f"preceding-sibling::*[1]/self::{left}")

    @override
    def xpath_indirect_adjacent_combinator(self, left: XPathExpr, right: XPathExpr) -> XPathExpr:
        return right.add_condition(f"preceding-sibling::{left}")

    @override
    def xpath_text_simple_pseudo_element(self, xpath: XPathExpr) -> XPathExpr:  # type: ignore[override]  # the base of it
        # As everywhere in Scrapy, "div ::text" is also the text of the div itself.
        if xpath.element == "*" and xpath.condition.startswith("ancestor::"):
            xpath.condition = xpath.condition.replace("ancestor::", "ancestor-or-self::", 1)
        return super().xpath_text_simple_pseudo_element(xpath)


_TRANSLATOR = _Translator()


def css(text: object) -> object:
    """The compiled CSS selector; what is not text is returned as it is. Raises ValueError with a remedy."""
    if not isinstance(text, str):
        return text
    try:
        return etree.XPath(_TRANSLATOR.css_to_xpath(text), smart_strings=False)
    except (SelectorError, etree.XPathSyntaxError) as error:
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


def read_html(response: TextResponse) -> etree._Element:
    """The root element of a page of HTML, whatever its Content-Type; raises ListingError if it is too large."""
    # Not response.selector, which would believe a wrong Content-Type, and parses to any depth.
    parser = etree.HTMLParser(encoding="utf-8", recover=True, huge_tree=False, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(response.text.replace("\0", "").encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        root = None
    is_cut = any(error.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for error in parser.error_log)
    if is_cut or (root is not None and _steps(root) > _MOST_STEPS):
        raise ListingError(
            "too-large",
            f"{response.url} has too many elements, or too many inside of each other, to be read with selectors; look "
            "for the podcast's feed.",
        )
    return etree.fromstring("<html/>") if root is None else root


def _steps(root: etree._Element) -> int:
    steps = depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        if event == "start":
            depth += 1
            steps += depth
        else:
            depth -= 1
    return steps


def text_of(result: "etree._Element | str") -> str:
    """The text of what a selector found, of an element that of all in it; its beginning, if it is long."""
    return result[:LONGEST_TEXT] if isinstance(result, str) else "".join(_beginning(result))


def _beginning(element: etree._Element) -> Iterator[str]:
    length = 0
    for text in map(str, element.itertext()):
        yield text[: LONGEST_TEXT - length]
        length += len(text)
        if length >= LONGEST_TEXT:
            return
