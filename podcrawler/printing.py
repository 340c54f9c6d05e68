"""What is printed and logged. Titles, addresses, sentences of hosts and values in Redis come from outside: control
characters in them could command a terminal, and others turn the direction of the text or hide in it (CVE-2021-42574).
None is shown as it is, and no login is; in logs, no token either.
"""

import json
import logging
import re
import sys
from collections.abc import Iterable
from typing import Any

from typing_extensions import override

from podcrawler.logins import masked, without_logins
from podcrawler.tokens import without_tokens

_FORMATTER = logging.Formatter()
_ADDRESS = re.compile(r"https?://[^\s\"'<>]+")


def say(line: str, *, is_error: bool = False) -> None:
    """Print a line to standard output, or to standard error, which is done without if its disk is full."""
    stream = sys.stderr if is_error else sys.stdout
    text = printable(line)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=is_error)
    except OSError as error:
        # What it is about matters more than telling it. Nobody reading on is the end, as for other programs.
        if not is_error or isinstance(error, BrokenPipeError):
            raise


def counted(count: int, thing: str) -> str:
    """``1 file``, or ``2 files``."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def write_document(lines: Iterable[str]) -> None:
    """Write the lines of a document to standard output in UTF-8, as they are, logins included: whoever makes them sees
    to what is in them."""
    if sys.stdout is not None:
        sys.stdout.flush()
        for line in lines:
            sys.stdout.buffer.write(f"{line}\n".encode(errors="replace"))


def printable(line: str) -> str:
    """The line without logins, and with a replacement character for each control or format character, lone surrogates
    included."""
    return _presentable(line)


def json_line(value: Any) -> str:
    """The value as JSON in one line, without logins, and with ``\\u`` and its digits for what is not printable: whoever
    reads the JSON gets the text as it is."""
    text = json.dumps(without_logins(value), ensure_ascii=False)
    return text if text.isprintable() else "".join(map(_escaped, text))


def make_log_presentable() -> None:
    """Have all that this process logs from now on as ``printable``, without tokens in addresses, whoever logs it:
    Scrapy tells its settings, and requests and items as they are. Records are changed, because Scrapy replaces its
    handler, and users may have others."""
    logging.setLogRecordFactory(_LogRecord)


class _LogRecord(logging.LogRecord):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if isinstance(self.exc_info, tuple) and self.exc_info[0] is not None:
            # Handlers take it from here, if it is there.
            self.exc_text = _logged(_FORMATTER.formatException(self.exc_info))

    @override
    def getMessage(self) -> str:
        # A table of stats has lines.
        return _logged(super().getMessage())


def _logged(text: str) -> str:
    return _presentable(_ADDRESS.sub(lambda found: without_tokens(found[0]), text), kept="\n\t")


def _presentable(text: str, kept: str = "") -> str:
    text = masked(text)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in kept else "\N{REPLACEMENT CHARACTER}" for char in text)


def _escaped(char: str) -> str:
    return char if char.isprintable() else json.dumps(char)[1:-1]
