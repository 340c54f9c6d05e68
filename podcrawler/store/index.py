"""Which episodes may have files in a podcast's folder, so that a folder of a hundred thousand is not listed for each.

A folder is listed once. From then on only what this process adds is known, and that is enough for an episode that
no node has worked on before; for any other the store looks again (``Store.refresh``).

The ids are kept in a Bloom filter, whose size does not depend on their number. A set of 100,000 ids takes 10 MB, and
with a bounded one the folder would be listed for each episode beyond the bound, which takes 80 ms for that many files.
"""

from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from podcrawler.store import names
from podcrawler.store.fs_errors import names_in

#: Bits of the filter, 1 MiB of them, and how many an id sets. Its rate of false positives is 1 in 200,000 with 100,000
#: ids, 1 in 50 with a million, and 1 in 7 with two million; a false positive costs a look at the folder.
_BITS, _PER_EPISODE = 1 << 23, 4
#: Listed folders that are remembered. The one that was listed first is forgotten, and listed again if need be.
MAX_FOLDERS = 1000


class EpisodeIndex:
    """May have false positives, never a false negative as of the last look. Safe to use from any thread."""

    def __init__(self, max_folders: int = MAX_FOLDERS) -> None:
        self._filter = bytearray(_BITS // 8)
        #: The folders that were listed, in that order.
        self._listed: dict[Path, None] = {}
        self._max_folders = max_folders
        #: Held for moments only.
        self._lock = Lock()
        #: Held while a folder is listed.
        self._listing = Lock()

    def may_have(self, folder: Path, episode_id: str) -> bool:
        """Whether there may be a file of the episode. Does not block."""
        return folder not in self._listed or all(self._filter[byte] & bit for byte, bit in _bits(folder, episode_id))

    def load(self, folder: Path) -> bool:
        """List the folder, unless that was done before; whether it was not. Blocking. Raises MediaError if it cannot be
        listed."""
        with self._listing:
            if folder in self._listed:
                return False
            for episode_id in {name.partition(".")[0] for name in names_in(folder)}:
                self.add(folder, episode_id)
            with self._lock:
                self._listed[folder] = None
                if len(self._listed) > self._max_folders:
                    del self._listed[next(iter(self._listed))]
            return True

    def refresh(self, folder: Path, episode_id: str) -> None:
        """Look whether there is a file of the episode by now. Blocking; raises as ``load``."""
        if self.load(folder) or self.may_have(folder, episode_id):
            return
        if any(names.in_any_case(names_in(folder), episode_id)):
            self.add(folder, episode_id)

    def add(self, folder: Path, episode_id: str) -> None:
        """There is a file of the episode now. Does not block."""
        with self._lock:
            for byte, bit in _bits(folder, episode_id):
                self._filter[byte] |= bit


def _bits(folder: Path, episode_id: str) -> Iterator[tuple[int, int]]:
    """The bits of an id, as byte and value. Upper and lower case are one, because some disks do not distinguish them.
    Two halves of one hash stand in for any number of hashes (Kirsch and Mitzenmacher, 2006)."""
    whole = hash((folder, episode_id.casefold()))
    first, step = whole & 0xFFFFFFFF, whole >> 32 | 1
    for number in range(_PER_EPISODE):
        position = (first + number * step) % _BITS
        yield position >> 3, 1 << (position & 7)
