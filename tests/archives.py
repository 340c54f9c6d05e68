"""Archives as podcrawler leaves them: made without anybody having downloaded anything, and looked at."""

import hashlib
import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from podcrawler.items import Enclosure, Episode, Podcast
from podcrawler.library.catalog import Catalog
from podcrawler.store import sidecar
from podcrawler.store.names import file_name

CAPTURED = datetime(2026, 11, 1, 12, tzinfo=UTC)


def put_podcast(root: Path, podcast_id: str = "show-0a1b2c3d", **fields: Any) -> Podcast:
    """Make the folder of a podcast with its record, in an archive."""
    told = {"title": "A Show", "address": "https://example.org/feed.xml", "guid": "show-guid", **fields}
    podcast = Podcast(id=podcast_id, **told)
    folder = root / podcast_id
    folder.mkdir(parents=True, exist_ok=True)
    (folder / sidecar.PODCAST_NAME).write_bytes(sidecar.dump_podcast(podcast, CAPTURED))
    return podcast


def put_episode(
    root: Path, content: bytes, /, podcast_id: str = "show-0a1b2c3d", number: int = 1, **fields: Any
) -> Path:
    """Put an episode's file into an archive, with its sidecar; where it is. ``fields`` are of the Episode."""
    told: dict[str, Any] = {
        "title": f"Episode {number}",
        "guid": f"guid-{number}",
        "enclosure": Enclosure(f"https://media.example.org/{number}.mp3", "audio/mpeg", len(content)),
        "published": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number),
        **fields,
    }
    episode = Episode(id=str(number), podcast_id=podcast_id, **told)
    path = root / podcast_id / file_name(episode.id, episode.title, "mp3")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    facts = sidecar.FileFacts(path.name, len(content), hashlib.sha256(content).hexdigest(), verified=True)
    capture = sidecar.Capture(CAPTURED, "node-1", "podcrawler 0.1", f"https://media.example.org/{number}.mp3")
    described = sidecar.describe(episode, facts, capture, {"content-type": "audio/mpeg"})
    path.with_name(sidecar.sidecar_name(path.name)).write_bytes(sidecar.dumps(described))
    return path


def put_beside(
    media: Path, ending: str, content: bytes, kind: Literal["cover", "transcript", "chapters"], **fields: str
) -> Path:
    """Put a file beside a media file, as ``<its name without extension><ending>``, and into its sidecar; where it is.
    ``fields`` are of the BesideFile."""
    path = media.with_name(media.stem + ending)
    path.write_bytes(content)
    beside = sidecar.BesideFile(kind, path.name, len(content), hashlib.sha256(content).hexdigest(), **fields)
    described = media.with_name(sidecar.sidecar_name(media.name))
    told = sidecar.loads(described.read_bytes())
    described.write_bytes(sidecar.dumps(replace(told, beside=[*told.beside, beside])))
    return path


def assert_described(root: Path) -> None:
    """Fail unless each media file has a sidecar that is right, and one line in the manifest, as each file beside it has
    that it tells of, and the cover of its podcast, and no other file has."""
    catalog = Catalog(root)
    for podcast_id in catalog.podcast_ids():
        folder = root / podcast_id
        found = list(catalog.files(podcast_id))
        assert [one.path for one in found if one.problem or not one.sidecar or not one.path.exists()] == []
        digests = {one.path.name: one.sidecar.file.sha256 for one in found if one.sidecar}
        digests |= {beside.name: beside.sha256 for one in found if one.sidecar for beside in one.sidecar.beside}
        record = catalog.podcast(podcast_id)
        digests |= {record.cover.name: record.cover.sha256} if record and record.cover else {}
        lines = manifest_of(folder)
        assert sorted(lines) == sorted(f"{digest}  {name}" for name, digest in digests.items())
        if lines:
            subprocess.run(["sha256sum", "--quiet", "--strict", "-c", "manifest-sha256.txt"], cwd=folder, check=True)


def manifest_of(folder: Path) -> list[str]:
    """The lines of a folder's manifest."""
    manifest = folder / "manifest-sha256.txt"
    return manifest.read_text(encoding="utf-8").splitlines() if manifest.exists() else []


def events_of(folder: Path) -> list[dict[str, Any]]:
    """The events of a folder."""
    return [json.loads(line) for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()]
