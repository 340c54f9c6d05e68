import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from podcrawler.store import names
from podcrawler.store.names import MAX_NAME_BYTES, belongs_to, extension, file_name, folder_name, part_name

FAMILY = "👩‍👩‍👧‍👦"
HOSTILE = [
    "",
    "   ",
    "...",
    ". . .",
    "../../etc/passwd",
    "..\\..\\windows",
    "nul\0byte",
    "CON",
    "\u202egnp.exe\u202c",
    "\u2066\u2069\ufeff\u200e",
    "line\nbreak\u2028and\tmore",
    "\ud83d half a pair",
    "電" * 400,
    FAMILY * 60,
    "e\u0301" * 300,
    "a" + "\u0301" * 500,
    "x.part",
    "x" + " ." * 200 + "y",
    "-rf *",
    "\u0338\u0301",
    "</>",
]


def hostile(test: Callable[..., None]) -> Callable[..., None]:
    """Always try the hostile titles too."""
    for title in HOSTILE:
        test = example(title=title)(test)
    return test


@hostile
@given(title=st.text(st.characters(exclude_categories=[]), max_size=500))
def test_any_title_gives_a_name_that_is_safe_and_fits(title: str) -> None:
    name = file_name("Ep_1-x", title, "mp3")
    assert name.startswith("Ep_1-x.")
    assert name.endswith(".mp3")
    assert len(name.encode()) <= MAX_NAME_BYTES
    assert not set(name) & set('/\\:*?"<>|')
    assert all(unicodedata.category(character) not in ("Cc", "Cs") for character in name)
    assert unicodedata.normalize("NFC", name) == name
    stem = name.removeprefix("Ep_1-x.").removesuffix(".mp3")
    assert stem == stem.strip(" .") != ""
    assert belongs_to(name, "Ep_1-x")


@given(title=st.text(max_size=300))
def test_the_normal_forms_of_a_title_give_one_name(title: str) -> None:
    composed, decomposed = (unicodedata.normalize(form, title) for form in ("NFC", "NFD"))
    assert file_name("1", composed, "mp3") == file_name("1", decomposed, "mp3")


@pytest.mark.parametrize(
    ("title", "stem"),
    [
        ("AC/DC: live", "AC-DC： live"),
        ('a\\b*c?d"e<f>g|h', "a＼b＊c？d＂e＜f＞g｜h"),
        ("  one\r\n two\u2028\u3000three ", "one two three"),
        ("a \u200e b", "a b"),
        ("..hidden..", "hidden"),
        ("../../etc/passwd", "-..-etc-passwd"),
        ("\u202eevil\u202c\ufeff\0", "evil"),
        ("e\u0301", "é"),
        ("\0\u200e", "untitled"),
        ("...", "untitled"),
        ("CON", "CON"),
        ("2024年1月：電台", "2024年1月：電台"),
    ],
)
def test_titles(title: str, stem: str) -> None:
    assert file_name("7", title, "mp3") == f"7.{stem}.mp3"


