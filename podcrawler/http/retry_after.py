"""How long a host asks to wait: the header Retry-After (RFC 9110 §10.2.3), whatever a server writes there."""

import re
import time

from scrapy.http import Response

from podcrawler.http_dates import http_date

#: Seconds. More is understood as this: nobody means it.
LONGEST = 30 * 86_400.0
_NUMBER = re.compile(r"\d+(?:\.\d*)?", re.ASCII)


def retry_after(response: Response) -> float | None:
    """The seconds that a response asks to wait, from 0 to LONGEST: a number, or the time until a date by the host's own
    clock (the header Date), if it tells that. None if it asks for nothing that can be understood."""
    value = _header(response, "Retry-After")
    if _NUMBER.fullmatch(value):
        return min(float(value), LONGEST)
    until = http_date(value)
    if until is None:
        return None
    now = http_date(_header(response, "Date"))
    return min(max(0.0, until - (time.time() if now is None else now)), LONGEST)


def _header(response: Response, name: str) -> str:
    return (response.headers.get(name) or b"").decode("latin-1").strip()
