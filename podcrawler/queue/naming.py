"""Which address leads to which podcast: a podcast is known by its addresses, and not by what it says of itself.

An address that is recorded leads to its podcast for good; another one joins it only if a recorded one told of it (by a
redirect, a link or ``itunes:new-feed-url``), if it is the same in another spelling, or by the user's word (``merge``).
Everything here blocks on Redis.
"""

from collections.abc import Iterable, Sequence

from redis import Redis

from podcrawler.ids import PODCAST_ID
from podcrawler.queue.base import InRedis
from podcrawler.queue.keys import Keys
from podcrawler.queue.values import tell, text
from podcrawler.tokens import without_secrets

#: Put before an address that a record outside of Redis told for an id: such an address has no login and no signatures.
_TOLD = "told:"
#: What a guid begins with among the addresses. A guid is a claim: it names no podcast, and is told to the user.
GUID = "podcast:guid:"


class Names(InRedis):
    """The names of one archive's podcasts."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        super().__init__(redis, keys)
        #: Of each id: the address, or what stands in the place of one, that it was given for.
        self._named = f"{keys.archive}named"

    def find(self, addresses: Sequence[str]) -> tuple[str, str] | None:
        """The first of the addresses that leads to a podcast, in any spelling, and the podcast's id."""
        spelled = [(address, spelling) for address in addresses for spelling in spellings(address)]
        found = self._redis.hmget(self._keys.addresses, [spelling for _, spelling in spelled]) if spelled else []
        known = zip(spelled, found, strict=True)
        return next(((address, name) for (address, _), value in known if value and (name := legal_id(value))), None)

    def podcast_of(self, addresses: Sequence[str]) -> str | None:
        """The id of the podcast that ``find`` finds."""
        found = self.find(addresses)
        return found[1] if found else None

    def claimed(self, guid: str) -> str | None:
        """The id of the podcast that declared this guid first."""
        value = self._redis.hget(self._keys.addresses, f"{GUID}{guid}") if guid else None
        return (legal_id(value) or None) if value else None

    def record(self, address: str, name: str) -> str:
        """Have the address lead to the podcast with this id, unless it leads to another already. Returns the id of the
        podcast that it leads to now."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.hsetnx(self._keys.addresses, address, name)
        pipe.hget(self._keys.addresses, address)
        if known := legal_id(pipe.execute()[1]):
            return known
        # What is recorded there leads to no podcast.
        self._redis.hset(self._keys.addresses, address, name)
        return name

    def restore(self, address: str, name: str) -> str:
        """Have the podcast keep the id that a record outside of Redis tells. That record has the address
        ``without_secrets``. Returns the id of the podcast that the address leads to now."""
        self._redis.hsetnx(self._named, name, f"{_TOLD}{address}")
        return self.podcast_of([address]) or self.record(address, name)

    def name(self, address: str, candidates: Iterable[str], *, is_known: bool = False) -> str:
        """Name the podcast at an address that leads to none yet: it gets the first of these ids that no other podcast
        has. Returns its id, which is another one if another node was first. ``is_known``: an earlier release may have
        named it, without recording for which address."""
        name = next(name for name in candidates if self._take(name, address, is_known=is_known))
        return self.record(address, name)

    def foreseen(self, address: str, candidates: Iterable[str], *, is_known: bool = False) -> str:
        """The id that ``name`` would give."""
        return next(name for name in candidates if self._is_free(name, address, is_known=is_known))

    def _is_free(self, name: str, address: str, *, is_known: bool) -> bool:
        """Whether the id is the podcast's at this address, or may become its own."""
        has_record, owner = self._redis.hexists(self._keys.podcasts, name), self._redis.hget(self._named, name)
        if owner is None:
            return is_known or not has_record
        return self._is_of(owner, address)

    def _take(self, name: str, address: str, *, is_known: bool) -> bool:
        """Whether the id is the podcast's at this address, which gets it if no other has it."""
        if not self._is_free(name, address, is_known=is_known):
            return False
        pipe = self._redis.pipeline(transaction=True)
        pipe.hsetnx(self._named, name, address)
        pipe.hget(self._named, name)
        return self._is_of(pipe.execute()[1], address)

    @staticmethod
    def _is_of(owner: bytes, address: str) -> bool:
        return text(owner) in (address, f"{_TOLD}{without_secrets(address)}")


def spellings(address: str) -> list[str]:
    """The address, and what is the same but for the scheme, http or https, and slashes at its end (as the guid of a
    podcast without one is computed, Podcasting 2.0)."""
    scheme, separator, rest = address.partition("://")
    if scheme not in ("http", "https") or not separator:
        return [address]
    bare = rest.rstrip("/")
    schemes = [scheme, "http" if scheme == "https" else "https"]
    return list(dict.fromkeys([address, *(f"{name}://{bare}{end}" for name in schemes for end in ("", "/"))]))


def legal_id(value: bytes) -> str:
    """The id; empty if the value is none: it becomes the name of a folder."""
    if PODCAST_ID.fullmatch(found := text(value)):
        return found
    tell(f"the id of a podcast {found!r}", "it has other characters, or too many")
    return ""
