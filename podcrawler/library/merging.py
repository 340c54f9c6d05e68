"""The user says that two podcasts are one: its files and its records become those of the other."""

from typing import NamedTuple

from redis import Redis
from scrapy.settings import BaseSettings

from podcrawler.addresses import candidates
from podcrawler.calling import called
from podcrawler.exceptions import AddressError, MergeError, UnknownPodcastError
from podcrawler.ids import PODCAST_ID
from podcrawler.logins import LOGIN, Login
from podcrawler.queue.archive import Archive
from podcrawler.queue.merging import Merging
from podcrawler.queue.naming import Names
from podcrawler.queue.seeds import address_request
from podcrawler.store.factory import open_store
from podcrawler.store.local import LocalStore
from podcrawler.store.moving import move_files


class Merged(NamedTuple):
    """What became of a podcast."""

    #: Its id; of an address that led to none, the address.
    gone: str
    kept: str
    #: Finished episodes that the other podcast did not have.
    episodes: int = 0
    #: Files that were moved to the other's folder, and those that stay, because that has the same episodes.
    moved: int = 0
    left: int = 0


def merge(settings: BaseSettings, redis: Redis, gone: str, kept: str) -> Merged:
    """Make one podcast, or an address that leads to none yet, part of another. Both are given by id or by address.
    Blocking. Raises AddressError, MergeError and MediaError."""
    merging, names = Merging.from_settings(settings, redis), Names.from_settings(settings, redis)
    into = _podcast(merging, names, kept)
    if into is None:
        raise MergeError(f"{kept} is no podcast of this archive; give the id, or an address, of one that was archived.")
    other = _podcast(merging, names, gone)
    if other == into:
        raise MergeError(f"{gone} and {kept} are one podcast already ({into}).")
    archive = Archive.from_settings(settings, redis)
    if other is None:
        return _lead(archive, names, gone, into)
    store = open_store(settings)
    was_paused = archive.is_paused()
    archive.pause()
    try:
        if leases := merging.leases():
            raise MergeError(
                f"Nodes are at work ({leases} leases): run `{called()} pause`, wait until `{called()} status` "
                "shows nothing leased, and merge then."
            )
        if not isinstance(store, LocalStore) and merging.has_finished(other):
            raise MergeError(
                f"The files of {other} are in a bucket, where this command cannot move them; leave the two podcasts "
                "apart, or merge an address before it is archived."
            )
        files = move_files(store.root / other, store.root / into) if isinstance(store, LocalStore) else (0, 0)
        return Merged(other, into, merging.join(other, into), *files)
    finally:
        if not was_paused:
            archive.resume()


def _podcast(merging: Merging, names: Names, given: str) -> str | None:
    """The id of the podcast that the user means; None for an address that leads to none. Raises AddressError."""
    if PODCAST_ID.fullmatch(given) and merging.has(given):
        return given
    try:
        return names.podcast_of(candidates(given))
    except AddressError as error:
        if PODCAST_ID.fullmatch(given):
            raise UnknownPodcastError(given) from error
        raise


def _lead(archive: Archive, names: Names, given: str, into: str) -> Merged:
    """Have an address lead to a podcast."""
    request = address_request(given)
    names.record(request.url, into)
    if login := Login.read(request.meta.get(LOGIN)):
        archive.keep_login([request.url, into], login)
    return Merged(request.url, into)
