"""Episodes whose files were there before podcrawler: recorded as finished, and found again under their real ids.

podcrawler's ancestor took the last five characters of an episode's address for its id. That is the id itself where
ids have five digits; where they have more, an imported file is told by that ending and by its title.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from podcrawler.items import Episode
from podcrawler.queue.broker import Broker

#: Characters of the address that the ancestor used.
_SUFFIX = 5


@dataclass(frozen=True, slots=True)
class Imported:
    """A media file that was there before."""

    podcast_id: str
    #: The id in the file's name.
    id: str
    #: The title in the file's name.
    title: str
    #: Bytes.
    size: int


class Imports:
    """The imported episodes of one archive. Blocks on Redis."""

    def __init__(self, episodes: Broker) -> None:
        self._episodes = episodes
        self._redis: Any = episodes.redis

    def record(self, files: Sequence[Imported]) -> int:
        """Record the files' episodes as finished; how many were not before."""
        recorded = self._episodes.record([(file.podcast_id, file.id, file.size) for file in files])
        for file in files:
            if len(file.id) == _SUFFIX:
                told = json.dumps({"title": file.title, "size": file.size})
                self._redis.hset(self._key(file.podcast_id), file.id, told)
        return recorded

    def claim(self, podcast_id: str, episodes: Iterable[Episode]) -> int:
        """Record those of the podcast's episodes as finished that an imported file is of, under the ancestor's id.

        Returns how many; costs one call of Redis where nothing was imported.
        """
        imported: dict[str, dict[str, Any]] = {
            suffix.decode(): json.loads(told) for suffix, told in self._redis.hgetall(self._key(podcast_id)).items()
        }
        claimed = []
        for episode in episodes:
            file = imported.get(episode.id[-_SUFFIX:])
            if file and episode.id == episode.id[-_SUFFIX:]:
                del imported[episode.id]
            elif file and _same_title(episode.title, file["title"]):
                claimed.append((episode, file["size"]))
                del imported[episode.id[-_SUFFIX:]]
        if not claimed:
            return 0
        self._episodes.record([(podcast_id, episode.id, size) for episode, size in claimed])
        suffixes = [episode.id[-_SUFFIX:] for episode, _ in claimed]
        self._redis.hdel(self._key(podcast_id), *suffixes)
        self._redis.hdel(self._episodes.keys.finished(podcast_id), *suffixes)
        return len(claimed)

    def _key(self, podcast_id: str) -> str:
        return self._episodes.keys.imported(podcast_id)


def _same_title(told: str, in_name: str) -> bool:
    """Whether the title that a page told may have become the one in a file's name: letters and digits tell."""
    return not told or _letters(told) == _letters(in_name)


def _letters(title: str) -> str:
    return "".join(char for char in title.casefold() if char.isalnum())
