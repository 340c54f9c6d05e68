"""What is logged shows no login, whoever logs it: Scrapy tells its settings, and requests and items as they are.

The records themselves are masked, because Scrapy replaces its handler, and users may have others.
"""

import logging
import traceback
from typing import Any

from typing_extensions import override

from podcrawler.logins import masked


class MaskedRecord(logging.LogRecord):
    """A record whose message and traceback are masked."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        if isinstance(self.exc_info, tuple) and self.exc_info[0] is not None:
            # What formatters would make of it, and take as it is if it is there.
            self.exc_text = masked("".join(traceback.format_exception(*self.exc_info)).rstrip("\n"))

    @override
    def getMessage(self) -> str:
        return masked(super().getMessage())


def mask_log() -> None:
    """Have all that is logged in this process masked from now on."""
    logging.setLogRecordFactory(MaskedRecord)
