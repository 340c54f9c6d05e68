"""Entries that ended in an error, as Redis keeps them."""

import json
from dataclasses import dataclass
from typing import Any, cast, get_args

from podcrawler.exceptions import FailureClass
from podcrawler.queue.forms import encodable, from_object
from podcrawler.queue.values import LAST_TIME, text, whole


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
    #: That it was to be fetched from; empty if that cannot be read.
    host: str = ""


_CLASSES = get_args(FailureClass)
_UNREADABLE = "What Redis has of this failure cannot be read: something else has written there. Queue the entry again."


def read_failed(key: bytes, route: bytes | None, failure: bytes, payload: bytes | None) -> Failed:
    """The failed entry with this key, by its route, its record and its request. If the record cannot be read, its
    reason says so."""
    name, title = text(key), title_in(payload)
    kind, reason, failure_class, tries, at = _read(failure) or ("unreadable", _UNREADABLE, "permanent", 0, 0)
    group, host = group_of(name, route or b""), host_in(route or b"")
    return Failed(name, group, kind, reason, failure_class, tries, at, title, host)


def _read(failure: bytes) -> tuple[str, str, FailureClass, int, int] | None:
    """What is recorded of a failure: kind, reason, class, tries, and when; None if it cannot be read. By hand, because
    most looks at an archive read some, and nothing else that pydantic would have to be imported for."""
    try:
        record = json.loads(failure)
    except (ValueError, RecursionError):
        return None
    match record:
        case {"kind": str(kind), "reason": str(reason), "tries": tries, "at": at}:
            # Those that failed before there were classes have ``passing`` instead of one.
            failure_class: Any = record.get("class") or ("passing" if record.get("passing") is True else "permanent")
            counts = whole(tries), whole(at, LAST_TIME * 1000)
            if failure_class in _CLASSES and None not in counts and encodable(kind + reason):
                return kind, reason, failure_class, *cast("tuple[int, int]", counts)
    return None


def group_of(key: str, route: bytes) -> str:
    """The group of an entry, by its route; as far as its key tells, if that cannot be read."""
    # That of an episode is in its key, and an address is a group of its own.
    return _field(route, 1) or (key if "://" in key else key.partition("/")[0])


def host_in(route: bytes) -> str:
    """The host in a route; empty if that has none, or cannot be read."""
    return _field(route, 3)


def _field(route: bytes, position: int) -> str:
    """A text in a route (lua/states.lua); empty if it cannot be read."""
    try:
        fields = json.loads(route)
    except (ValueError, RecursionError):
        return ""
    found = fields[position] if isinstance(fields, list) and len(fields) > position else ""
    return found if isinstance(found, str) and encodable(found) else ""


def title_in(payload: bytes | None) -> str:
    """The title in an episode's request; empty for a list page, and for a request that cannot be read."""
    try:
        title = json.loads(payload or b"null", object_hook=_from_object)["meta"]["episode"]["title"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return title if isinstance(title, str) else ""


def _from_object(value: dict[str, Any]) -> Any:
    """As ``from_object``, and the fields of an episode for one."""
    return value["$episode"] if value.keys() == {"$episode"} else from_object(value)
