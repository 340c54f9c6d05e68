"""What an archive tells of its podcasts."""

from dataclasses import replace

from podcrawler.items import Podcast
from podcrawler.library.catalog import Catalog
from podcrawler.publish.index import reason
from podcrawler.store.sidecar import PODCAST_NAME, SidecarError


def podcast_in(catalog: Catalog, podcast_id: str) -> tuple[Podcast, list[str]]:
    """The podcast in the folder with this name, and a sentence if its record cannot be read. What nobody has told is
    empty, and the title is the id."""
    problem = []
    try:
        record = catalog.podcast(podcast_id)
    except (SidecarError, OSError) as error:
        problem.append(f"{PODCAST_NAME}: {reason(error)}")
        record = None
    # A folder may be a copy that has another name.
    podcast = replace(record.podcast, id=podcast_id) if record else Podcast(podcast_id, podcast_id, "")
    return podcast, problem
