"""Which episodes may have files in a podcast's folder, so that a folder of a hundred thousand is not listed for each.

A folder is listed once. From then on only what this process adds is known, and that is enough for an episode that
nobody has worked on before; for any other the store is told to look anew (``Store.refresh``). What is known is a Bloom
filter, which takes as much memory for a million episodes as for a thousand.
"""

from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from podcrawler.store import names
from podcrawler.store.fs_errors import names_in

#: Bits of the filter, 1 MiB of them, and how many an episode sets. They say yes where there is nothing for one id in
#: 200,000 when 100,000 episodes are known, for one in 50 when a million are, and for one in 7 when two millions are; a
#: yes costs looks at the folder.
_BITS, _PER_EPISODE = 1 << 23, 4
#: Folders that are known at once. The one that was listed first goes, and is listed again if need be.
_MOST_FOLDERS = 1000


class EpisodeIndex:
    """May say yes where there is nothing, never no where there was something at the last look. For any thread."""

    def __init__(self) -> None:
        self._filter = bytearray(_BITS // 8)
        #: The folders that were listed, in that order.
        self._listed: dict[Path, None] = {}
        #: Held for moments only.
        self._lock = Lock()
        #: Held while a folder is listed.
        self._listing = Lock()

    def may_have(self, folder: Path, episode_id: str) -> bool:
        """Whether there may be a file of the episode. Does not block."""
        return folder not in self._listed or all(self._filter[byte] & bit for byte, bit in _bits(folder, episode_id))

    def look(self, folder: Path) -> bool:
        """List the folder, unless that was done before; whether it was not. Blocking. Raises MediaError if it cannot be
        listed."""
        with self._listing:
            if folder in self._listed:
                return False
            for episode_id in {name.partition(".")[0] for name in names_in(folder)}:
                self.add(folder, episode_id)
            with self._lock:
                self._listed[folder] = None
                if len(self._listed) > _MOST_FOLDERS:
                    del self._listed[next(iter(self._listed))]
            return True

    def look_anew(self, folder: Path, episode_id: str) -> None:
        """Look whether there is a file of the episode by now. Blocking; raises as ``look``."""
        if self.look(folder) or self.may_have(folder, episode_id):
            return
        if any(names.in_any_case(names_in(folder), episode_id)):
            self.add(folder, episode_id)

    def add(self, folder: Path, episode_id: str) -> None:
        """There is a file of the episode now. Does not block."""
        with self._lock:
            for byte, bit in _bits(folder, episode_id):
                self._filter[byte] |= bit


def _bits(folder: Path, episode_id: str) -> Iterator[tuple[int, int]]:
    """The bits of an episode, as byte and value: those of its id without its case, because some disks do not tell cases
    apart. Two halves of a hash do for as many hashes as one likes (Kirsch and Mitzenmacher, 2006)."""
    whole = hash((folder, episode_id.casefold()))
    first, step = whole & 0xFFFFFFFF, whole >> 32 | 1
    for number in range(_PER_EPISODE):
        place = (first + number * step) % _BITS
        yield place >> 3, 1 << (place & 7)
