"""The addresses that ``archive`` and ``subscribe`` are given: as they are, in lists of subscriptions (OPML), or one on
each line of a file or of standard input."""

import codecs
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from scrapy import Request
from scrapy.http import TextResponse

from podcrawler.exceptions import AddressError, ListingError
from podcrawler.printing import say
from podcrawler.queue.seeds import address_request
from podcrawler.sites.opml import Opml, read_outlines

_STANDARD_INPUT = "-"


class Given(NamedTuple):
    """An address, and what a list of subscriptions says of it."""

    request: Request
    title: str = ""
    #: From the outermost on.
    groups: tuple[str, ...] = ()


def read_addresses(words: Sequence[str]) -> tuple[list[Request], list[str]]:
    """As ``read_given``: the requests."""
    given, left_out = read_given(words)
    return [one.request for one in given], left_out


def read_given(words: Sequence[str]) -> tuple[list[Given], list[str]]:
    """What was given, one for each address; and what was left out of files, in sentences.

    ``-`` is standard input. Raises AddressError."""
    given: dict[str, Given] = {}
    left_out: list[str] = []
    for word in words:
        if is_document(word):
            found, not_found = _in_document(*_read(word))
            left_out += not_found
        else:
            found = [Given(_request(word))]
        for one in found:
            given.setdefault(one.request.url, one)
    return list(given.values()), left_out


def _request(word: str) -> Request:
    try:
        return address_request(word)
    except AddressError:
        if _is(word, Path.is_dir):
            raise AddressError(
                f"{word} is a folder; give the address of a podcast, or a file with addresses in it."
            ) from None
        raise


def is_document(word: str) -> bool:
    """Whether the word means what is in a file, or what comes from standard input."""
    # A pipe is what a shell makes of <(COMMAND).
    return word == _STANDARD_INPUT or _is(word, Path.is_file) or _is(word, Path.is_fifo)


def _is(word: str, what: Callable[[Path], bool]) -> bool:
    try:
        return what(Path(word).expanduser())
    except (OSError, ValueError, RuntimeError):
        return False


def _read(word: str) -> tuple[str, bytes]:
    """What messages call the document, and what is in it. Raises AddressError."""
    if word == _STANDARD_INPUT:
        if sys.stdin is None:
            raise AddressError("Standard input is closed: give the addresses as arguments, or in a file.")
        if sys.stdin.isatty():
            say("Type the addresses, one on each line; Ctrl-D ends them.", is_error=True)
        name = "standard input"
    else:
        name = word
    try:
        content = sys.stdin.buffer.read() if word == _STANDARD_INPUT else Path(word).expanduser().read_bytes()
    except OSError as error:
        raise AddressError(f"{name} cannot be read ({error.strerror}); make it readable for this user.") from error
    return name, content


def _in_document(name: str, content: bytes) -> tuple[list[Given], list[str]]:
    """The addresses in a document, and what was left out. Raises AddressError if it has none."""
    page = TextResponse(name, body=content)
    if Opml().matches(page):
        try:
            podcasts, not_found = read_outlines(page)
        except ListingError as error:
            raise AddressError(str(error)) from error
        left_out = [f"{name}: {sentence}" for sentence in not_found]
        return [Given(address_request(one.addresses[0]), one.title, one.groups) for one in podcasts], left_out
    given = list(map(Given, _on_lines(name, content)))
    if not given:
        raise AddressError(f"{name} has no addresses; write one on each line.")
    return given, []


def _on_lines(name: str, content: bytes) -> Iterator[Request]:
    """The request for the address on each line. Blank lines, and those that begin with ``#``, have none."""
    try:
        text = content.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text or text.lstrip().startswith(("<", "{", "[")):
        raise AddressError(
            f"{name} is neither a list of subscriptions (OPML) nor a list of addresses, one on each line; "
            "give the address of the podcast in place of its file."
        )
    for number, line in enumerate(text.splitlines(), 1):
        if (address := line.strip()) and not address.startswith("#"):
            try:
                yield address_request(address)
            except AddressError as error:
                raise AddressError(f"{name}, line {number}: {error}") from None
