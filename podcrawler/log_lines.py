"""What is logged shows no login, whoever logs it: Scrapy tells its settings, and requests and items as they are."""

import logging

from scrapy.utils.log import get_scrapy_root_handler
from typing_extensions import override

from podcrawler.logins import masked


class MaskingFormatter(logging.Formatter):
    """Lines as another formatter makes them, tracebacks included, without logins."""

    def __init__(self, lines: logging.Formatter) -> None:
        super().__init__()
        self._lines = lines

    @override
    def format(self, record: logging.LogRecord) -> str:
        return masked(self._lines.format(record))


def mask_log() -> None:
    """Mask what Scrapy's handler writes from now on, to its file or to standard error."""
    handler = get_scrapy_root_handler()
    if handler and handler.formatter and not isinstance(handler.formatter, MaskingFormatter):
        handler.setFormatter(MaskingFormatter(handler.formatter))
