"""``publish --tree``: the files of an archive under names that people choose."""

import re
from pathlib import Path

import pytest

from podcrawler.publish.template import FIELDS
from podcrawler.store import sidecar
from tests.archives import put_episode, put_podcast
from tests.checkout import ROOT
from tests.conftest import Commands, Result
from tests.disks import small_disk
from tests.publish.reading import SHOW

TEMPLATE = "{podcast}/{year}/{date} {title}.{ext}"


@pytest.fixture
def archive(commands: Commands) -> Path:
    put_podcast(commands.archive)
    return commands.archive


def grow(commands: Commands, template: str = TEMPLATE, *words: str, status: int = 0) -> Result:
    ended = commands.run("publish", "--tree", template, "--to", "tree", *words)
    assert (ended.status, "Traceback" in ended.err) == (status, False), ended.out + ended.err
    return ended


def tree(commands: Commands) -> dict[str, bytes]:
    folder = commands.folder / "tree"
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".podcrawler-tree.json"
    }


def test_files_are_linked_under_the_names_of_the_template(commands: Commands, archive: Path) -> None:
    path = put_episode(archive, b"one", title="標題：第一回 😀")
    put_episode(archive, b"two", number=2, title="", published=None)
    assert "2 files made, 0 removed, 0 unchanged." in grow(commands).out
    assert tree(commands) == {
        "A Show/2026/2026-01-02 標題：第一回 😀.mp3": b"one",
        "A Show/undated/undated untitled.mp3": b"two",
    }
    assert path.samefile(commands.folder / "tree" / "A Show/2026/2026-01-02 標題：第一回 😀.mp3")
    assert "0 files made, 0 removed, 2 unchanged." in grow(commands).out


def test_all_fields(commands: Commands, archive: Path) -> None:
    put_episode(archive, b"x", number=1, title="Zero")
    put_episode(archive, b"x", number=2, title="One", guid="a/b", season=3, episode=4)
    numbers = ("season", "episode", "number", "version")
    fields = [f"{{{name}:03}}" if name in numbers else f"{{{name}}}" for name in FIELDS]
    assert (fields[1], fields[-1]) == ("{podcast_id}", "{ext}")
    grow(commands, f"{{podcast_id}}/{'_'.join(fields[:-1])}.{{ext}}")
    assert sorted(tree(commands)) == [
        f"{SHOW}/A Show_{SHOW}_1_guid-1_Zero_2026-01-02_2026_01_02_000_000_001_001.mp3",
        f"{SHOW}/A Show_{SHOW}_2_a-b_One_2026-01-03_2026_01_03_003_004_002_001.mp3",
    ]


@pytest.mark.parametrize(
    "title",
    ["../../../etc/passwd", "/etc/passwd", "..", ".", "a\x00b\n\x1b[31m", 'CON:*?<>|"\\', "x" * 900, "標" * 300],
    ids=ascii,
)
def test_a_title_leads_nowhere_else(commands: Commands, archive: Path, title: str) -> None:
    put_podcast(archive, title=title)
    put_episode(archive, b"x", title=title)
    grow(commands, "{podcast}/{title}/{date} {title}.{ext}")
    (path,) = tree(commands)
    folders = path.split("/")
    assert (len(folders), folders[2][:10], path.endswith(".mp3")) == (3, "2026-01-02", True)
    assert all(len(name.encode()) <= 240 and name.isprintable() and not name.startswith(".") for name in folders)
    assert not set('\\:*?"<>|').intersection(path)
    assert {one.name for one in commands.folder.iterdir()} == {"archive", "tree"}


