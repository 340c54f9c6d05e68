"""``publish --tree --nfo``: what Kodi and Jellyfin read beside the files of a tree."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from podcrawler.details import Category
from podcrawler.store import sidecar
from tests.archives import put_beside, put_episode, put_podcast
from tests.conftest import Commands, Result
from tests.publish.reading import SHOW

TEMPLATE = "Shows/{podcast}/{year}/{date} {title}.{ext}"
JPEG = b"\xff\xd8\xff\xe0 no more than the beginning of a picture"
#: What https://kodi.wiki/view/NFO_files/Episodes and .../TV_shows describe, of which each may be there once; Kodi
#: takes ``genre`` and ``uniqueid`` several times.
EPISODE_TAGS = {
    *("title", "originaltitle", "showtitle", "season", "episode", "plot", "outline", "runtime", "aired", "premiered"),
    *("studio", "genre", "uniqueid"),
}
SHOW_TAGS = {"title", "originaltitle", "plot", "premiered", "studio", "status", "genre", "uniqueid"}


@pytest.fixture
def archive(commands: Commands) -> Path:
    put_podcast(commands.archive)
    return commands.archive


def grow(commands: Commands, *words: str, template: str = TEMPLATE, status: int = 0) -> Result:
    ended = commands.run("publish", "--tree", template, "--to", "tree", "--nfo", *words)
    assert (ended.status, "Traceback" in ended.err) == (status, False), ended.out + ended.err
    return ended


def tree(commands: Commands) -> list[str]:
    folder = commands.folder / "tree"
    return sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name[:1] != "."
    )


def told(commands: Commands, path: str) -> dict[str, str]:
    """The elements of an NFO file by name, which must be ones that Kodi knows."""
    raw = (commands.folder / "tree" / path).read_bytes()
    assert raw.startswith(b"<?xml version='1.0' encoding='utf-8' standalone='yes'?>")
    root = etree.fromstring(raw)
    assert {one.tag for one in root} <= {"tvshow": SHOW_TAGS, "episodedetails": EPISODE_TAGS}[root.tag]
    assert [dict(one.attrib) for one in root.findall("uniqueid")] == [{"type": "podcrawler", "default": "true"}]
    found: dict[str, Any] = {}
    for one in root:
        text = one.text or ""
        found[one.tag] = f"{found[one.tag]}, {text}" if one.tag in found else text
    return found


def test_shows_and_episodes_have_their_files_and_pictures(commands: Commands, archive: Path) -> None:
    put_podcast(
        archive,
        title="標題 & <Show>",
        description="<p>About &amp; more</p>",
        author="Ann",
        categories=[Category("Arts", ["Books"]), Category("News")],
        complete=True,
    )
    (archive / SHOW / "cover.jpg").write_bytes(JPEG)
    first = put_episode(
        archive,
        b"1",
        title="</title>\x00 & 一",
        description="<b>What</b> happens",
        subtitle="In short",
        duration=61,
        season=2,
        episode=5,
        categories=[Category("Arts")],
    )
    cover = put_beside(first, ".png", JPEG, "cover")
    put_episode(archive, b"2", number=2, published=datetime(2025, 5, 6, tzinfo=UTC))
    grow(commands)
    show = "Shows/標題 & ＜Show＞"
    assert tree(commands) == [
        f"{show}/2025/2025-05-06 Episode 2.mp3",
        f"{show}/2025/2025-05-06 Episode 2.nfo",
        *(f"{show}/2026/2026-01-02 ＜-title＞ & 一{end}" for end in ("-thumb.png", ".mp3", ".nfo")),
        *(f"{show}/{name}" for name in ("folder.jpg", "poster.jpg", "tvshow.nfo")),
    ]
    for path, source in (
        ("poster.jpg", archive / SHOW / "cover.jpg"),
        ("2026/2026-01-02 ＜-title＞ & 一-thumb.png", cover),
    ):
        assert (commands.folder / "tree" / show / path).samefile(source), "pictures are links"
    assert told(commands, f"{show}/tvshow.nfo") == {
        "title": "標題 & <Show>",
        "originaltitle": "標題 & <Show>",
        "plot": "About & more",
        "premiered": "2025-05-06",
        "studio": "Ann",
        "status": "Ended",
        "genre": "Arts, News",
        "uniqueid": SHOW,
    }
    assert told(commands, f"{show}/2026/2026-01-02 ＜-title＞ & 一.nfo") == {
        "title": "</title> & 一",
        "showtitle": "標題 & <Show>",
        "season": "2",
        "episode": "5",
        "plot": "What happens",
        "outline": "In short",
        "runtime": "2",
        "aired": "2026-01-02",
        "premiered": "2026-01-02",
        "studio": "Ann",
        "genre": "Arts",
        "uniqueid": f"{SHOW}/1",
    }
    assert "0 files made, 0 removed, 8 unchanged." in grow(commands).out


def test_only_what_has_changed_is_written_and_what_is_gone_is_removed(commands: Commands, archive: Path) -> None:
    first, second = (put_episode(archive, b"x", number=number) for number in (1, 2))
    put_beside(second, ".jpg", JPEG, "cover")
    grow(commands)
    described = first.with_name(sidecar.sidecar_name(first.name))
    described.write_text(described.read_text().replace('"guid-1"', '"guid-1",\n    "description": "New"'))
    assert "1 file made, 0 removed, 5 unchanged." in grow(commands).out
    show = "Shows/A Show"
    assert told(commands, f"{show}/2026/2026-01-02 Episode 1.nfo")["plot"] == "New"
    for path in archive.glob(f"{SHOW}/2.*"):
        path.unlink()
    assert "0 files made, 3 removed, 3 unchanged." in grow(commands).out
    ours = [f"{show}/2026/2026-01-02 Episode 1.mp3", f"{show}/2026/2026-01-02 Episode 1.nfo", f"{show}/tvshow.nfo"]
    assert tree(commands) == ours
    (commands.folder / "tree" / ".podcrawler-tree.json").unlink()
    assert "0 files made, 0 removed, 3 unchanged." in grow(commands).out
    (commands.folder / "tree" / show / "tvshow.nfo").write_text("mine")
    assert f"{show}/tvshow.nfo: there is another file of that name, which is left alone" in grow(commands, status=1).out
    assert commands.run("publish", "--tree", TEMPLATE, "--to", "tree").status == 0
    assert tree(commands) == [ours[0], ours[2]], "without --nfo its files go, but for what is somebody else's"


def test_names_belong_together_whatever_titles_are(commands: Commands, archive: Path) -> None:
    for number, title in enumerate(("tvshow", "same", "SAME"), 1):
        put_episode(archive, b"x", number=number, title=title)
    video = put_episode(archive, b"x", number=4, title="same")
    described = video.with_name(sidecar.sidecar_name(video.name))
    sidecar_of = sidecar.loads(described.read_bytes())
    described.unlink()
    video = video.rename(video.with_suffix(".mp4"))
    described = video.with_name(sidecar.sidecar_name(video.name))
    described.write_bytes(sidecar.dumps(replace(sidecar_of, file=replace(sidecar_of.file, name=video.name))))
    grow(commands, template="{podcast}/{title}.{ext}")
    found = tree(commands)
    assert len({path.casefold() for path in found}) == len(found) == 9
    stems = {path.rpartition(".")[0] for path in found if not path.endswith(".nfo")}
    assert len(stems) == 4
    assert {f"{stem}.nfo" for stem in stems} | {"A Show/tvshow.nfo"} == {path for path in found if path.endswith("nfo")}
    assert told(commands, "A Show/tvshow.nfo")["title"] == "A Show"


def test_episodes_have_places_of_their_own(commands: Commands, archive: Path) -> None:
    numbers: list[dict[str, Any]] = [
        {"season": 1, "episode": 1},
        {"season": None, "episode": 2},
        {"season": None, "episode": None},
        {"season": 1, "episode": 2},
        {"season": 0, "episode": 1},
        {"season": 2026, "episode": 7},
        {"season": 1, "episode": 1.5},
        {"season": None, "episode": None, "published": None},
    ]
    for number, told_of in enumerate(numbers, 1):
        put_episode(archive, b"x", number=number, **told_of)
    grow(commands, template="{podcast}/{id}.{ext}")
    found = [told(commands, f"A Show/{number}.nfo") for number in range(1, len(numbers) + 1)]
    assert [f"{one['season']}x{one['episode']}" for one in found] == [
        *("1x1", "1x2", "2026x3", "2026x4", "0x1", "2026x7", "2026x8", "0x8"),
    ]


def test_two_podcasts_in_one_folder_are_told(commands: Commands, archive: Path) -> None:
    put_podcast(archive, "other-0a1b2c3d", guid="other")
    for podcast_id in (SHOW, "other-0a1b2c3d"):
        put_episode(archive, b"x", podcast_id)
    sentence = "left out: Shows/A Show/tvshow.nfo: another podcast has one in the same folder"
    assert sentence in grow(commands, status=1).out
    assert "6 files made, 5 removed" in grow(commands, template="{podcast_id}/{title}.{ext}").out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--tree {title}.{ext} --to tree --nfo", "--nfo needs a folder for each podcast"),
        ("--tree {year}/{podcast}{title}.{ext} --to tree --nfo", "begin the template with {podcast}/."),
        ("--pages --nfo", "--tags and --nfo are for a tree"),
        ("--base-url https://example.org/ --tags", "--tags and --nfo are for a tree"),
    ],
)
def test_wrong_use_ends_in_a_sentence(commands: Commands, archive: Path, words: str, sentence: str) -> None:
    put_episode(archive, b"x")
    ended = commands.run("publish", *words.split())
    assert (ended.status, sentence in ended.err, "Traceback" in ended.err) == (2, True, False), ended.err
    assert not (commands.folder / "tree").exists()
