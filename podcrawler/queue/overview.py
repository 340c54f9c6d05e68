"""What looks at an archive reads: its schema, whether it is paused, its podcasts, and what its nodes report.

archive.py has what changes it. This module is quick to import. Everything here blocks on Redis.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, cast, get_args

from podcrawler.exceptions import RedisError
from podcrawler.queue.base import InRedis
from podcrawler.queue.forms import encodable
from podcrawler.queue.naming import legal_id
from podcrawler.queue.values import LAST_TIME, moment, tell, text, whole

#: The version of the keys and values in Redis, so that nodes of different versions never work on one queue. It goes
#: up by one with every change that the version before could not read; docs/queue-operations.md says how to upgrade.
SCHEMA = 1
#: Seconds after which the report of a node that wrote no other expires.
REPORT_SECONDS = 15
#: Bytes of values that a report takes at most, and those of one that is read: of another release it may be longer.
REPORT_BYTES = 4096
_MOST_READ = 4 * REPORT_BYTES
#: Reports that are read, of the nodes that wrote one last.
_MOST_NODES = 1000


@dataclass(frozen=True, slots=True)
class InHand:
    """An episode that a node is downloading."""

    key: str
    #: Its beginning, if it is a long one.
    title: str
    #: Bytes so far, and the bytes that the server announced (None: it did not).
    received: int
    expected: int | None
    #: Bytes per second, averaged over the last few reports.
    rate: float = 0.0
    #: Bytes of those received that an earlier transfer left.
    resumed: int = 0


#: What a node does: it works; it waits for something that can be leased; it is paused, which ``holds_off`` explains; it
#: finishes what it has begun, and then ends; it ends at once.
State = Literal["working", "waiting", "paused", "draining", "stopping"]


@dataclass(frozen=True, slots=True)
class Report:
    """The last report of a node. Its fields are those of the hash in Redis, and of ``status --json``. Nothing in it
    changes, because a call that writes it may be repeated."""

    name: str
    spider: str
    pid: int
    host: str
    #: Seconds since 1970, by Redis's clock.
    started: float
    seen: float
    finished: int
    failed: int
    bytes: int
    #: What is being downloaded, as far as a report has room for it.
    in_hand: tuple[InHand, ...] = ()
    #: How many episodes are being downloaded; None: all that are in hand.
    transfers: int | None = None
    #: How many leases the node holds.
    leases: int = 0
    #: None: a node of an earlier release, which does not say.
    state: State | None = None
    #: What the tokens of its leases begin with (``Broker.mark``); empty: as above.
    mark: str = ""
    #: Why the node starts nothing new for now; empty while it does.
    holds_off: str = ""
    #: What one of its hooks did wrong last, as the end of a sentence; empty if none did.
    complaint: str = ""
    #: Seconds since ``seen`` when it was read. Not in the hash.
    age: float = 0.0


#: The fields of the hash of a report.
_REPORTED = [field.name for field in fields(Report) if field.name not in ("name", "age")]


class Overview(InRedis):
    """One archive in Redis, to look at."""

    def check_schema(self, *, mark: bool = False) -> None:
        """Raises RedisError if the archive has another schema than ours. With ``mark``, one that has none gets ours."""
        if mark:
            self._redis.setnx(f"{self._keys.archive}schema", SCHEMA)
        found = self._redis.get(f"{self._keys.archive}schema")
        if found is not None and (version := text(found)) != str(SCHEMA):
            raise RedisError(
                f"The queue {self._keys.archive}* in this Redis has schema {version}, and this podcrawler works with "
                f"{SCHEMA}: install the version that the other nodes have, or upgrade as docs/queue-operations.md says."
            )

    def is_paused(self) -> bool:
        return bool(self._redis.exists(self._keys.paused))

    def podcast_ids(self) -> list[str]:
        """The ids of all podcasts that a list page was finished for."""
        return [name for found in self._redis.hkeys(self._keys.podcasts) if (name := legal_id(found))]

    def reports(self) -> list[Report]:
        """The reports of all nodes that are alive, by name."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.time()
        pipe.zrevrange(self._keys.nodes, 0, _MOST_NODES - 1, withscores=True)
        time, found = pipe.execute()
        now = moment(time)
        names = sorted(text(name) for name, seen in found if abs(now - seen) <= REPORT_SECONDS)
        for name in names:
            for field in _REPORTED:
                pipe.hstrlen(self._keys.node(name), field)
        lengths = pipe.execute(raise_on_error=False)
        sizes = [lengths[start : start + len(_REPORTED)] for start in range(0, len(lengths), len(_REPORTED))]
        fitting = [name for name, size in zip(names, sizes, strict=True) if _fits(name, size)]
        for name in fitting:
            pipe.hmget(self._keys.node(name), _REPORTED)
        reports = (_report(name, values, now) for name, values in zip(fitting, pipe.execute(), strict=True))
        return [report for report in reports if report]


