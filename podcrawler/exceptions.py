"""The exceptions of podcrawler, under one base class.

The message of each is one sentence for the user: what happened, and what to do about it.
"""

from pathlib import Path
from typing import Any, Literal

from podcrawler.logins import masked

#: The class of a failure, by which the queue decides on further tries (queue/retry_policy.py):
#: ``permanent``  waiting does not help (404, not an address);
#: ``blocked``    the host refuses the request (401, 403);
#: ``busy``       the host asks for a pause (429, 503);
#: ``doubtful``   the host sent something else than the file, or part of it, as if that were right, or sends from one
#:              address to the next: often for good;
#: ``passing``    the network failed, or this response was unusable;
#: ``local``      this machine failed (its disk).
FailureClass = Literal["permanent", "blocked", "busy", "doubtful", "passing", "local"]


#: Characters of the sentence of a failed entry.
_LONGEST = 2_000


class PodcrawlerError(Exception):
    """The base class. ``exit_status`` is the exit status of a command that fails with it."""

    exit_status = 2

    def __init__(self, sentence: str = "", **arguments: Any) -> None:
        # It may quote addresses.
        super().__init__(masked(sentence), **arguments)


class UsageError(PodcrawlerError):
    """Raised when a command is called with options or arguments that it does not have, or not enough of them."""


class AddressError(PodcrawlerError):
    """Raised when an address is invalid (no scheme, no host, not http or https)."""


class UnknownPodcastError(AddressError):
    """Raised when a podcast is named by an id that is not known, and that is no address either."""

    def __init__(self, podcast_id: str) -> None:
        super().__init__(f"There is no podcast {podcast_id}.")
        self.podcast_id = podcast_id


class SettingError(PodcrawlerError):
    """Raised when a setting has an invalid value."""


class SiteFileError(PodcrawlerError):
    """Raised when a file that describes a site is wrong, or cannot be read."""


class UnsupportedScrapyError(PodcrawlerError):
    """Raised when the installed Scrapy lacks a private part that podcrawler leans on (scrapy_internals.py)."""


class UnsupportedAiohttpError(PodcrawlerError):
    """Raised when the installed aiohttp lacks a private part that podcrawler leans on (http/lenient.py)."""


class RedisError(PodcrawlerError):
    """Raised when no Redis can be reached, or the one that was reached cannot be used."""


class EmbeddedServerError(RedisError):
    """Raised when the embedded Valkey cannot be started, or its state folder cannot be used."""


class StateFolderError(PodcrawlerError):
    """Raised when a command cannot use the state folder."""


class AtWorkError(PodcrawlerError):
    """Raised when ``archive`` finds another run at work on its state folder."""

    exit_status = 4


class StateDiskFullError(EmbeddedServerError):
    """Raised when the disk of the state folder has no room for the embedded Valkey, which ends when it finds none."""


class StoreError(PodcrawlerError):
    """Raised when the store (``FILES_STORE``) cannot be written to."""


class ImportFolderError(PodcrawlerError):
    """Raised when a folder cannot be imported: it cannot be read, or nothing says which podcast its files are of."""


class BagError(PodcrawlerError):
    """Raised when no bag can be made of a podcast: something is in the way, or files are damaged."""

    exit_status = 1


class MergeError(PodcrawlerError):
    """Raised when two podcasts cannot be made one: one is not known, or nodes are at work."""


class PublishError(PodcrawlerError):
    """Raised when an archive cannot be published as it was asked for."""


class NodeError(PodcrawlerError):
    """Raised when a child node dies again and again, so that the job cannot be done."""

    exit_status = 1


class CodecError(PodcrawlerError):
    """Raised when a request cannot be written as JSON, or a value from Redis is not a request."""


class EntryError(PodcrawlerError):
    """Raised when one entry of a queue cannot be finished.

    ``kind`` is a short name of the cause (``http-404``, ``timeout``); docs/commands.md lists them.
    ``retry_after`` is the pause in seconds that the host asked for, if it did (RFC 9110 §10.2.3). ``host`` is the one
    that answered; empty if that is the one that the entry's lease counts for.
    """

    exit_status = 1

    def __init__(
        self,
        kind: str,
        sentence: str,
        failure_class: FailureClass = "permanent",
        *,
        retry_after: float | None = None,
        host: str = "",
    ) -> None:
        # It quotes what publishers and servers wrote, and goes into Redis, reports and logs.
        sentence = masked(sentence)
        super().__init__(sentence if len(sentence) <= _LONGEST else f"{sentence[: _LONGEST - 1]}…")
        self.kind = kind
        self.failure_class = failure_class
        self.retry_after = retry_after
        self.host = host


class ListingError(EntryError):
    """Raised when a page or feed cannot be read as a list of episodes."""


class EpisodeError(EntryError):
    """Raised when an episode's page has no enclosure."""


class FetchError(EntryError):
    """Raised when a page or a media file could not be fetched from its server."""


class ProxyFailedError(FetchError):
    """Raised when the proxy of a request opened no way to its host.

    ``is_down`` says whether that is the proxy's own fault, so that other requests should do without it for a while.
    """

    def __init__(
        self, name: str, problem: str, remedy: str, failure_class: FailureClass = "passing", *, is_down: bool
    ) -> None:
        """``name`` is the proxy's, ``problem`` and ``remedy`` are the two parts of the sentence about it."""
        super().__init__("proxy", f"The proxy {name} {problem}; {remedy}.", failure_class)
        self.name = name
        self.problem = problem
        self.remedy = remedy
        self.is_down = is_down


class MediaError(EntryError):
    """Raised when what a server sent is not the complete media file."""


class DiskFullError(MediaError):
    """Raised when the store is full. A transfer can be resumed once ``needed`` bytes are free in ``folder``."""

    def __init__(self, folder: Path, sentence: str, *, needed: int) -> None:
        super().__init__("disk-full", sentence, failure_class="local")
        self.folder = folder
        self.needed = needed


class StoreAwayError(MediaError):
    """Raised when nothing can be written to the store for now, whatever the episode: its disk is not mounted, say."""

    def __init__(self, sentence: str) -> None:
        super().__init__("disk-error", sentence, "local")


class TransferCancelledError(EntryError):
    """Raised when this node itself cancelled a transfer: it stops, or it has lost the lease."""

    def __init__(self) -> None:
        super().__init__("cancelled", "The transfer was given up: this node stops, or it lost the lease.", "passing")