def test_names_that_are_the_same_on_some_disk_get_a_mark(commands: Commands, archive: Path) -> None:
    for number, title in ((1, "Straße"), (2, "STRASSE"), (3, "straße"), (4, "Other")):
        put_episode(archive, b"%d" % number, number=number, title=title)
    grow(commands, "{title}.{ext}")
    found = tree(commands)
    assert len({name.casefold() for name in found}) == len(found) == 4
    assert found["Straße.mp3"] == b"1"
    marked = sorted(name for name in found if "~" in name)
    assert [name[: name.index(" ~")] for name in marked] == ["STRASSE", "straße"]
    (commands.folder / "tree" / ".podcrawler-tree.json").unlink()
    assert "0 files made, 0 removed, 4 unchanged." in grow(commands, "{title}.{ext}").out
    assert tree(commands) == found, "the names depend on nothing but the archive"


def test_what_is_gone_or_has_another_name_is_moved_and_others_files_stay(commands: Commands, archive: Path) -> None:
    gone, renamed, replaced = (put_episode(archive, b"%d" % number, number=number) for number in (1, 2, 3))
    grow(commands)
    folder = commands.folder / "tree" / "A Show" / "2026"
    (folder / "mine.mp3").write_bytes(b"mine")
    gone.unlink()
    gone.with_name(f"{gone.name}.json").unlink()
    beside = renamed.with_name(f"{renamed.name}.json")
    beside.write_text(beside.read_text().replace('"Episode 2"', '"Another"'))
    replaced.unlink()
    replaced.write_bytes(b"fetched again")
    told = grow(commands)
    assert "2 files made, 2 removed, 0 unchanged." in told.out
    assert tree(commands) == {
        "A Show/2026/mine.mp3": b"mine",
        "A Show/2026/2026-01-03 Another.mp3": b"2",
        "A Show/2026/2026-01-04 Episode 3.mp3": b"fetched again",
    }
    assert grow(commands, "{title}.{ext}").status == 0
    assert set(tree(commands)) == {"A Show/2026/mine.mp3", "Another.mp3", "Episode 3.mp3"}
    (commands.folder / "tree" / "A Show/2026/mine.mp3").unlink()
    grow(commands)
    grow(commands, "{title}.{ext}")
    assert not (commands.folder / "tree" / "A Show").exists(), "no empty folders are left"


def test_a_place_that_is_taken_is_told(commands: Commands, archive: Path) -> None:
    for number in (1, 2):
        put_episode(archive, b"x", number=number)
    folder = commands.folder / "tree"
    folder.mkdir()
    (folder / "Episode 1.mp3").write_bytes(b"mine")
    grow(commands, "{title}.{ext}", status=1)
    assert tree(commands) == {"Episode 1.mp3": b"mine", "Episode 2.mp3": b"x"}
    told = grow(commands, "{title}.{ext}", status=1)
    assert "left out: Episode 1.mp3: there is another file of that name, which is left alone" in told.out
    (folder / "Episode 2.mp3").unlink()
    (folder / "Episode 2.mp3").write_bytes(b"mine, too")
    for path in archive.glob(f"{SHOW}/2.*"):
        path.unlink()
    grow(commands, "{title}.{ext}", status=1)
    assert tree(commands) == {"Episode 1.mp3": b"mine", "Episode 2.mp3": b"mine, too"}


def test_another_disk_has_copies(commands: Commands, archive: Path) -> None:
    path = put_episode(archive, b"one")
    with small_disk(commands.folder / "tree", 1_000_000):
        assert "1 file made (1 as copies), 0 removed, 0 unchanged." in grow(commands).out
        assert tree(commands) == {"A Show/2026/2026-01-02 Episode 1.mp3": b"one"}
        assert "0 files made, 0 removed, 1 unchanged." in grow(commands).out
        (commands.folder / "tree" / ".podcrawler-tree.json").unlink()
        assert "0 files made, 0 removed, 1 unchanged." in grow(commands).out, "a copy is known again"
        path.write_bytes(b"two")
        assert "1 file made (1 as copies)" in grow(commands).out
        assert tree(commands) == {"A Show/2026/2026-01-02 Episode 1.mp3": b"two"}
        path.write_bytes(bytes(2_000_000))
        assert "its disk is full; free some space" in grow(commands, status=2).err
        assert tree(commands) == {"A Show/2026/2026-01-02 Episode 1.mp3": b"two"}


