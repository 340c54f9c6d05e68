"""Entries that ended in an error, as Redis keeps them."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import from_json

from podcrawler.exceptions import CodecError, FailureClass
from podcrawler.queue import codec
from podcrawler.queue.values import LAST_TIME, Count, text


@dataclass(frozen=True, slots=True)
class Failed:
    """An entry that ended in an error."""

    key: str
    group: str
    kind: str
    reason: str
    failure_class: FailureClass
    tries: int
    #: Milliseconds since 1970.
    at: int
    title: str


class _Record(BaseModel):
    """The JSON of a failed entry. Those that failed before there were classes have ``passing`` instead of one."""

    kind: str
    reason: str
    failure_class: FailureClass | None = Field(default=None, alias="class")
    passing: bool = False
    tries: Count
    at: Annotated[Count, Field(le=LAST_TIME * 1000)]


_UNREADABLE = "What Redis has of this failure cannot be read: something else has written there. Queue the entry again."


def read_failed(key: bytes, route: bytes | None, failure: bytes, payload: bytes | None) -> Failed:
    """The failed entry with this key, by its route, its record and its request. If the record cannot be read, its
    reason says so."""
    name, title = text(key), _title(payload)
    try:
        record = _Record.model_validate_json(failure)
    except ValidationError:
        record = _Record.model_validate({"kind": "unreadable", "reason": _UNREADABLE, "tries": 0, "at": 0})
    failure_class = record.failure_class or ("passing" if record.passing else "permanent")
    group = group_of(name, route or b"")
    return Failed(name, group, record.kind, record.reason, failure_class, record.tries, record.at, title)


def group_of(key: str, route: bytes) -> str:
    """The group of an entry, by its route; as far as its key tells, if that cannot be read."""
    try:
        fields = from_json(route)
    except ValueError:
        fields = None
    if isinstance(fields, list) and len(fields) > 1 and isinstance(fields[1], str):
        return fields[1]
    # That of an episode is in its key, and an address is a group of its own.
    return key if "://" in key else key.partition("/")[0]


def _title(payload: bytes | None) -> str:
    """The title in an episode's request; empty for a list page, and for a request that cannot be read."""
    try:
        return str(codec.loads(payload or b"null")["meta"]["episode"].title)
    except (CodecError, LookupError, TypeError, AttributeError):
        return ""
