"""Episodes in little memory: a feed may list hundreds of thousands, and nobody looks at many of them at once.

What decides on all of them, their ids and times, is kept beside them. The episodes themselves take 2 KB each, and 100
bytes packed.
"""

import pickle
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from typing import overload

from typing_extensions import override

from podcrawler.batching import batches
from podcrawler.items import Episode
from podcrawler.sites.order import seconds_of

#: Episodes that are packed together.
_BLOCK = 16
#: So many are kept as they are: packing and unpacking take a tenth of the time of a feed.
LOOSE = 10_000
#: Blocks that are kept unpacked. Feeds are in the order of their dates, more or less.
_RECENT = 64


class Packed(Sequence[Episode]):
    """Episodes of one podcast. The fastest order to look at them is theirs, or the reverse."""

    def __init__(self, episodes: Iterable[Episode] = ()) -> None:
        self._blocks: list[list[Episode] | bytes] = []
        self._recent: dict[int, list[Episode]] = {}
        #: The id of each, and when it was published (``seconds_of``).
        self.ids: list[str] = []
        self.times = array("d")
        #: The id of their podcast; empty if each has its own right one.
        self.podcast_id = ""
        packed = 0
        for block in batches(episodes, _BLOCK):
            self.ids += [episode.id for episode in block]
            self.times += seconds_of(block)
            self._blocks.append(block)
            if len(self.ids) > LOOSE:
                self._blocks[packed:] = [zlib.compress(pickle.dumps(one), 1) for one in self._blocks[packed:]]
                packed = len(self._blocks)
        #: The place of each in the blocks.
        self.places: Sequence[int] = range(len(self.ids))

    def at(self, positions: Sequence[int]) -> "Packed":
        """Those at these positions, in this order."""
        if positions == range(len(self)):
            return self
        return self._view([self.ids[position] for position in positions], positions)

    def under(self, ids: list[str]) -> "Packed":
        """The same episodes under other ids, one for each."""
        return self._view(ids, range(len(self)))

    def _view(self, ids: list[str], positions: Sequence[int]) -> "Packed":
        view = copy(self)
        view.ids = ids
        view.times = array("d", (self.times[position] for position in positions))
        view.places = array("L", (self.places[position] for position in positions))
        return view

    @override
    def __len__(self) -> int:
        return len(self.ids)

    @override
    def __iter__(self) -> Iterator[Episode]:
        return map(self._episode, range(len(self)))

    @overload
    def __getitem__(self, position: int) -> Episode: ...
    @overload
    def __getitem__(self, position: slice) -> "Packed": ...
    @override
    def __getitem__(self, position: int | slice) -> "Episode | Packed":
        if isinstance(position, slice):
            return self.at(range(len(self))[position])
        return self._episode(position)

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    @override
    def __repr__(self) -> str:
        return f"Packed({list(self)!r})"

    def _episode(self, position: int) -> Episode:
        number, place = divmod(self.places[position], _BLOCK)
        episode = self._block(number)[place]
        if self.podcast_id:
            episode.podcast_id = self.podcast_id
        name = self.ids[position]
        return episode if episode.id == name else replace(episode, id=name)

    def _block(self, number: int) -> list[Episode]:
        block = self._blocks[number]
        if isinstance(block, list):
            return block
        if number not in self._recent:
            if len(self._recent) == _RECENT:
                del self._recent[next(iter(self._recent))]
            self._recent[number] = pickle.loads(zlib.decompress(block))
        return self._recent[number]
