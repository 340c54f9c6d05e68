"""The subscriptions of one archive in Redis, and which of them are to be checked. Everything here blocks on Redis.

All times are in seconds since 1970; those of Redis's own clock are in milliseconds, so that the clocks of nodes do not
matter.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from redis import Redis

from podcrawler.batching import REDIS_BATCH, batches
from podcrawler.queue.base import InRedis
from podcrawler.queue.keys import Keys
from podcrawler.queue.leases import Lease
from podcrawler.queue.naming import spellings
from podcrawler.queue.scripts import source, time_argument
from podcrawler.queue.values import LAST_TIME, moment, read_json, text
from podcrawler.subscriptions.changes import bare
from podcrawler.subscriptions.records import CHECKED, SUBSCRIPTION, Checked, Claim, Subscription, dumped

if TYPE_CHECKING:
    from podcrawler.queue.acks import ScriptCall

#: Entries that are open in the queue of list pages, at most, when more checks are claimed.
_MOST_OPEN = 200
#: Checks of one host that may follow each other at once, before they are spread.
_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class Followed:
    """A subscription as it stands."""

    subscription: Subscription
    checked: Checked
    #: When the next check is due; None if none is: it is parked.
    due: float | None

    @property
    def next_check(self) -> float | None:
        """``due``, if that is a time that people can be shown; 0: at once."""
        return self.due if self.due is not None and 0 <= self.due <= LAST_TIME else None


class Subscriptions(InRedis):
    """The subscriptions of one archive."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        super().__init__(redis, keys)
        self._prefixes = [keys.queue("podcasts"), keys.archive]
        self._subscriptions = keys.subscriptions
        self._checks = keys.checks
        self._due = f"{keys.archive}due"
        self._changes = f"{keys.archive}changes"
        self._claim = self._redis.register_script(source("claim_checks"))

    def subscribe(self, subscriptions: Iterable[Subscription]) -> int:
        """Add the subscriptions, or replace those with these addresses, and have them checked at once, and read even if
        they have not changed; how many are new."""
        new = 0
        for batch in batches(subscriptions, REDIS_BATCH):
            found = self._read([one.address for one in batch])
            pipe = self._redis.pipeline(transaction=True)
            pipe.hset(self._subscriptions, mapping={one.address: dumped(SUBSCRIPTION, _stored(one)) for one in batch})
            for one in batch:
                if before := found.get(one.address):
                    # What is wanted may be something that an earlier answer had.
                    pipe.hset(self._checks, one.address, dumped(CHECKED, before.checked.unread()))
            pipe.zadd(self._due, {one.address: 0 for one in batch})
            new += pipe.execute()[0]
        return new

    def unsubscribe(self, addresses: Sequence[str]) -> int:
        """End the subscriptions with these addresses; how many there were. What is archived stays."""
        if not addresses:
            return 0
        pipe = self._redis.pipeline(transaction=True)
        pipe.hdel(self._subscriptions, *addresses)
        pipe.hdel(self._checks, *addresses)
        pipe.zrem(self._due, *addresses)
        return int(pipe.execute()[0])

    def all(self) -> Iterator[Followed]:
        """Every subscription, in no order."""
        for batch in batches(self._redis.hscan_iter(self._subscriptions, count=REDIS_BATCH), REDIS_BATCH):
            yield from self._read([text(address) for address, _ in batch]).values()

    def find(self, names: Sequence[str]) -> dict[str, Followed]:
        """By name: the subscription with this address, in any spelling, or of the podcast with this id."""
        found: dict[str, Followed] = {}
        for batch in batches(names, REDIS_BATCH):
            spelled = {name: spellings(name) for name in batch}
            known = self._read([spelling for each in spelled.values() for spelling in each])
            for name, each in spelled.items():
                if spelling := next((spelling for spelling in each if spelling in known), None):
                    found[name] = known[spelling]
        if missing := set(names) - found.keys():
            for one in self.all():
                for name in {one.checked.podcast_id, one.checked.feed} & missing:
                    found.setdefault(name, one)
        return found

    def check_now(self, address: str) -> bool:
        """Have the subscription with this address checked at once, parked or not; False if there is none. For whoever
        learns that a feed has changed."""
        if not self._redis.hexists(self._subscriptions, address):
            return False
        self._redis.zadd(self._due, {address: 0})
        return True

    def read_again(self, address: str) -> bool:
        """As ``check_now``, and have the feed read even if its host says that it has not changed."""
        if before := self._read([address]).get(address):
            self._redis.hset(self._checks, address, dumped(CHECKED, before.checked.unread()))
        return self.check_now(address)

    def claim_changes(self, seconds: float) -> bool:
        """Whether it is the caller's turn to read the list of feeds that have changed: nobody else's for so long."""
        return bool(self._redis.set(self._changes, 1, nx=True, px=round(seconds * 1000)))

    def check_changed(self, changed: Set[str]) -> int:
        """``check_now`` for the feeds with these addresses (``changes.bare``); how many are subscribed to."""
        found = [
            one.subscription.address
            for one in self.all()
            if not changed.isdisjoint(map(bare, filter(None, (one.subscription.address, one.checked.feed))))
        ]
        return sum(map(self.check_now, found))

    def claim(self, *, seconds: float, gap: float, now: int | None = None) -> tuple[list[Claim], float | None]:
        """Checks that are due, each claimed for so many seconds; and the seconds until the next one is due, None if
        there is none. Those of one host are ``gap`` seconds apart. ``now`` is in ms; None is Redis's clock."""
        limits = [_MOST_OPEN, round(seconds * 1000), round(gap * 1000), _AT_ONCE]
        first, rows = self._claim(keys=self._prefixes, args=[time_argument(now), *limits])
        claims = [
            Claim(*known, until / 1000 - seconds, until)
            for address, wanted, found, until in rows
            if (known := _known(text(address), wanted, found))
        ]
        return claims, None if first < 0 else first / 1000

    def claim_all(self, *, seconds: float) -> list[Claim]:
        """All checks but those of parked feeds, due or not, each claimed for so many seconds."""
        now = moment(self._redis.time())
        until = round((now + seconds) * 1000)
        claims = [Claim(one.subscription, one.checked, now, until) for one in self.all() if not one.checked.parked]
        for batch in batches(claims, REDIS_BATCH):
            self._redis.zadd(self._due, {claim.subscription.address: until for claim in batch})
        return claims

    def _read(self, addresses: Sequence[str]) -> dict[str, Followed]:
        """By address: those of these subscriptions that there are."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.hmget(self._subscriptions, addresses)
        pipe.hmget(self._checks, addresses)
        pipe.zmscore(self._due, addresses)
        found = {}
        for address, wanted, checks, due in zip(addresses, *pipe.execute(), strict=True):
            if known := _known(address, wanted, checks):
                found[address] = Followed(*known, None if due is None else due / 1000)
        return found


def note(lease: Lease, claim: Claim, checked: Checked, due: float | None) -> "ScriptCall":
    """The script call that records the outcome of a check, and when the next one is due: before the lease ends, in the
    same round trip (``Ack.before``)."""
    until = "" if due is None else round(due * 1000)
    found = dumped(CHECKED, checked)
    return "note_check", [lease.key, lease.token, claim.subscription.address, claim.until, found, until]


def _known(address: str, wanted: bytes | None, found: bytes | None) -> tuple[Subscription, Checked] | None:
    """What Redis has of a subscription; None if it has none, or none that can be read."""
    subscription = read_json(SUBSCRIPTION, wanted, f"the subscription {address}") if wanted else None
    if subscription is None:
        return None
    checked = read_json(CHECKED, found, f"the checks of {address}") if found else None
    return replace(subscription, address=address), checked or Checked()


def _stored(subscription: Subscription) -> Subscription:
    """Without the address, which is the name of its field."""
    return replace(subscription, address="")
