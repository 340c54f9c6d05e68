"""Restores from the records in an archive what Redis knew of its podcasts: their addresses, the subscriptions to them,
and by what their episodes are known again. So a later visit of the same address lists the same podcast, with the same
episodes.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from redis import Redis

from podcrawler.exceptions import ImportFolderError
from podcrawler.library.importing import Recalled
from podcrawler.library.subscriptions import restore_subscription
from podcrawler.namespace import AnySettings
from podcrawler.queue.archive import Archive, Imported
from podcrawler.queue.listings import Listings
from podcrawler.queue.naming import GUID, Names
from podcrawler.queue.podcasts import record_of
from podcrawler.spiders.preview import Found
from podcrawler.spiders.referrals import declared_guid
from podcrawler.subscriptions.store import Subscriptions


def restore(settings: AnySettings, redis: Redis, recalled: Iterable[Recalled], files: Sequence[Imported]) -> list[str]:
    """Restore podcasts, and what is known of the episodes that have ``files``. What Redis knows stays. What the user
    should know. Blocks on Redis."""
    names, archive = Names.from_settings(settings, redis), Archive.from_settings(settings, redis)
    subscriptions = Subscriptions.from_settings(settings, redis)
    sentences = []
    for one in recalled:
        if one.podcast.address and (owner := names.restore(one.podcast.address, one.id)) != one.id:
            sentences.append(f"{one.id}: {one.podcast.address} leads to {owner}, and goes on to do so.")
        if guid := declared_guid(one.podcast):
            names.record(f"{GUID}{guid}", one.id)
        archive.restore_podcast(one.id, record_of(one.podcast))
        if one.subscription and (told := restore_subscription(subscriptions, one.id, one.subscription)):
            sentences.append(told)
    _restore_traits(Listings.from_settings(settings, redis), files)
    return sentences


def record_podcast(settings: AnySettings, redis: Redis, found: Found) -> None:
    """Have the addresses of a podcast that was read lead to it. What Redis knows stays. Blocks on Redis. Raises
    ImportFolderError."""
    names, archive = Names.from_settings(settings, redis), Archive.from_settings(settings, redis)
    podcast = found.podcast
    if names.podcast_of(found.addresses) is None:
        try:
            names.name(found.known_as, [podcast.id], is_known=True)
        except StopIteration:
            raise ImportFolderError(
                f"Another podcast has become {podcast.id} in the meantime; run the command again."
            ) from None
    for address in found.addresses:
        names.record(address, podcast.id)
    archive.restore_podcast(podcast.id, record_of(podcast))


def _restore_traits(listings: Listings, files: Iterable[Imported]) -> None:
    traits = defaultdict[str, dict[str, str]](dict)
    # Of several versions of a file, the last one.
    for file in sorted(files, key=lambda file: file.version):
        if file.traits:
            traits[file.podcast_id][file.id] = file.traits
    for podcast_id, told in traits.items():
        _, known = listings.identities(podcast_id)
        if not known:
            listings.keep_identities(podcast_id, told)
