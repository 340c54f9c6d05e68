"""What is printed and logged. Titles, addresses, sentences of hosts and values in Redis come from outside: control
characters in them could command a terminal, and others turn the direction of the text or hide in it (CVE-2021-42574).
None is shown as it is, and no login is.
"""

import json
import logging
import sys
from typing import Any

from typing_extensions import override

from podcrawler.logins import masked, without_logins

_FORMATTER = logging.Formatter()


def say(line: str, *, is_error: bool = False) -> None:
    """Print a line to standard output, or to standard error."""
    stream = sys.stderr if is_error else sys.stdout
    text = printable(line)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=is_error)


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
    """Have all that this process logs from now on as ``printable``, whoever logs it: Scrapy tells its settings, and
    requests and items as they are. Records are changed, because Scrapy replaces its handler, and users may have others.
    """
    logging.setLogRecordFactory(_LogRecord)


class _LogRecord(logging.LogRecord):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if isinstance(self.exc_info, tuple) and self.exc_info[0] is not None:
            # Handlers take it from here, if it is there.
            self.exc_text = _presentable(_FORMATTER.formatException(self.exc_info), kept="\n\t")

    @override
    def getMessage(self) -> str:
        # A table of stats has lines.
        return _presentable(super().getMessage(), kept="\n\t")


def _presentable(text: str, kept: str = "") -> str:
    text = masked(text)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in kept else "\N{REPLACEMENT CHARACTER}" for char in text)


def _escaped(char: str) -> str:
    return char if char.isprintable() else json.dumps(char)[1:-1]
