"""Which version of a file a server sends: what a transfer must know to go on with it later (RFC 9110 §13.1.5, §14)."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from pydantic import BaseModel, ConfigDict

#: RFC 9110 §8.8.3; what is not ASCII would have to be sent back in the very same bytes.
_STRONG_TAG = re.compile(r'"[!#-~]*"')
#: RFC 9110 §14.4.
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)", re.IGNORECASE)
#: A file that was changed no longer ago than this may have been changed again since (RFC 9110 §8.8.2.2).
_SETTLED = timedelta(minutes=1)


class Validator(BaseModel):
    """One version of a file, as the answer that began a transfer proved it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: A strong entity tag with its quotes, else a date, as the server wrote it.
    validator: str
    #: Bytes of the whole; None if they were not told.
    size: int | None
    #: ``digest`` of the address that answered: such a date says nothing about another one.
    address: str

    @classmethod
    def from_headers(cls, headers: Mapping[str, str], *, url: str, size: int | None) -> "Validator | None":
        """The version that the headers of a 200 prove; None if a later transfer could not tell it from another."""
        if headers.get("Accept-Ranges", "").strip().lower() == "none":
            return None
        validator = headers.get("ETag")
        if validator is None:
            validator = _settled_date(headers)
        elif not _STRONG_TAG.fullmatch(validator):
            # RFC 9110 §13.1.5: who has a tag must not use the date, and a weak tag proves nothing byte for byte.
            validator = None
        return None if validator is None else cls(validator=validator, size=size, address=digest(url))

    @property
    def _is_tag(self) -> bool:
        return self.validator.startswith('"')

    def range_headers(self, url: str, offset: int) -> dict[str, str]:
        """The headers that ask ``url`` for the bytes from ``offset`` on; none if it cannot prove this version."""
        if not self._is_tag and digest(url) != self.address:
            return {}
        return {"Range": f"bytes={offset}-", "If-Range": self.validator}

    def total_size(self, headers: Mapping[str, str], offset: int) -> int | None:
        """The bytes of the whole, if a 206 with these headers goes on at byte ``offset`` of this very version; else
        None."""
        found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
        if found is None or not self._is_proven_by(headers):
            return None
        first, last = int(found[1]), int(found[2])
        size = int(found[3]) if found[3] != "*" else self.size or last + 1
        fits = first == offset <= last < size and self.size in (None, size)
        told = headers.get("Content-Length")
        return size if fits and told in (None, str(last - first + 1)) else None

    def _is_proven_by(self, headers: Mapping[str, str]) -> bool:
        """A 206 must repeat the tag, and may leave out the date (RFC 9110 §15.3.7). Looked at because there are servers
        that pay no heed to If-Range."""
        if headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            return False
        if self._is_tag:
            return headers.get("ETag") == self.validator
        return headers.get("Last-Modified", self.validator) == self.validator


def digest(text: str) -> str:
    """SHA-256 in hex digits, for addresses, which may hold secrets."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def without_query(url: str) -> str:
    """What stays the same of a signed address."""
    return url.partition("#")[0].partition("?")[0]


def resource(url: str) -> str:
    """``digest`` of the address without its query."""
    return digest(without_query(url))


def _settled_date(headers: Mapping[str, str]) -> str | None:
    """Last-Modified, where it is a strong validator."""
    modified = headers.get("Last-Modified")
    changed, answered = _date(modified), _date(headers.get("Date"))
    return modified if changed and answered and answered - changed >= _SETTLED else None


def _date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    # A zone is missing in what is no date of HTTP.
    return date if date.tzinfo else None
