"""What tests of several rooms build: queue entries, a broker with known limits, ends of leases, files, and nodes."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from podcrawler.exceptions import EntryError
from podcrawler.queue import acks
from podcrawler.queue.broker import Broker
from podcrawler.queue.keys import Keys
from podcrawler.queue.leases import Entry, Lease
from podcrawler.queue.retry_policy import RetryPolicy
from tests.conftest import Client
from tests.origin import RunningOrigin, content

#: The time of tests that set the clock: milliseconds since 1970.
NOW = 1_000_000


def make_broker(redis: Client, name: str = "episodes", **changes: Any) -> Broker:
    """A broker whose leases last 60 s, and whose entries fail after three tries, delayed by 10, 20 and 25 s."""
    values: dict[str, Any] = {
        "keys": Keys(),
        "seeds_key": f"{name}:start_urls",
        "sources": {},
        "lease_time": 60,
        "retry_policy": RetryPolicy(max_tries=3, first_delay=10, max_delay=25, jitter=lambda: 0.5),
        "max_expiries": 2,
        "visit_seconds": 100,
    }
    return Broker(redis, name, **values | changes)


def episode(
    number: int,
    *,
    podcast: str = "show",
    host: str = "media.example",
    payload: str = "{}",
    priority: int = 0,
    version: str = "",
) -> Entry:
    """The entry of an episode, with the key ``<podcast>/<number>``."""
    return Entry("episode", f"{podcast}/{number}", podcast, str(number), host, payload, priority, version=version)


def page(address: str, root: str | None = None) -> Entry:
    """The entry of a list page: one that a user gave, or one that was found from the address ``root``."""
    return Entry("page", address, root or address, address, "example.com", "{}", fresh=root is None)


def lease_one(broker: Broker, now: int = NOW) -> Lease:
    """The next lease; fails if there is none."""
    (lease,) = broker.lease(broker.new_tokens(1), now).leases
    return lease


def finish(broker: Broker, lease: Lease, *, size: int, path: str) -> bool:
    return broker.acknowledge([acks.finish(lease, size=size, path=path)])[0]


def finish_page(
    broker: Broker, lease: Lease, podcast_id: str, result: dict[str, Any] | None = None, addresses: Sequence[str] = ()
) -> bool:
    """Finish a list page of this podcast, which lists nothing, with the ``result`` of the visit."""
    ack = acks.finish_page(lease, result or {}, (podcast_id, "{}"), addresses, pushed_count=0, visit_ttl=100)
    return broker.acknowledge([ack])[0]


def retry(broker: Broker, lease: Lease, kind: str, reason: str, now: int | None = None) -> str:
    """End the lease in an error that may pass."""
    return _give_up(broker, lease, EntryError(kind, reason, "passing"), now)


def fail(broker: Broker, lease: Lease, kind: str, reason: str, now: int | None = None) -> str:
    """End the lease in an error that does not pass."""
    return _give_up(broker, lease, EntryError(kind, reason), now)


def _give_up(broker: Broker, lease: Lease, error: EntryError, now: int | None) -> str:
    tries, delay = broker.retry_policy.tries(error), broker.retry_policy.delay(error, lease.tries + 1)
    return broker.acknowledge([acks.give_up(lease, error, tries=tries, delay=delay, now=now)])[0]


def fill(folder: Path, **files: int) -> None:
    """Make files in a folder: sizes in bytes by name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, size in files.items():
        (folder / name).write_bytes((b"\0audio" * size)[:size])


# Nodes: what they are started with, and what can be seen of their work

#: Options of nodes that do not wait for downloads when they are stopped.
AT_ONCE = ("-s", "PODCRAWLER_SHUTDOWN_GRACE=0")


def seed(redis: Client, address: str, spider: str = "episodes") -> None:
    """Push an address as a user does with ``redis-cli lpush``."""
    redis.lpush(f"{spider}:start_urls", address)


def sha256(size: int, number: int) -> str:
    """The digest of the origin's file of ``size`` bytes and seed ``number``, in hex."""
    digest = hashlib.sha256()
    for block in content(size, number):
        digest.update(block)
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """The digest of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def media_requests(origin: RunningOrigin) -> int:
    """How many requests for media files the origin got."""
    return sum(count for path, count in origin.counts().items() if path.startswith("/bytes/"))


def media_requested(origin: RunningOrigin) -> int:
    """How many different media files the origin was asked for."""
    return sum(path.startswith("/bytes/") for path in origin.counts())


def finished_episodes(redis: Client) -> int:
    """How many episodes are recorded as finished."""
    return sum(redis.hlen(key) for key in redis.scan_iter("{podcrawler}:finished:*"))


def servers_below(folder: Path) -> list[psutil.Process]:
    """The Valkeys that keep their data below ``folder``."""
    running = psutil.process_iter(["name", "cwd"])
    return [p for p in running if p.info["name"] == "valkey-server" and str(p.info["cwd"]).startswith(str(folder))]


def stored(redis: Client, key: bytes) -> Any:
    """All that is under a key, whatever its type."""
    return {
        b"string": redis.get,
        b"hash": redis.hgetall,
        b"list": lambda key: redis.lrange(key, 0, -1),
        b"set": redis.smembers,
        b"zset": lambda key: redis.zrange(key, 0, -1),
        b"stream": redis.xrange,
    }[redis.type(key)](key)
