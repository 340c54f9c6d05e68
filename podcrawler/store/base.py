"""What the pipeline asks of a store (``FILES_STORE``), whatever its kind: a folder (local.py) or a bucket (s3.py)."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from podcrawler.agent import Agent
from podcrawler.following import Following
from podcrawler.items import Podcast
from podcrawler.store.description import Description
from podcrawler.store.names import Destination
from podcrawler.store.part import PartFile
from podcrawler.store.sidecar import BesideFile, Sidecar


class StoredFile(NamedTuple):
    """A complete media file that the store has."""

    #: Relative to the store.
    path: str
    #: Bytes.
    size: int


class Published(NamedTuple):
    """What became of a part that was published."""

    #: Relative to the store.
    path: str
    #: Bytes of the file there.
    size: int
    #: Of the file there, in hex digits; None if it was adopted.
    sha256: str | None
    #: Whether a complete file was there already, which stays; the part was removed.
    adopted: bool = False


class Store(Protocol):
    """A place for media files, beside Scrapy's own interface (``STORE_SCHEMES``).

    All methods block, so they are called in threads, but for ``prove_with``, ``may_have``, ``reserve_path`` and, where
    ``may_have`` says no, ``new_part``. Ids that are illegal raise ValueError; refusals of the disk or the bucket
    MediaError.
    """

    def check(self, *, again: bool = False) -> None:
        """Raise StoreError if nothing can be written here; with ``again``, for now. Only the first time, a folder that
        is missing is made, and a bucket is asked."""

    def prove_with(self, key: bytes) -> None:
        """Use the key of the fleet for proving what parts have, so that each node can resume the parts of any other. A
        store without it resumes its own."""

    def refresh(self, podcast_id: str, episode_id: str) -> None:
        """Look again for files of the episode: another node may have worked on it."""

    def may_have(self, podcast_id: str, episode_id: str) -> bool:
        """Whether there may be a file or a part of the episode, so that a look is needed."""

    def find(self, podcast_id: str, episode_id: str, version: int = 1) -> StoredFile | None:
        """The complete media file of the episode, by the default name: that of this version, or, for the first one,
        that of the last version that is there. A file that turns out to be something else, or cut off (sniff.is_sound),
        does not count."""

    def new_part(
        self, podcast_id: str, episode_id: str, token: str, enclosure: str, *, is_first: bool = False
    ) -> PartFile:
        """The part for a transfer of ``enclosure`` (the address): the best that dead nodes left, else a new one.
        ``is_first``: none can have left one."""

    def clean(self, podcast_id: str, episode_id: str) -> None:
        """Remove the parts of the episode that dead nodes left."""

    def kept(self, podcast_id: str, episode_id: str) -> int:
        """Bytes of the episode's parts, with which a later transfer can go on."""

    def reserve_path(self, destination: Destination) -> Path | None:
        """The path at which a hard link alone publishes the file; from then on there may be one. None if ``publish``
        has to do it."""

    def introduce(self) -> None:
        """Have the store tell people what it is, once."""

    def note_podcast(self, podcast: Podcast, subscription: Following | None = None) -> None:
        """See that the store tells this of the podcast, and of the subscription to it, beside its files."""

    def note_found(self, found: StoredFile, description: Description) -> None:
        """See that a file that the store has is described. Reads all of it if it is not."""

    def described(self, path: str) -> Sidecar | None:
        """The sidecar of a media file that the store has, relative to it, with those files beside that which are there;
        None if it has none that can be read."""

    def amend(self, path: str, change: Callable[[Sidecar], Sidecar]) -> None:
        """Have the sidecar of a media file tell something else, if there is one."""

    def publish_beside(
        self, part: PartFile, path: str, told: BesideFile, is_held: Callable[[], bool], agent: Agent
    ) -> BesideFile | None:
        """Seal the part and give it a name beside a media file, whose sidecar, manifest and events tell of it; all of
        that survives a power cut when this returns. ``told`` has what its name ends with in place of the name. None if
        the lease is not held after sealing: the part stays with this node. A file that has these bytes already is taken
        for it, and the part stays, too.

        If ``path`` is that of a podcast's record (PODCAST_NAME), it becomes the cover of the podcast, of which the
        record tells. The former one gets another name; a file of somebody else that is in the way raises MediaError.
        """

    def podcast_cover(self, podcast_id: str) -> BesideFile | None:
        """The cover of a podcast, if the store has it, as its record tells."""

    def publish(
        self,
        part: PartFile,
        destination: Destination,
        is_held: Callable[[], bool],
        description: Description | None = None,
    ) -> Published | None:
        """Seal the part and give it its final name, and put beside it what ``description`` tells of it; all of that
        survives a power cut when this returns. None if the lease is not held (``is_held``) after sealing: the part
        stays with this node, as it does if this raises.

        A complete file of the episode that has the name stays, and the part is removed. If the file there is broken or
        another's, or its name differs in upper and lower case alone, the new one gets a disambiguated name. Parts of
        the episode that dead nodes left are removed.
        """
