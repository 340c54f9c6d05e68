"""Validators: what proves that a server still sends the same version of a file, so that a transfer can be resumed
(RFC 9110 §8.8, §13.1.5, §14)."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from pydantic import BaseModel, ConfigDict, Field

#: RFC 9110 §8.8.3. Other characters than ASCII would have to be sent back in the very same bytes.
_STRONG_ETAG = re.compile(r'"[!#-~]*"')
#: RFC 9110 §14.4.
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)", re.IGNORECASE)
#: Last-Modified is a strong validator only if it is at least this much older than the answer (RFC 9110 §8.8.2.2).
_STRONG_AGE = timedelta(minutes=1)


class Validator(BaseModel):
    """A strong validator of one version of a file, taken from the 200 that began its transfer."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True)

    #: A strong entity tag with its quotes, else the date of Last-Modified, as the server wrote it.
    value: str = Field(validation_alias="validator", serialization_alias="validator")
    #: Bytes of the whole file; None if the server did not announce them.
    size: int | None
    #: ``digest`` of the address that answered: a date proves nothing about another address.
    address: str

    @classmethod
    def from_headers(cls, headers: Mapping[str, str], *, url: str, size: int | None) -> "Validator | None":
        """The validator in the headers of a 200; None if there is no strong one, or if the server takes no ranges."""
        if headers.get("Accept-Ranges", "").strip().lower() == "none":
            return None
        value = headers.get("ETag")
        if value is None:
            value = _strong_date(headers)
        elif not _STRONG_ETAG.fullmatch(value):
            # RFC 9110 §13.1.5: the date must not be used where there is a tag, and a weak tag proves no bytes.
            value = None
        return None if value is None else cls(value=value, size=size, address=digest(url))

    @property
    def _is_etag(self) -> bool:
        return self.value.startswith('"')

    def range_headers(self, url: str, offset: int) -> dict[str, str]:
        """The headers that ask ``url`` for the bytes from ``offset`` on; empty if it cannot prove this version."""
        if not self._is_etag and digest(url) != self.address:
            return {}
        return {"Range": f"bytes={offset}-", "If-Range": self.value}

    def total_size(self, headers: Mapping[str, str], offset: int) -> int | None:
        """Bytes of the whole file, if a 206 with these headers continues this version at byte ``offset``; else None."""
        content_range = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
        if content_range is None or not self._matches(headers):
            return None
        first, last = int(content_range[1]), int(content_range[2])
        size = int(content_range[3]) if content_range[3] != "*" else self.size or last + 1
        fits = first == offset <= last < size and self.size in (None, size)
        length = headers.get("Content-Length")
        return size if fits and length in (None, str(last - first + 1)) else None

    def _matches(self, headers: Mapping[str, str]) -> bool:
        """Whether a 206 is of this version. It must repeat the tag, and may leave out the date (RFC 9110 §15.3.7).
        Checked because some servers ignore If-Range."""
        if headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            return False
        if self._is_etag:
            return headers.get("ETag") == self.value
        return headers.get("Last-Modified", self.value) == self.value


def digest(text: str) -> str:
    """SHA-256 in hex digits. For addresses, which may hold secrets."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def without_query(url: str) -> str:
    """The address without query and fragment: the part of a signed address that stays the same."""
    return url.partition("#")[0].partition("?")[0]


def resource(url: str) -> str:
    """``digest`` of the address without its query: the identity of an enclosure."""
    return digest(without_query(url))


def _strong_date(headers: Mapping[str, str]) -> str | None:
    """Last-Modified, where it is a strong validator."""
    modified = headers.get("Last-Modified")
    changed, answered = _date(modified), _date(headers.get("Date"))
    return modified if changed and answered and answered - changed >= _STRONG_AGE else None


def _date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    # An HTTP date has a zone.
    return date if date.tzinfo else None
