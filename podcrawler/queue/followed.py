"""What Redis keeps of the subscriptions to certain podcasts, as their records on disk tell it: without secrets.

subscriptions/store.py keeps them; nodes, which know podcasts by their ids, read them here. Blocks on Redis.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from redis import Redis
from typing_extensions import TypedDict

from podcrawler.batching import REDIS_BATCH, batches
from podcrawler.following import Following
from podcrawler.logins import masked
from podcrawler.namespace import AnySettings, read_namespace
from podcrawler.queue.keys import Keys
from podcrawler.queue.naming import legal_id, spellings
from podcrawler.queue.values import Shape, read_json, text
from podcrawler.tokens import without_secrets


class _Checked(TypedDict, total=False):
    podcast_id: str


_FOLLOWING, _CHECKED = Shape[Following](Following), Shape[_Checked](_Checked)


def followed(settings: AnySettings, redis: Redis, podcast_ids: Iterable[str] | None = None) -> dict[str, Following]:
    """By id: what the user wants of those of the podcasts that are followed; of all of them if None are given."""
    keys = Keys(read_namespace(settings))
    # redis-py's types allow for text where this client answers in bytes.
    client: Any = redis
    wanted = None if podcast_ids is None else set(podcast_ids)
    private = {text(name) for name in client.hkeys(keys.logins)}
    found = {}
    for address, podcast_id, value in _subscriptions(client, keys):
        is_wanted = bool(podcast_id) if wanted is None else podcast_id in wanted
        if is_wanted and (following := read_json(_FOLLOWING, value, f"the subscription {masked(address)}")):
            public = without_secrets(address)
            found[podcast_id] = replace(
                following,
                address=public,
                lacks_secret=public != address or not private.isdisjoint({address, podcast_id}),
                title=masked(following.title),
            )
    return found


def _subscriptions(redis: Any, keys: Keys) -> Iterator[tuple[str, str, bytes]]:
    """Of each subscription: its address, the id of its podcast if that is known, and what is kept of it."""
    entries = redis.hscan_iter(keys.subscriptions, count=REDIS_BATCH)
    for batch in batches(entries, REDIS_BATCH):
        addresses = [text(address) for address, _ in batch]
        spelled = [spellings(address) for address in addresses]
        pipe = redis.pipeline(transaction=False)
        pipe.hmget(keys.checks, addresses)
        for each in spelled:
            pipe.hmget(keys.addresses, each)
        checks, *known = pipe.execute()
        for address, (_, value), check, ids in zip(addresses, batch, checks, known, strict=True):
            yield address, _podcast_id(address, check, ids), value


def _podcast_id(address: str, check: bytes | None, ids: Sequence[bytes | None]) -> str:
    told = read_json(_CHECKED, check, f"the checks of {masked(address)}") if check else None
    if told and (name := legal_id(told.get("podcast_id", "").encode(errors="replace"))):
        return name
    return next((legal_id(one) for one in ids if one), "")
