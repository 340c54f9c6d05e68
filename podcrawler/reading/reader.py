"""A reading process: reads one document at a time, and keeps what a page lists until the node has taken it, so that the
node holds no more of a page than it is just pushing."""

import json
import re
import resource
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from heapq import nlargest
from itertools import chain
from math import isnan, nan
from typing import Any

from scrapy.utils.misc import load_object

from podcrawler.batching import batches
from podcrawler.exceptions import EntryError, ListingError
from podcrawler.items import Episode
from podcrawler.logins import without_logins
from podcrawler.printing import printable
from podcrawler.queue.entries import entry_of, episode_request, is_requestable
from podcrawler.queue.identities import Settled as Identities
from podcrawler.queue.identities import Traits, settle
from podcrawler.queue.legacy_ids import claims
from podcrawler.queue.podcasts import encodable, record_of
from podcrawler.queue.requests import request_to_dict
from podcrawler.reading.messages import (
    MAX_BYTES,
    MAX_ENTRIES,
    MAX_NAMES,
    AskSizes,
    Batch,
    Broken,
    Connection,
    Done,
    Failed,
    Head,
    ReadEpisode,
    ReadPage,
    Referred,
    Settle,
    Settled,
    Told,
)
from podcrawler.reading.pages import complete, read_page
from podcrawler.sites import limits
from podcrawler.sites.accounting import Account
from podcrawler.sites.base import LeftOut, Listing, Referral
from podcrawler.sites.cause import Cause
from podcrawler.sites.identity import digest
from podcrawler.sites.order import seconds_of
from podcrawler.sites.packed import Packed
from podcrawler.sites.wanted import Choice, Wanted, choose, not_latest

#: Characters of the title of the newest episode, and of one that is left out.
_MOST_TITLE, _MOST_OF_LEFT_OUT = 300, 100
#: Episodes whose dates are told.
_MOST_DATES = 50
#: In JSON: there may be an address with a login.
_LOGIN = re.compile(r"://[^/\s\"]*@")


def work(connection: Connection, memory: int) -> None:
    """Read for the node until it closes the connection, or until this process has grown so much that a new one is
    better. ``memory``: the bytes that a document may take, for the sentence."""
    began = _peak()
    stays = True
    while stays:
        failure = _answer(connection, memory)
        # Now that what the document took is free.
        if failure:
            connection.send(failure)
        stays = _peak() < 2 * began
        connection.send(Done(stays))


