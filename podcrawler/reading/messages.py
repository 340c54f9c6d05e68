"""What a node and a reading process say to each other about one document, and how it travels through a socket; and what
a node says to the program that reading processes are forks of.

The values are pickled. Both ends are this program, and their socket has no name that another process could connect to:
nothing that came from outside is ever unpickled, only carried inside of what is.
"""

import pickle
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from scrapy import Request
from scrapy.http import Response, TextResponse

from podcrawler.exceptions import FailureClass
from podcrawler.items import Episode
from podcrawler.queue.archive import Imported
from podcrawler.queue.leases import Entry
from podcrawler.sites.base import Listing, Referral
from podcrawler.sites.encodings import readable
from podcrawler.sites.wanted import Latest

#: Asks the program for a fork; the descriptor that comes with it is the fork's socket to the node. The answer is its
#: process id.
FORK = b"f"
#: Asks the program to end the fork of this process id. The answer is its status, as ``os.waitpid`` has it.
END = b"e"
NUMBER = struct.Struct("!i")
READY = b"r"
#: In front of a message: the bytes of its value, and those of the body behind it.
HEADER = struct.Struct("!QQ")
#: Entries, and bytes of their requests, in one message: what the event loop unpickles in a few milliseconds.
MAX_ENTRIES = 500
MAX_BYTES = 500_000
#: Names, or fields of Redis, in one message.
MAX_NAMES = 2_000


class Page(NamedTuple):
    """What sites may know of a response; its body follows the message."""

    url: str
    status: int
    headers: dict[bytes, list[bytes]]
    flags: list[str]
    #: The addresses that redirected to this one, the first that was asked for in front.
    redirect_urls: list[str]
    #: Whether Scrapy takes it for text.
    is_text: bool

    @classmethod
    def of(cls, response: Response) -> "Page":
        meta = response.request.meta if response.request else {}
        headers = {name: list(values) for name, values in response.headers.items()}
        redirect_urls = list(meta.get("redirect_urls", ()))
        is_text = isinstance(response, TextResponse)
        return cls(response.url, response.status, headers, list(response.flags), redirect_urls, is_text)

    def response(self, body: bytes) -> TextResponse:
        meta = {"redirect_urls": self.redirect_urls} if self.redirect_urls else {}
        # Scrapy takes for binary what its label, or a few odd bytes, make look so; the sites know better.
        response = TextResponse(
            self.url,
            status=self.status,
            headers=self.headers,
            body=body,
            flags=self.flags,
            request=Request(self.url, meta=meta),
        )
        return readable(response)


@dataclass(frozen=True, slots=True)
class ReadPage:
    """Asks what a page lists or refers to. The answer is a Referred, a Head, or a failure."""

    page: Page
    #: As in docs/settings.md.
    media: Set[str]
    enclosures: str
    max_entries: int
    #: Whether a page that lists nothing is right.
    may_be_empty: bool
    #: Whether a page that refers to others is to be read as the list that it is otherwise.
    as_list: bool = False


@dataclass(frozen=True, slots=True)
class ReadEpisode:
    """Asks for an episode as its own page completes it. The answer is the Episode, or a failure."""

    page: Page
    episode: Episode


Job: TypeAlias = ReadPage | ReadEpisode


@dataclass(frozen=True, slots=True)
class Referred:
    """A page that refers to others."""

    #: Without what the page lists itself.
    referral: Referral
    #: Whether it lists anything itself.
    is_list: bool


@dataclass(frozen=True, slots=True)
class Head:
    """A page that lists something. The process keeps the entries, and waits for a Settle or a Show."""

    #: Without entries.
    listing: Listing
    #: Whether what earlier visits know of the podcast's episodes decides on their ids.
    needs_identities: bool


@dataclass(frozen=True, slots=True)
class Show:
    """Asks for the episodes as they are: lists of Episodes, then a Told."""


@dataclass(frozen=True, slots=True)
class Settle:
    """Asks for the entries that are to be queued. What earlier visits know of the podcast's episodes follows in
    mappings (``Listings.identities``), an empty one last, if the Head needs it.

    The answers are any number of ``AskSizes``, a Settled, any number of ``Batch``, a Told."""

    podcast_id: str
    imported: Mapping[str, Imported]
    #: The import path of the serializer (``SCHEDULER_SERIALIZER``).
    serializer: str
    #: Whether the name of every entry is wanted, to see whether the page lists anything new.
    wants_names: bool
    #: Of the entries.
    priority: int = 0
    #: Which episodes are wanted (``Wanted.to_json``) at the time ``now``, in seconds since 1970. None: all.
    wanted: Any = None
    now: float = 0.0
    #: The latest of the pages of this visit before this one, if those count.
    earlier: Mapping[str, Latest] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AskSizes:
    """Asks for the bytes of those of these episodes that are finished, by id: a mapping."""

    names: Sequence[str]


@dataclass(frozen=True, slots=True)
class Settled:
    """The episodes have their ids."""

    #: Episodes that were imported under other ids: the id, and the file.
    claimed: list[tuple[str, Imported]]
    #: The latest of the pages so far, if those count.
    latest: Mapping[str, Latest]


class Batch(NamedTuple):
    """A part of what a page lists."""

    #: The fields of ``Entry``: tuples take a tenth of its time.
    entries: Sequence[tuple[Any, ...]] = ()
    names: Sequence[str] = ()
    #: What is to be kept of episodes to know them again, by id.
    traits: Mapping[str, str] = {}
    #: When episodes were published, in seconds since 1970, by id.
    dates: Mapping[str, int] = {}
    #: Of episodes that are not wanted, by id: JSON of ``title``, ``reason``, and as far as they are known ``published``
    #: (as in ``Told``) and ``size`` (bytes, as announced).
    left_out: Mapping[str, str] = {}

    def made(self) -> Iterator[Entry]:
        return (Entry(*fields) for fields in self.entries)


@dataclass(frozen=True, slots=True)
class Told:
    """The end of a listing."""

    #: The account of the whole page, as JSON (sites/accounting.py).
    account: dict[str, Any]
    #: The ``id``, the ``title`` and when it was ``published`` (``YYYY-MM-DDTHH:MM:SSZ``) of the newest of the episodes
    #: that have a date; None if none has.
    newest: dict[str, str] | None = None
    #: When the newest of them were published, in seconds since 1970, the latest first.
    latest: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Done:
    """The last word about a document, whatever came before: whether the process reads another one."""

    stays: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """The document cannot be read."""

    kind: str
    sentence: str
    failure_class: FailureClass


@dataclass(frozen=True, slots=True)
class Broken:
    """The code of a site failed: a mistake in it."""

    error: str
    traceback: str


def packed(value: Any, body: bytes = b"") -> bytes:
    """A message but for the body that follows it."""
    content = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return HEADER.pack(len(content), len(body)) + content


class Connection:
    """The side of a reading process. Blocking."""

    def __init__(self, node: socket.socket) -> None:
        self._node = node

    def receive(self) -> tuple[Any, bytes]:
        """The next message and its body. Raises EOFError if the node has gone."""
        size, body_size = HEADER.unpack(self._read(HEADER.size))
        value = pickle.loads(self._read(size))
        return value, bytes(self._read(body_size))

    def send(self, value: Any) -> None:
        self._node.sendall(packed(value))

    def _read(self, size: int) -> bytearray:
        content = bytearray(size)
        at = memoryview(content)
        while at:
            received = self._node.recv_into(at)
            if not received:
                raise EOFError
            at = at[received:]
        return content
