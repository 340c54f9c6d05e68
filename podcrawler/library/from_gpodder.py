"""What gPodder (3.11) leaves in ``~/gPodder``: a database with all that it knows of feeds and episodes, and the files
in ``Downloads``, in a folder for each podcast."""

from pathlib import Path, PurePath

from podcrawler.exceptions import ImportFolderError
from podcrawler.library.leavings import Beside, Leavings, LeftFile, find, rows, text

DATABASE = "Database"
_QUERY = """
SELECT podcast.download_folder, episode.download_filename, podcast.url, episode.guid, episode.url, episode.title,
  episode.file_size
FROM episode JOIN podcast ON podcast.id = episode.podcast_id WHERE episode.download_filename IS NOT NULL
"""

#: What is told of a file that the database does not know.
_UNKNOWN = ["", "", "", "", None]


def read(folder: Path, database: Path | None) -> Leavings:
    """What is in gPodder's folder, or in that of its downloads. ``database``: where it is, if neither there nor in the
    folder above. Raises ImportFolderError."""
    places = [database] if database else [folder / DATABASE, folder.absolute().parent / DATABASE]
    place = next((place for place in places if place.exists()), None)
    if place is None:
        raise ImportFolderError(
            f"There is no {database or folder / DATABASE}: give gPodder's folder, which is ~/gPodder, or name its "
            "database with --database."
        )
    known = {f"{text(where)}/{text(name)}": told for where, name, *told in rows(place, _QUERY)}

    def describe(path: str, size: int, _: Beside) -> LeftFile:
        feed, guid, url, title, written = known.get("/".join(PurePath(path).parts[-2:]), _UNKNOWN)
        is_told = isinstance(written, int) and written > 0
        return LeftFile(path, size, text(guid), text(url), text(title), text(feed), written if is_told else None)

    return find(folder, describe)
