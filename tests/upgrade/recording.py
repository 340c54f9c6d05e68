"""What a version of podcrawler left behind: everything in Redis and in the store, as JSON.

The hosts of a recording do not exist: they are asked through the origin (tests/origin.py) as a proxy, so that addresses
and what is derived from them (podcast ids, digests) are the same in each run. Media files are not part of a recording:
their bytes are those of ``tests.origin.content``, of which size and seed are enough.
"""

import json
import re
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from podcrawler.queue.keys import Keys
from tests.conftest import Client
from tests.origin import content

FOLDER = Path(__file__).parent / "recorded"
#: The time since a boot that no machine had: only what is synced counts in the parts of a recording.
BOOT = "00000000-0000-0000-0000-000000000000"
#: In place of the name of the machine that recorded.
HOST = "recorder"


@dataclass(frozen=True)
class Recording:
    """One version's state."""

    #: Key to ``{"type": ..., "ttl": milliseconds or -1, "value": ...}``.
    redis: dict[str, dict[str, Any]]
    #: Path in the store to ``{"size": bytes, "seed": number}`` or, for a checkpoint, ``{"text": ...}``.
    store: dict[str, dict[str, Any]]
    #: What that version's ``status --json`` and ``failed --json`` said of it.
    status: dict[str, Any]
    failed: list[dict[str, Any]]

    @classmethod
    def read(cls, path: Path) -> "Recording":
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")

    def load_redis(self, redis: Client) -> None:
        """Fill an empty Redis. Nodes were seen just now; leases have expired, and what was delayed is due."""
        for key, entry in self.redis.items():
            _restore(redis, key, entry["type"], entry["value"])
            if entry["ttl"] >= 0:
                redis.pexpire(key, entry["ttl"])
        for queue in map(Keys().queue, ("podcasts", "episodes")):
            for key in (f"{queue}leases", f"{queue}delayed"):
                if members := redis.zrange(key, 0, -1):
                    redis.zadd(key, dict.fromkeys(members, 1))
        for name in redis.zrange(Keys().nodes, 0, -1):
            redis.zadd(Keys().nodes, {name: time.time()})

    def load_store(self, folder: Path) -> None:
        """Fill an empty store."""
        for name, file in self.store.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if "text" in file:
                path.write_text(file["text"], encoding="utf-8")
                continue
            with path.open("wb") as written:
                written.writelines(content(file["size"], file["seed"]))


def dump_redis(redis: Client) -> dict[str, dict[str, Any]]:
    """Everything in a Redis, which must be text."""
    kinds = {key: redis.type(key).decode() for key in redis.scan_iter()}
    return {
        key.decode(): {"type": kind, "ttl": redis.pttl(key), "value": _text(_value(redis, key, kind))}
        for key, kind in kinds.items()
    }


def dump_store(folder: Path) -> dict[str, dict[str, Any]]:
    """Everything in a store but its hidden folders. AssertionError for a file whose bytes are not the origin's."""
    return {str(path.relative_to(folder)): _described(path) for path in sorted(folder.glob("[!.]*/*"))}


def _described(path: Path) -> dict[str, Any]:
    if path.name.endswith(".json.part"):
        text = path.read_text(encoding="utf-8")
        return {"text": json.dumps({**json.loads(text), "boot": BOOT})}
    number = re.match(r"episode-(\d+)\.", path.name)
    assert number, path
    size, seed = path.stat().st_size, int(number[1])
    assert path.read_bytes() == b"".join(content(size, seed)), path
    return {"size": size, "seed": seed}


def _value(redis: Client, key: bytes, kind: str) -> Any:
    match kind:
        case "string":
            return redis.get(key)
        case "hash":
            return redis.hgetall(key)
        case "list":
            return redis.lrange(key, 0, -1)
        case "set":
            return sorted(redis.smembers(key))
        case "zset":
            return [list(pair) for pair in redis.zrange(key, 0, -1, withscores=True)]
        case "stream":
            return [list(entry) for entry in redis.xrange(key)]
    raise ValueError(f"{key!r} is a {kind}")


def _restore(redis: Client, key: str, kind: str, value: Any) -> None:
    match kind:
        case "string":
            redis.set(key, value)
        case "hash":
            redis.hset(key, mapping=value)
        case "list":
            redis.rpush(key, *value)
        case "set":
            redis.sadd(key, *value)
        case "zset":
            redis.zadd(key, dict(value))
        case "stream":
            for name, fields in value:
                redis.xadd(key, fields, id=name)
        case _:
            raise ValueError(f"{key} is a {kind}")


def _text(value: Any) -> Any:
    match value:
        case bytes():
            return value.decode()
        case list():
            return [_text(item) for item in value]
        case dict():
            return {_text(name): _text(item) for name, item in value.items()}
    return value
