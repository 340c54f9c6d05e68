"""How far a job is, and how it ended: what the display and the summary show."""

from dataclasses import dataclass, field

from podcrawler.fleet.stopped import Stopped
from podcrawler.queue.failures import Failed
from podcrawler.queue.states import Delay, HostWait
from podcrawler.sites.accounting import Account


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far the job is."""

    #: Entries that are pending, leased or delayed.
    open_episodes: int
    open_pages: int
    #: Episodes that were downloaded, and their bytes; that were there; that failed.
    finished: int = 0
    bytes: int = 0
    found: int = 0
    failed: int = 0
    #: The hosts that episodes wait for, of any podcast.
    waits: list[HostWait] = field(default_factory=list)
    #: What is tried again later.
    delays: list[Delay] = field(default_factory=list)
    page_delays: list[Delay] = field(default_factory=list)
    #: Addresses that nothing is known of yet.
    unread: list[str] = field(default_factory=list)
    #: Open episodes of other podcasts in the same queue.
    others: int = 0

    @property
    def seems_done(self) -> bool:
        """Whether nothing is open, as far as Redis counts in passing."""
        return self.open_episodes + self.open_pages == 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the job ended."""

    #: By id: the titles of the podcasts that the addresses led to.
    podcasts: dict[str, str]
    #: By id: what became of the entries of those podcasts some of whose entries are no episodes.
    accounts: dict[str, Account]
    #: By id: the id of the podcast that declared the same guid first.
    claims: dict[str, str]
    #: By id: how many episodes of those podcasts are in the archive.
    recorded: dict[str, int]
    #: Episodes that were downloaded, and their bytes.
    finished: int
    bytes: int
    #: Episodes that were in the archive before.
    already_there: int
    failed: list[Failed]
    #: Sentences on what lists of subscriptions name that leads nowhere, and on files that are gone for good.
    left_out: list[str]
    #: What the job has left, if it was stopped.
    stopped: Stopped | None = None
    #: By id: how many episodes of those podcasts are not wanted any more (``forget``).
    removed: dict[str, int] = field(default_factory=dict)
