"""Episodes whose files were there before podcrawler: recorded as finished, and found again under their real ids.

podcrawler's ancestor named files by the last five characters of an episode's address. That is the id itself where ids
have five digits; where they have more, an imported file is matched by that suffix and by its title.
"""

from collections.abc import Iterable, Mapping, Sequence

from podcrawler.items import Episode
from podcrawler.queue.archive import Archive, Imported
from podcrawler.queue.broker import Broker
from podcrawler.queue.values import recorded as recorded_value

#: Characters of the address that the ancestor used.
_SUFFIX = 5


class Imports:
    """The imported episodes of one archive. Blocks on Redis."""

    def __init__(self, episodes: Broker, archive: Archive) -> None:
        self._episodes = episodes
        self._archive = archive

    def record(self, files: Sequence[Imported]) -> int:
        """Record the files' episodes as finished; how many were not before."""
        # Of an episode's files the last version is the one that is recorded.
        by_version = sorted(files, key=lambda file: file.version, reverse=True)
        recorded = self._episodes.record(
            (file.podcast_id, file.id, recorded_value(file.size, "", file.version)) for file in by_version
        )
        self._archive.keep_imported(file for file in files if len(file.id) == _SUFFIX and not file.traits)
        return recorded

    def of(self, podcast_id: str) -> dict[str, Imported]:
        """The podcast's imported files whose episodes are not known yet, by the ids in their names."""
        return self._archive.imported(podcast_id)

    def claim(self, podcast_id: str, claimed: Sequence[tuple[str, Imported]]) -> None:
        """Record as finished the episodes, by id, that were imported under the ancestor's id."""
        if claimed:
            self._episodes.record([(podcast_id, name, file.size) for name, file in claimed])
            self._archive.drop_imported(podcast_id, [file.id for _, file in claimed])


def claims(imported: Mapping[str, Imported], episodes: Iterable[Episode]) -> list[tuple[str, Imported]]:
    """The episodes of a podcast whose files were imported under another id: the id of each, and its file."""
    left = dict(imported)
    claimed = []
    for episode in episodes if left else ():
        suffix = episode.id[-_SUFFIX:]
        file = left.get(suffix)
        if file and episode.id == suffix:
            del left[suffix]
        elif file and _is_same_title(episode.title, file.title):
            claimed.append((episode.id, file))
            del left[suffix]
    return claimed


def _is_same_title(listed: str, in_file_name: str) -> bool:
    """Whether a file may be named after the listed title. Only letters and digits count, because the other characters
    change on the way into a file name; an episode that is listed without a title matches any."""
    return not listed or _letters(listed) == _letters(in_file_name)


def _letters(title: str) -> str:
    return "".join(char for char in title.casefold() if char.isalnum())
