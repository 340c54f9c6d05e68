"""Validators: what proves that a server still sends the same version of a file (RFC 9110 §8.8, §13.1.5)."""

import hashlib
import re
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from podcrawler.http_dates import http_date

#: RFC 9110 §8.8.3. Other characters than ASCII would have to be sent back in the very same bytes.
_STRONG_ETAG = re.compile(r'"[!#-~]*"')
#: Last-Modified is a strong validator only if it is at least so many seconds older than the answer (RFC 9110 §8.8.2.2).
_STRONG_AGE = 60


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
    def is_etag(self) -> bool:
        return self.value.startswith('"')

    def range_headers(self, url: str, offset: int) -> dict[str, str]:
        """The headers that ask ``url`` for the bytes from ``offset`` on; empty if it cannot prove this version."""
        if not self.is_etag and digest(url) != self.address:
            return {}
        return {"Range": f"bytes={offset}-", "If-Range": self.value}


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
    changed, answered = http_date(modified), http_date(headers.get("Date"))
    return modified if changed is not None and answered is not None and answered - changed >= _STRONG_AGE else None
