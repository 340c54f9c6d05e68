"""The hosts that users gave: which of them may be on a private network, and for what. Everything here blocks on Redis.

A node writes them when it takes a seed, and when a page on such a host lists a podcast. No request and no feed can say
of itself that a user gave its host.
"""

from collections.abc import Iterable

from redis import Redis

from podcrawler.networks import literal, named_host
from podcrawler.queue.base import InRedis
from podcrawler.queue.keys import Keys


class GivenHosts(InRedis):
    """The record of one archive. Hosts are as ``networks.same_name`` has them."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        super().__init__(redis, keys)
        self._given = f"{keys.archive}given-hosts"
        self._public = f"{keys.archive}public-hosts"

    def note_addresses(self, addresses: Iterable[str]) -> None:
        """Remember addresses that a user gave."""
        members = {_member(given_for, named_host(address)) for address in addresses for given_for in (address, "")}
        if members:
            self._redis.sadd(self._given, *members)

    def note_podcast(self, address: str, podcast_id: str, host: str) -> None:
        """Remember that the podcast was listed by a page on the host, if a user gave that host with ``address``."""
        if host == named_host(address) and self._is_member(address, host):
            self._redis.sadd(self._given, _member(podcast_id, host))

    def note_public(self, host: str) -> None:
        """Remember that a host that a user gave is on the public internet."""
        self._redis.sadd(self._public, host)

    def is_given(self, given_for: str, host: str) -> bool:
        """Whether the user gave the host for this: with this address, or as the host that lists the podcast with this
        id; if empty, for anything. Not if it has been on the public internet: whoever has the name could point it to
        any address since."""
        if not self._is_member(given_for, host):
            return False
        return literal(host) is not None or not self._redis.sismember(self._public, host)

    def _is_member(self, given_for: str, host: str) -> bool:
        return bool(self._redis.sismember(self._given, _member(given_for, host)))


def _member(given_for: str, host: str) -> str:
    return f"{given_for} {host}"
