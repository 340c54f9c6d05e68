"""Keeps subscriptions in the records of podcasts, so that an archive tells which podcasts are followed, and how; and
restores them from there."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from redis import Redis

from podcrawler.config import SidecarConfig
from podcrawler.exceptions import AddressError
from podcrawler.following import Following
from podcrawler.library.keeping import Keep
from podcrawler.namespace import AnySettings
from podcrawler.queue.followed import followed
from podcrawler.queue.seeds import address_request
from podcrawler.sites.wanted import Wanted
from podcrawler.store.description import note_following
from podcrawler.store.folder import folder_of
from podcrawler.store.fs import open_below
from podcrawler.store.names import folder_name
from podcrawler.subscriptions.records import Subscription
from podcrawler.subscriptions.store import Subscriptions


@contextmanager
def subscriptions_noted(settings: AnySettings, redis: Redis) -> Iterator[None]:
    """Have the records of podcasts tell which subscriptions the block makes, changes and ends, where the store is a
    folder that has them. What cannot be written now is written by the next node. Blocks on Redis and on the disk."""
    before = followed(settings, redis)
    yield
    after = followed(settings, redis)
    root = folder_of(settings)
    if root and SidecarConfig.read(settings).sidecars:
        for name in before.keys() | after.keys():
            if before.get(name) != after.get(name):
                _note(root, name, after.get(name))


def _note(root: Path, podcast_id: str, following: Following | None) -> None:
    with suppress(OSError), open_below(root, [folder_name(podcast_id)]) as folder:
        note_following(folder, following)


def restore_subscription(subscriptions: Subscriptions, podcast_id: str, following: Following) -> str:
    """Subscribe to a podcast as its record tells, unless there is a subscription; what the user should know, if
    anything. Blocks on Redis."""
    if subscriptions.find([following.address, podcast_id]):
        return ""
    again = f"follow it again with `podcrawler subscribe {following.address or 'ADDRESS'}`"
    if following.lacks_secret:
        return (
            f"{podcast_id}: it was followed by an address with a login or a token, which is not in its record: "
            f"{again}, with the whole address."
        )
    try:
        address_request(following.address)
        Wanted.from_json(following.options)
        if following.keep:
            Keep.read(following.keep)
    except (AddressError, TypeError, ValueError) as error:
        return f"{podcast_id}: what its record tells of the subscription means nothing ({error}): {again}."
    one = Subscription(
        following.address,
        following.is_guess,
        following.title,
        following.groups,
        following.options,
        following.keep,
        since=time.time(),
    )
    subscriptions.subscribe([one])
    return ""
