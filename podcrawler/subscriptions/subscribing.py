"""Subscribes to what a user gave, and changes subscriptions that there are. Everything here blocks on Redis."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from redis import Redis

from podcrawler.addresses import candidates
from podcrawler.ids import PODCAST_ID
from podcrawler.logins import Login, without_login
from podcrawler.namespace import AnySettings
from podcrawler.queue.archive import Archive
from podcrawler.queue.given_hosts import GivenHosts
from podcrawler.queue.naming import Names, spellings
from podcrawler.subscriptions.records import Subscription
from podcrawler.subscriptions.store import Followed, Subscriptions


class Wish(NamedTuple):
    """A podcast that a user wants to follow, or follows."""

    #: Without its login.
    address: str
    login: Login | None = None
    #: As in ``Subscription``.
    is_guess: bool = False
    #: As a list of subscriptions has them.
    title: str = ""
    groups: tuple[str, ...] = ()


class Named(NamedTuple):
    """What the user says of all of the subscriptions; None for what is not said."""

    options: Mapping[str, Any]
    #: Whether what was said before of which episodes are wanted holds no more.
    anew: bool = False
    keep: str | None = None
    groups: tuple[str, ...] | None = None

    def applied(self, subscription: Subscription) -> Subscription:
        before = {} if self.anew else subscription.options
        options = {**before, **self.options}
        if "new_after" in before:
            # What is new is what has come since that was asked for first.
            options["new_after"] = before["new_after"]
        return replace(
            subscription,
            options=options,
            keep=subscription.keep if self.keep is None else self.keep,
            groups=subscription.groups if self.groups is None else self.groups,
        )


class Subscribed(NamedTuple):
    """How many subscriptions are new, were changed, and were as they are before."""

    new: int
    changed: int
    known: int


def subscribe(settings: AnySettings, redis: Redis, wishes: Iterable[Wish], named: Named, now: float) -> Subscribed:
    """Subscribe to the podcasts, and change the subscriptions that there are as far as ``named`` says. ``now`` is in
    seconds since 1970."""
    subscriptions, archive = Subscriptions.from_settings(settings, redis), Archive.from_settings(settings, redis)
    wanted = _each_once(wishes)
    found = subscriptions.find([wish.address for wish in wanted])
    before = {address: followed.subscription for address, followed in found.items()}
    new = [wish for wish in wanted if wish.address not in before]
    made = [Subscription(wish.address, wish.is_guess, wish.title, wish.groups, since=now) for wish in new]
    changed = {one.address: after for one in before.values() if (after := named.applied(one)) != one}
    # Before a node can claim the first check.
    GivenHosts.from_settings(settings, redis).note_addresses(wish.address for wish in new)
    logged_in = _keep_logins(archive, Names.from_settings(settings, redis), wanted, before)
    count = subscriptions.subscribe([*map(named.applied, made), *changed.values()])
    for address in logged_in - changed.keys():
        subscriptions.check_now(address)
    addresses = {one.address for one in before.values()}
    touched = len(addresses & (changed.keys() | logged_in))
    return Subscribed(count, touched, len(addresses) - touched)


def find_named(subscriptions: Subscriptions, names: Sequence[str]) -> dict[str, Followed]:
    """By name, those of the subscriptions that there are: named by an address in any form, or by the podcast's id.
    Raises AddressError for what is neither."""
    spelled = {
        name: [name] if PODCAST_ID.fullmatch(name) else list(map(without_login, candidates(name))) for name in names
    }
    found = subscriptions.find([address for each in spelled.values() for address in each])
    return {
        name: found[known] for name, each in spelled.items() if (known := next((a for a in each if a in found), None))
    }


def _each_once(wishes: Iterable[Wish]) -> list[Wish]:
    """Without those whose address is that of an earlier one in another spelling."""
    once: dict[str, Wish] = {}
    for wish in wishes:
        if not any(spelling in once for spelling in spellings(wish.address)):
            once[wish.address] = wish
    return list(once.values())


def _keep_logins(
    archive: Archive, names: Names, wishes: Iterable[Wish], before: Mapping[str, Subscription]
) -> set[str]:
    """Keep the logins that were given; the addresses of the subscriptions that had another one, or none."""
    changed = set()
    for wish in wishes:
        known = before.get(wish.address)
        address = known.address if known else wish.address
        if wish.login and archive.login(address) != wish.login:
            podcast_id = names.podcast_of([address])
            archive.keep_login(filter(None, {wish.address, address, podcast_id}), wish.login)
            if known:
                changed.add(address)
    return changed