def test_older_versions_are_there_if_the_template_tells_them_apart(commands: Commands, archive: Path) -> None:
    first = put_episode(archive, b"one")
    told = first.with_name(f"{first.name}.json").read_text()
    second = first.with_name("1.Episode 1.v2.mp3")
    second.write_bytes(b"two")
    changed = told.replace(first.name, second.name).replace('"title"', '"version": 2, "title"')
    second.with_name(f"{second.name}.json").write_text(changed)
    assert sidecar.loads(changed.encode()).episode.version == 2
    grow(commands, "{title}.{ext}")
    assert tree(commands) == {"Episode 1.mp3": b"two"}
    grow(commands, "{title}-{version}.{ext}")
    assert tree(commands) == {"Episode 1-1.mp3": b"one", "Episode 1-2.mp3": b"two"}


def test_a_disk_that_is_not_mounted_empties_no_tree(commands: Commands, archive: Path) -> None:
    put_episode(archive, b"x")
    grow(commands)
    archive.rename(commands.folder / "elsewhere")
    archive.mkdir()
    assert "The archive has no files, and the tree would lose all of its own" in grow(commands, status=2).err
    assert len(tree(commands)) == 1


def test_deleting_the_tree_costs_nothing(commands: Commands, archive: Path) -> None:
    path = put_episode(archive, b"x")
    grow(commands)
    for made in sorted((commands.folder / "tree").rglob("*"), reverse=True):
        made.rmdir() if made.is_dir() else made.unlink()
    assert path.read_bytes() == b"x"
    grow(commands)
    assert len(tree(commands)) == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{podcast}/{titel}.{ext}", "there is no field {titel}; there are podcast, podcast_id, id,"),
        ("../{title}.{ext}", "it would lead out of its folder, or to a hidden file"),
        ("/{title}.{ext}", "it would lead out of its folder"),
        ("{podcast}/../../{title}.{ext}", "it would lead out of its folder"),
        (".hidden/{title}.{ext}", "it would lead out of its folder, or to a hidden file"),
        ("{podcast}//{title}.{ext}", "it would lead out of its folder"),
        ("{podcast}/.{ext}", "it would lead out of its folder"),
        ("{title}", "it does not end in .{ext}, and players know files by their extensions"),
        ("{title.__class__}.{ext}", "there is no field {title.__class__}"),
        ("{}.{ext}", "there is no field {}"),
        ("{title!r}.{ext}", "{title} can have nothing behind its name; numbers can have a width: {episode:03}"),
        ("{title:9999999999}.{ext}", "{title} can have nothing behind its name"),
        ("{number:999}.{ext}", "{number} can have nothing behind its name"),
        ("{title.{ext}", "its braces do not match"),
    ],
)
def test_a_template_is_checked_before_anything_is_made(
    commands: Commands, archive: Path, text: str, sentence: str
) -> None:
    put_episode(archive, b"x")
    assert f"{text} cannot be a template: {sentence}" in grow(commands, text, status=2).err
    assert not (commands.folder / "tree").exists()


@pytest.mark.parametrize("words", ["", "--to archive", "--to archive/tree", "--to ."])
def test_a_tree_has_a_folder_of_its_own(commands: Commands, archive: Path, words: str) -> None:
    put_episode(archive, b"x")
    ended = commands.run("publish", "--tree", TEMPLATE, *words.split())
    assert (ended.status, "--to" in ended.err, "Traceback" in ended.err) == (2, True, False)
    assert list(commands.folder.glob("tree")) == list(archive.glob("tree")) == []


def test_the_docs_have_every_field() -> None:
    page = (ROOT / "docs" / "publish.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `\{(\w+)\}` \| (.*) \|$", page, re.MULTILINE))
    assert list(rows) == list(FIELDS)
