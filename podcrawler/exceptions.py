"""Everything that podcrawler raises on purpose, under one base class.

The text of each is one sentence for the person who reads it: what happened, and what to do about it.
"""

from pathlib import Path
from typing import Literal

from scrapy.exceptions import DropItem

#: What kind of remedy a failure has, by which the queue decides on further tries (queue/retrying.py):
#: ``permanent``  none that podcrawler could wait for (not found, no address);
#: ``blocked``    the host refuses us (401, 403);
#: ``busy``       the host asks for patience (429, 503);
#: ``passing``    the network, or an answer that was no good this time;
#: ``local``      this machine (its disk).
FailureClass = Literal["permanent", "blocked", "busy", "passing", "local"]


class PodcrawlerError(Exception):
    """The base of all errors here. ``exit_status`` is what a command that ends with it exits with."""

    exit_status = 2


class AddressError(PodcrawlerError):
    """Raised when what was given as an address cannot be one (no scheme, no host, not http or https)."""


class SettingError(PodcrawlerError):
    """Raised when a setting has a value that cannot be worked with."""


class UnsupportedScrapyError(PodcrawlerError):
    """Raised when the installed Scrapy lacks a private part that podcrawler leans on (scrapy_internals.py)."""


class RedisError(PodcrawlerError):
    """Raised when no Redis can be reached, or when the one that was reached cannot be used."""


class EmbeddedServerError(RedisError):
    """Raised when the embedded Valkey cannot be started, or its state folder cannot be used."""


class StoreError(PodcrawlerError):
    """Raised when the store (``FILES_STORE``) cannot be written to."""


class ImportFolderError(PodcrawlerError):
    """Raised when a folder cannot be imported: it cannot be read, or does not tell whose files are in it."""


class NodeError(PodcrawlerError):
    """Raised when a child node keeps dying, so that the work cannot go on."""

    exit_status = 1


class CodecError(PodcrawlerError):
    """Raised when a request cannot be written as JSON, or a text from Redis is no request."""


class EntryError(PodcrawlerError):
    """Raised when one entry of a queue cannot be finished.

    ``kind`` is a short word that is the same for all failures of one cause (``http-404``, ``timeout``).
    ``retry_after`` is how many seconds the host asked to be left alone for, if it did.
    """

    exit_status = 1

    def __init__(
        self,
        kind: str,
        sentence: str,
        failure_class: FailureClass = "permanent",
        *,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.failure_class = failure_class
        self.retry_after = retry_after


class ListingError(EntryError):
    """Raised when a page or feed cannot be read as a list of episodes."""


class EpisodeError(EntryError):
    """Raised when an episode's page does not tell where its audio is."""


class FetchError(EntryError):
    """Raised when a page or a media file could not be had from its server."""


class MediaError(EntryError):
    """Raised when what a server sent is not the complete media file that was asked for."""


class DiskFullError(MediaError):
    """Raised when the store has no room. A transfer may go on once there are ``needed`` bytes free in ``folder``."""

    def __init__(self, folder: Path, sentence: str, *, needed: int) -> None:
        super().__init__("disk-full", sentence, failure_class="local")
        self.folder = folder
        self.needed = needed


class TransferCancelledError(EntryError):
    """Raised when a transfer was given up by this node itself: it stops, or it lost the lease."""

    def __init__(self) -> None:
        super().__init__("cancelled", "The transfer was given up: this node stops, or it lost the lease.", "passing")


class LeaseEndedError(PodcrawlerError, DropItem):
    """Raised to drop an episode on which this node holds no lease, or has ended it: nothing is left to answer for."""