def _peak() -> int:
    """The most memory that this process has had at once, in a unit that differs from system to system."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _answer(connection: Connection, memory: int) -> Failed | Broken | None:
    """Read the next document and tell the node of it; or what is to be told of its failure."""
    job: ReadPage | ReadEpisode
    job, body = connection.receive()
    try:
        response = job.page.response(body)
        del body
        if isinstance(job, ReadEpisode):
            connection.send(complete(job, response))
            return None
        found = read_page(job, response)
        del response
        if isinstance(found, Referral):
            connection.send(Referred(replace(found, otherwise=None), found.otherwise is not None))
        else:
            _Listed(connection, found).tell()
    except EntryError as error:
        return Failed(error.kind, str(error), error.failure_class)
    except MemoryError:
        sentence = (
            f"{job.page.url} cannot be read with {memory // 1_000_000} MB of memory; give an address with less in it, "
            "such as that of the podcast's feed, or lower DOWNLOAD_MAXSIZE."
        )
        return Failed("too-large", sentence, "permanent")
    except (EOFError, ConnectionError):
        raise
    except Exception as error:
        return Broken(repr(error)[:1000], traceback.format_exc(limit=-20))
    return None


class _Listed:
    """What one page lists, on its way to the node."""

    def __init__(self, connection: Connection, listing: Listing) -> None:
        self._connection = connection
        self._listing = listing
        #: All episodes that can be requested.
        self._found = listing.episodes

    def tell(self) -> None:
        """Tell all of it, as the node wants it."""
        listing = self._listing
        podcast = encodable(without_logins(listing.podcast))
        if len(record_of(podcast).encode()) > limits.MAX_RECORD:
            podcast = limits.without_details(podcast)
        announced = self._announced()
        needs_identities = any(episode.twin_id for episode in announced)
        # All but its entries.
        head = replace(listing, podcast=podcast, episodes=[], left_out=[])
        self._connection.send(Head(head, needs_identities))
        wanted, _ = self._connection.receive()
        if isinstance(wanted, Settle):
            self._settle(wanted, announced, dict(self._known()) if needs_identities else None)
        else:
            for episodes in batches(listing.episodes, MAX_ENTRIES):
                self._connection.send([without_logins(episode) for episode in episodes])
        account = Account.of(self._listing).to_json()
        self._connection.send(Told(account, _newest(self._found), _latest(self._found)))

    def _announced(self) -> Packed:
        """All episodes that the page announces: those whose address cannot be requested are to fail for that."""
        listed = self._listing.episodes
        others = [entry.episode for entry in self._listing.left_out if entry.episode]
        return listed if isinstance(listed, Packed) and not others else Packed(chain(listed, others))

    def _known(self) -> Iterator[tuple[str, str]]:
        while part := self._connection.receive()[0]:
            yield from ((name, text) for name, text in part.items() if Traits.read(text))

    def _settle(self, wanted: Settle, announced: Packed, known: Mapping[str, str] | None) -> None:
        """Give the episodes the ids that they had at earlier visits, and tell what is to be queued. ``known`` is what
        those visits know of them; None if their ids do not depend on it."""
        settled = Identities(announced, Packed(), {})
        if known is not None:
            settled = settle(announced, known, self._finished_sizes)
        choice = _choice(wanted, settled.episodes)
        self._connection.send(Settled(claims(wanted.imported, settled.episodes), choice.latest))
        # Before anything is queued: if the node dies, the next one gives the same ids.
        for traits in batches(settled.traits.items(), MAX_NAMES):
            self._connection.send(Batch(traits=dict(traits)))
        for dates in batches(self._dates(settled.episodes), MAX_NAMES):
            self._connection.send(Batch(dates=dict(dates)))
        for left in batches(_told_of_left_out(wanted, settled.episodes, choice), MAX_NAMES):
            self._connection.send(Batch(left_out=dict(left)))
        requestable: list[int] = []
        for entries in _portions(_entries(settled.episodes.at(choice.wanted), wanted, requestable)):
            self._connection.send(Batch(entries))
        twice = [LeftOut(Cause.DUPLICATE, episode.title) for episode in settled.duplicates if is_requestable(episode)]
        left_out = [*self._listing.left_out, *twice]
        found = self._account_for(settled.episodes, [choice.wanted[at] for at in requestable], choice, left_out)
        if wanted.wants_names:
            for names in batches(chain(found.ids, _names(left_out)), MAX_NAMES):
                self._connection.send(Batch(names=names))

    def _dates(self, episodes: Packed) -> Iterator[tuple[str, int]]:
        others = [entry.unwanted for entry in self._listing.left_out if entry.unwanted]
        yield from _dates([episode.id for episode in others], seconds_of(others))
        yield from _dates(episodes.ids, episodes.times)

    def _account_for(self, episodes: Packed, queued: Sequence[int], choice: Choice, left_out: list[LeftOut]) -> Packed:
        """Keep for the account which of the ``episodes`` were queued (their positions), and what was left out. Returns
        those that can be requested, wanted or not."""
        unwanted = [at for at in sorted(choice.left_out) if is_requestable(episodes[at])]
        listed = episodes.at(queued)
        found = self._found = episodes.at(sorted([*unwanted, *queued])) if unwanted else listed
        not_wanted = [LeftOut(Cause.UNWANTED)] * len(unwanted)
        self._listing = replace(self._listing, episodes=listed, left_out=left_out + not_wanted)
        return found

    def _finished_sizes(self, names: Sequence[str]) -> dict[str, int]:
        sizes: dict[str, int] = {}
        for part in batches(names, MAX_NAMES):
            self._connection.send(AskSizes(part))
            sizes |= self._connection.receive()[0]
        return sizes


def _choice(wanted: Settle, episodes: Packed) -> Choice:
    """Which of the episodes are wanted. Raises ListingError if that cannot be told."""
    if wanted.wanted is None:
        return Choice(range(len(episodes)))
    try:
        return choose(Wanted.from_json(wanted.wanted), episodes, wanted.now, wanted.earlier)
    except ValueError as error:
        raise ListingError("wanted", f"Which episodes are wanted cannot be told: {error}.") from None


def _told_of_left_out(wanted: Settle, episodes: Packed, choice: Choice) -> Iterator[tuple[str, str]]:
    """By id, the newest first: what is told of those that are not wanted."""
    for position, reason in sorted(choice.left_out.items(), reverse=True):
        episode, time = episodes[position], episodes.times[position]
        told: dict[str, Any] = {"title": printable(episode.title)[:_MOST_OF_LEFT_OUT], "reason": printable(reason)}
        if not isnan(time):
            told["published"] = _date(time)
        if episode.enclosure and episode.enclosure.length is not None:
            told["size"] = episode.enclosure.length
        yield episodes.ids[position], json.dumps(told, ensure_ascii=False)
    if choice.surpassed:
        reason = not_latest(Wanted.from_json(wanted.wanted))
        for name, one in choice.surpassed.items():
            yield name, json.dumps({"title": one.title, "reason": reason}, ensure_ascii=False)


def _newest(episodes: Sequence[Episode]) -> dict[str, str] | None:
    """As in ``Told``."""
    dated = ((time, position) for position, time in enumerate(_times(episodes)) if not isnan(time))
    time, position = max(dated, default=(nan, 0))
    if isnan(time):
        return None
    episode = episodes[position]
    title = printable(episode.title)[:_MOST_TITLE]
    return {"id": episode.id, "title": title, "published": _date(time)}


def _date(time: float) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _latest(episodes: Sequence[Episode]) -> list[float]:
    """As in ``Told``."""
    return nlargest(_MOST_DATES, (time for time in _times(episodes) if not isnan(time)))


def _times(episodes: Sequence[Episode]) -> Sequence[float]:
    return episodes.times if isinstance(episodes, Packed) else seconds_of(episodes)


def _dates(ids: Sequence[str], times: Sequence[float]) -> Iterator[tuple[str, int]]:
    """When each episode that has a date was published, by id."""
    return ((name, round(time)) for name, time in zip(ids, times, strict=True) if not isnan(time))


def _names(left_out: Iterable[LeftOut]) -> Iterator[str]:
    """A name for each entry that is no episode."""
    return (digest(f"{entry.cause} {entry.title} {entry.named}") for entry in left_out)


def _entries(episodes: Iterable[Episode], wanted: Settle, requestable: list[int]) -> Iterator[tuple[Any, ...]]:
    """The episodes as entries of the queue. The positions of those whose address can be requested are noted."""
    serializer = load_object(wanted.serializer)
    for position, episode in enumerate(episodes):
        if is_requestable(episode):
            requestable.append(position)
        # The page's own podcast may have another id in the archive.
        episode.podcast_id = wanted.podcast_id
        request = episode_request(episode)
        payload = serializer.dumps(request_to_dict(request))
        if _LOGIN.search(payload):
            request = episode_request(_masked(episode))
            payload = serializer.dumps(request_to_dict(request))
        if len(payload) > limits.MAX_RECORD:
            request = episode_request(limits.without_details(request.meta["episode"]))
            payload = serializer.dumps(request_to_dict(request))
        entry = entry_of(request, payload)
        fields = (entry.kind, entry.key, entry.group, entry.name, entry.host, entry.payload)
        yield (*fields, wanted.priority, entry.fresh, entry.version)


def _masked(episode: Episode) -> Episode:
    """The episode without the logins in its texts, but for the addresses that are needed with theirs."""
    masked: Episode = without_logins(episode)
    return replace(masked, id=episode.id, podcast_id=episode.podcast_id, enclosure=episode.enclosure, page=episode.page)


def _portions(entries: Iterable[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    """The entries in messages of a moderate size."""
    portion: list[tuple[Any, ...]] = []
    size = 0
    for entry in entries:
        portion.append(entry)
        size += len(entry[5])
        if len(portion) == MAX_ENTRIES or size >= MAX_BYTES:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion
