"""What somebody who can write to Redis may put in the place of any string and number there."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.conftest import Client

#: What the fields of JSON may hold in place of what was written.
_JSON = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b'""',
    b"[1, 2",
    b"[[[]], {}, null, 1e999, true]",
    b"[" * 3000,
    b'{"$episode": {}}',
    b'{"$dict": 3}',
    b'{"url": "http://127.0.0.1:1/", "callback": "closed"}',
    b'{"url": 1, "meta": {"episode": {"$episode": {"id": "../../x", "podcast_id": "..", "title": 1}}}}',
    b'{"kind": 1, "reason": [], "tries": "many", "at": 1e300}',
    b'{"podcast": "../..", "title": null, "not_followed": 7}',
    b'{"listed": -1, "left_out": {"no-media": "x"}, "examples": []}',
    b'["episode", "show", "1", "host", "inf"]',
    b'["episode", "show", "1", "host", "nan"]',
    b'["episode", "\xff", "1", "host", "1"]',
    b'["page", "../..", 3]',
    b'{"key": "\\ud800", "received": Infinity}',
]
_TEXTS = [b"\xff\xfe\x00", b"\x1b[2J\xe2\x80\xae", b"../../etc/passwd", b"x" * 100_000, b"a b", "\N{SNOWMAN}".encode()]
_NUMBERS = [b"-1", b"0", b"1", b"1e400", b"nan", b"inf", b"0x10", b"9223372036854775807", b"9" * 400, b"1.5", b" 7"]

VALUES = st.one_of(
    st.sampled_from([*_JSON, *_TEXTS, *_NUMBERS]),
    st.binary(max_size=40),
    st.text(max_size=40).map(lambda text: text.encode(errors="surrogatepass")),
    st.integers().map(lambda number: str(number).encode()),
)
SCORES = st.one_of(
    st.sampled_from([0.0, -1.0, float("inf"), float("-inf"), 1e300, 1e15]),
    st.floats(allow_nan=False),
)


@dataclass(frozen=True)
class Place:
    """Where a string or number is in Redis."""

    key: bytes
    type: bytes
    #: Of a hash the field, of a set or sorted set the member, of a list the position, of a stream the id.
    part: Any = None


def places(redis: Client) -> list[Place]:
    """All of them, in an order of their own."""
    found = []
    for key in sorted(redis.scan_iter(count=1000)):
        match kind := redis.type(key):
            case b"hash":
                found += [Place(key, kind, field) for field in sorted(redis.hkeys(key))]
            case b"zset":
                found += [Place(key, kind, member) for member in redis.zrange(key, 0, -1)]
            case b"set":
                found += [Place(key, kind, member) for member in sorted(redis.smembers(key))]
            case b"list":
                found += [Place(key, kind, position) for position in range(redis.llen(key))]
            # A key that is gone by now has none.
            case b"string" | b"stream":
                found.append(Place(key, kind))
    return found


def spoil(redis: Client, place: Place, value: bytes, score: float, *, member: bool) -> None:
    """Put the value there, or the score. ``member``: in a sorted set the value, in the place of the member."""
    match place.type:
        case b"hash":
            redis.hset(place.key, place.part, value)
        case b"zset" if member:
            redis.zadd(place.key, {value: redis.zscore(place.key, place.part) or 0})
            redis.zrem(place.key, place.part)
        case b"zset":
            redis.zadd(place.key, {place.part: score})
        case b"set":
            redis.srem(place.key, place.part)
            redis.sadd(place.key, value)
        case b"list":
            redis.lset(place.key, place.part, value)
        case b"stream":
            texts = {b"state": b"finished", b"key": b"show/1", b"group": b"show", b"value": value, b"path": value}
            redis.xadd(place.key, texts)
            redis.xadd(place.key, {**texts, b"state": value, b"delay": value})
            redis.xadd(place.key, {value: value})
        case _:
            redis.set(place.key, value)
