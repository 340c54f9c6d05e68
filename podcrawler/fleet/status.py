"""What is going on in the whole fleet, read from Redis at one moment."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from redis import Redis

from podcrawler.namespace import AnySettings
from podcrawler.queue.listings import Listings
from podcrawler.queue.overview import Overview, Report
from podcrawler.queue.states import Counts, HostWait, QueueStates, Unreported
from podcrawler.sites.accounting import Account


@dataclass(frozen=True, slots=True)
class Status:
    """The state of an archive and its nodes. Its fields are those of ``status --json``."""

    #: Episodes by state.
    queue: Counts
    #: Feeds and list pages by state; ``finished`` is 0, because they are visited again.
    pages: Counts
    podcasts: int
    #: By id: what became of the entries of those podcasts some of whose entries are no episodes.
    accounts: dict[str, Account]
    #: Whether no leases are granted (``pause``).
    paused: bool
    #: The hosts that episodes wait for.
    hosts: list[HostWait]
    nodes: list[Report]
    #: By queue that has any: the leases of nodes that do not report any more.
    unreported: dict[str, Unreported]
    #: How many entries failed, by kind of failure, the most frequent first.
    failures: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        accounts = {podcast_id: account.to_json() for podcast_id, account in self.accounts.items()}
        return {**asdict(self), "accounts": accounts}


def read_status(settings: AnySettings, redis: Redis) -> Status:
    """The status of the archive that the settings name. Blocks on Redis."""
    archive = Overview.from_settings(settings, redis)
    episodes = QueueStates.from_settings(settings, redis, "episodes")
    pages = QueueStates.from_settings(settings, redis, "podcasts")
    kinds = Counter(failed.kind for queue in (episodes, pages) for failed in queue.failed())
    podcasts = archive.podcast_ids()
    nodes = archive.reports()
    return Status(
        queue=episodes.counts(podcasts),
        pages=pages.counts([]),
        podcasts=len(podcasts),
        accounts=read_accounts(Listings.from_settings(settings, redis), podcasts),
        paused=archive.is_paused(),
        hosts=episodes.waits(),
        nodes=nodes,
        unreported=read_unreported((pages, episodes), nodes),
        failures=dict(kinds.most_common()),
    )


def read_unreported(queues: Iterable[QueueStates], nodes: Sequence[Report]) -> dict[str, Unreported]:
    """By queue: the leases of nodes that died. None as long as a node of an earlier release reports, because its leases
    cannot be told from those. Blocks on Redis."""
    marks = {node.mark for node in nodes}
    found = {queue.name: queue.leases_without(marks) for queue in queues if "" not in marks}
    return {name: unreported for name, unreported in found.items() if unreported.leases}


def read_accounts(listings: Listings, podcast_ids: list[str]) -> dict[str, Account]:
    """What became of the entries of those podcasts that have entries that are no episodes. Blocks on Redis."""
    return {
        podcast_id: sum(map(Account.from_json, pages), Account())
        for podcast_id, pages in listings.accounts(podcast_ids).items()
    }