@pytest.mark.parametrize("character", ["電", FAMILY, "👍🏽", "x\u0301\u0323", "🏴\U000e0067\U000e0062\U000e007f"])
@pytest.mark.parametrize("begin", ["", "a", "ab", "abc", "abcd"])
def test_a_long_title_is_cut_between_characters(begin: str, character: str) -> None:
    character = unicodedata.normalize("NFC", character)
    stem = file_name("7", begin + character * 240, "mp3").removeprefix("7.").removesuffix(".mp3")
    whole = stem.removeprefix(begin)
    assert whole == character * (len(whole) // len(character))
    assert len(stem.encode()) + len(character.encode()) > MAX_NAME_BYTES - len("7..mp3")


@pytest.mark.parametrize("episode_id", ["", ".", "..", "a.b", "a/b", "../a", "a\n", "é", "a" * 41, "a b"])
def test_an_illegal_episode_id_names_nothing(episode_id: str) -> None:
    for name in (
        lambda: file_name(episode_id, "title", "mp3"),
        lambda: part_name(episode_id, "token"),
        lambda: belongs_to("a.b.mp3", episode_id),
    ):
        with pytest.raises(ValueError, match="episode id"):
            name()


@pytest.mark.parametrize("podcast_id", ["", ".", "..", "Show", "a/b", "a_b", "a\n", "a" * 61])
def test_an_illegal_podcast_id_names_no_folder(podcast_id: str) -> None:
    with pytest.raises(ValueError, match="podcast id"):
        folder_name(podcast_id)


@pytest.mark.parametrize("ending", ["", "MP3", "part", "mp/3", "toolong", "m.3"])
def test_an_illegal_extension_names_nothing(ending: str) -> None:
    with pytest.raises(ValueError, match="extension"):
        file_name("7", "title", ending)


@pytest.mark.parametrize("token", ["", "a/b", "..", "a.b"])
def test_an_illegal_token_names_nothing(token: str) -> None:
    with pytest.raises(ValueError, match="token"):
        part_name("7", token)


def test_which_names_are_the_file_of_an_episode() -> None:
    assert belongs_to("7.title.mp3", "7")
    assert not belongs_to("77.title.mp3", "7")
    assert belongs_to("7.title.bin", "7")
    for stranger in ("7.title.txt", "7.json", "7.title.mp3.crdownload"):
        assert not belongs_to(stranger, "7")
    assert not belongs_to("7", "7")
    assert not belongs_to(part_name("7", "token"), "7")


@pytest.mark.parametrize(
    ("url", "content_type", "enclosure_type", "expected"),
    [
        ("https://h/a.mp3", "", "", "mp3"),
        ("https://h/a.MP3?x=.ogg#y.wav", "", "", "mp3"),
        ("https://h/a.mp3", "audio/ogg", "audio/mp4", "ogg"),
        ("https://[h/a.mp3", "", "", "bin"),
        ("https://h/a.m4a/", "", "", "m4a"),
        ("https://h/a%2Emp3", "", "", "mp3"),
        ("https://h/a.php", "audio/mpeg", "audio/ogg", "mp3"),
        ("https://h/a", "Audio/MP4; codecs=mp4a", "", "m4a"),
        ("https://h/a.mp3evil", "", "audio/x-m4a", "m4a"),
        ("https://h/a", "application/octet-stream", "video/mp4", "mp4"),
        ("https://h/a.part", "text/plain", "", "bin"),
        ("https://h", "", "", "bin"),
    ],
)
def test_extension(url: str, content_type: str, enclosure_type: str, expected: str) -> None:
    assert extension([content_type, enclosure_type], [url]) == expected


@hostile
@given(title=st.text())
def test_a_disambiguated_path_is_as_safe_as_any(title: str) -> None:
    default = names.default_destination("show", "AB", title, "mp3")
    path = default.path
    assert names.destination("show", "AB", path) == default
    other = default.disambiguated()
    assert default.is_default
    assert other.is_default
    assert names.destination(*other[:3]) == other
    name, other_name = path.removeprefix("show/"), other.path.removeprefix("show/")
    assert not names.same_on_some_disks(other_name, name)
    assert names.belongs_to(other_name, "AB")
    assert other_name.endswith(".mp3")
    assert len(other_name.encode()) <= names.MAX_NAME_BYTES
    assert "/" not in other_name


@pytest.mark.parametrize(
    "path", ["show/Pilot.mp3", "by year/2026/Pilot, part 1.M4A", "電台/第一回.ogg", "show/11.bin", "other/1.title.mp3"]
)
def test_a_user_may_name_files_in_another_way(path: str) -> None:
    chosen = names.destination("show", "1", path)
    assert (chosen.path, chosen.is_default) == (path, False)
    other = chosen.disambiguated()
    assert other.path != path
    assert other.path != names.destination("show", "2", path).disambiguated().path
    assert names.destination(*other[:3]) == other


@pytest.mark.parametrize(
    "path",
    [
        "",
        "1.title.mp3",
        "/show/1.title.mp3",
        "../show/1.title.mp3",
        "show/../1.title.mp3",
        "show//1.title.mp3",
        "show/",
        ".hidden/1.title.mp3",
        "show/.mp3",
        "show/1.title.part",
        "show/1.title.html",
        "show/1.title",
        "show/1\n.mp3",
        "show/1:2.mp3",
        "show\\1.mp3",
        "show/a\u202eb.mp3",
        "show/a\ud800b.mp3",
        "show/" + "x" * 237 + ".mp3",
        "show /1.mp3",
    ],
)
def test_what_cannot_be_a_path_in_the_store_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="cannot be the path of a media file in the store"):
        names.destination("show", "1", path)


def test_which_names_are_the_same_on_some_disks() -> None:
    assert names.same_on_some_disks("ab.Größe.mp3", "AB.GRÖSSE.mp3")
    assert not names.same_on_some_disks("ab.x.mp3", "ab.x.mp3")
    assert not names.same_on_some_disks("ab.x.mp3", "ac.x.mp3")


@pytest.mark.parametrize(
    ("name", "episode_id"),
    [
        ("7.mp3", "7"),
        ("7.title.mp3", "7"),
        ("a_B-1.a.b.MP3", "a_B-1"),
        ("7.title.bin", "7"),
        ("7.title.mp3.old", ""),
        ("7.token.part", ""),
        ("7", ""),
        (".7.mp3", ""),
        ("a b.title.mp3", ""),
        ("7.title.txt", ""),
        (f"{'7' * 41}.title.mp3", ""),
    ],
)
def test_the_name_of_a_media_file_tells_its_episode(name: str, episode_id: str) -> None:
    assert names.episode_of(name) == episode_id
    assert not episode_id or belongs_to(name, episode_id)