def _fits(name: str, lengths: Sequence[int | Exception]) -> bool:
    """Whether these are the lengths of the values of a report."""
    if any(isinstance(length, Exception) for length in lengths):
        tell(f"the report of the node {name}", "it has another type")
        return False
    if (size := sum(cast("Sequence[int]", lengths))) > _MOST_READ:
        tell(f"the report of the node {name}", f"it has {size} bytes")
    return 0 < size <= _MOST_READ


def _report(name: str, values: Sequence[bytes | None], now: float) -> Report | None:
    """The report; None if it has ended meanwhile, or cannot be read."""
    try:
        fields = {field: json.loads(value) for field, value in zip(_REPORTED, values, strict=True) if value is not None}
        if not fields:
            return None
    except (ValueError, RecursionError) as error:
        tell(f"the report of the node {name}", error)
        return None
    try:
        report = Report(name, **{field: _CHECKS[field](value) for field, value in fields.items()})
    except (ValueError, TypeError) as error:
        tell(f"the report of the node {name}", error)
        return None
    return replace(report, age=max(0.0, now - report.seen))


# What a report may have. By hand, because every look at an archive at work reads one, and what would check it otherwise
# takes as long to import as all the rest.


def _text(value: object) -> str:
    if not isinstance(value, str) or not encodable(value):
        raise ValueError("a text is none")
    return value


def _count(value: object) -> int:
    if (found := whole(value)) is None:
        raise ValueError("a number is none, or out of its range")
    return found


def _time(value: object) -> float:
    return _real(value, LAST_TIME)


def _rate(value: object) -> float:
    return _real(value, 1e15)


def _real(value: object, most: float) -> float:
    # Neither infinite nor NaN.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
        raise ValueError("a number is none, or out of its range")
    return float(value)


def _state(value: object) -> State | None:
    if value is not None and value not in get_args(State):
        raise ValueError("its state is unknown")
    return cast("State | None", value)


def _in_hand(value: object) -> tuple[InHand, ...]:
    if not isinstance(value, list):
        raise ValueError("what it has in hand is no list")
    return tuple(map(_one_in_hand, value))


def _one_in_hand(value: object) -> InHand:
    match value:
        case {"key": key, "title": title, "received": received, "expected": expected, **rest}:
            rate, resumed = _rate(rest.get("rate", 0.0)), _count(rest.get("resumed", 0))
            return InHand(_text(key), _text(title), _count(received), _optional_count(expected), rate, resumed)
    raise ValueError("what it has in hand is no episode")


def _optional_count(value: object) -> int | None:
    return None if value is None else _count(value)


_CHECKS: Mapping[str, Callable[[object], Any]] = {
    **dict.fromkeys(("spider", "host", "mark", "holds_off", "complaint"), _text),
    **dict.fromkeys(("pid", "finished", "failed", "bytes", "leases"), _count),
    **dict.fromkeys(("started", "seen"), _time),
    "in_hand": _in_hand,
    "transfers": _optional_count,
    "state": _state,
}
