"""Where the pages of an archive are, in its folder or in another one."""

from collections.abc import Sequence

FIRST = "index.html"
#: What pages share, in the archive's folder; it is no podcast's.
SHARED = "_pages"
#: The pages of episodes, in the folder of their podcast.
EPISODES = "pages"


def is_page(place: Sequence[str]) -> bool:
    """Whether podcrawler alone writes files there: the folders that lead to one, and its name."""
    match place:
        case [name] | [_, name]:
            return name == FIRST or place[0] == SHARED
        case [_, folder, _]:
            return folder == EPISODES
        case _:
            return False
