"""What the pipeline asks of a store (``FILES_STORE``), whatever its kind: a folder (local.py) or a bucket (s3.py)."""

from typing import Protocol

from podcrawler.store.part import PartFile


class Store(Protocol):
    """What the pipeline asks of a store, beside Scrapy's own interface (``STORE_SCHEMES``).

    All methods but ``may_have``, ``reserve_path`` and, where ``may_have`` says no, ``new_part`` block: call
    them in threads. Ids that are illegal raise ValueError; the disk's refusals MediaError.
    """

    def check(self) -> None:
        """Raise StoreError if nothing can be written here."""

    def refresh(self, podcast_id: str, episode_id: str) -> None:
        """Another node may have worked on the episode: do not trust what was known of its files."""

    def may_have(self, podcast_id: str, episode_id: str) -> bool:
        """Whether a look is worth it: whether there may be a file, or leavings, of the episode. Does not block."""

    def find(self, podcast_id: str, episode_id: str) -> tuple[str, int] | None:
        """The complete media file of the episode: its path relative to the store, and its size in bytes. A file that
        shows to be something else, or cut off (sniff.is_sound), is none."""

    def new_part(self, podcast_id: str, episode_id: str, token: str, enclosure: str) -> PartFile:
        """The file for a transfer of ``enclosure`` (the address): the best that dead nodes left, else a new one."""

    def clean(self, podcast_id: str, episode_id: str) -> None:
        """Remove what dead nodes left of the episode's transfers."""

    def reserve_path(self, podcast_id: str, name: str) -> str | None:
        """The path at which a file of that name (made by names.file_name) is published, if ``files.link`` is
        all that this takes; from then on there may be one. None if it has to be adopted. Does not block."""

    def publish(self, part: PartFile, podcast_id: str, name: str) -> tuple[str, int]:
        """Publish a sealed part under ``name`` (made by names.file_name): relative path, and size in bytes. What dead
        nodes left of the episode's transfers goes. A power cut may take the name back until ``sync``.

        If a complete file of that name is already there it stays, and the part goes. If what is there is broken, or if
        there is one whose name differs in upper and lower case alone, the new one gets a name that is told apart.
        """

    def sync(self, podcast_id: str) -> None:
        """Have all that was adopted in the podcast outlast a power cut."""
